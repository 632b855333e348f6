"""The token format: what one perception token says, channel by channel.

Does not know networks. Numbers are written the way answers write them, one place for each digit, so that reading
them out needs no arithmetic; every other channel is a probability, a colour or a code of an ImageNet name.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception.names import CHARACTERS, JOINTS, OBJECTS, PICTURE_CLASSES

__all__ = [
    "NAME_CODE",
    "TOKEN_WIDTH",
    "channel",
    "channel_words",
    "joint_token",
    "letter_token",
    "object_token",
    "picture_token",
    "tally_token",
]

NAME_CODE = 128  # channels of the code of an ImageNet name
DIGITS = 11 + 10  # tenths 0 to 10, hundredths 0 to 9
KINDS = ("picture", "object", "joint", "letter", "tally")
SLOTS = 24  # which one of its kind: rank of an object, number of a joint, place of a letter

_FIELDS = {
    "kind": len(KINDS),
    "slot": SLOTS,
    "numbers": 6 * DIGITS,
    "picture": len(PICTURE_CLASSES),
    "object": len(OBJECTS),
    "letter": len(CHARACTERS),
    "name": NAME_CODE,
    "colour": 3,
    "scalars": 4,
}
_START: dict[str, int] = {}
TOKEN_WIDTH = 0
for _field, _size in _FIELDS.items():
    _START[_field] = TOKEN_WIDTH
    TOKEN_WIDTH += _size


def _token(kind: str, slot: int = 0) -> Tensor:
    token = torch.zeros(TOKEN_WIDTH)
    token[_START["kind"] + KINDS.index(kind)] = 1.0
    token[_START["slot"] + min(slot, SLOTS - 1)] = 1.0
    return token


def _put(token: Tensor, field: str, values: Tensor | Sequence[float]) -> None:
    values = torch.as_tensor(values, dtype=torch.float32)
    token[_START[field] : _START[field] + len(values)] = values


def _write_numbers(token: Tensor, hundredths: Sequence[int]) -> None:
    for place, number in enumerate(hundredths):
        tens, units = divmod(min(max(number, 0), 109), 10)
        start = _START["numbers"] + place * DIGITS
        token[start + tens] = 1.0
        token[start + 11 + units] = 1.0


def _shares(values: Sequence[float]) -> list[int]:
    """Hundredths, rounded just as ``grounding`` rounds when it writes an answer."""
    return [round(float(f"{min(max(value, 0.0), 1.0):.2f}") * 100) for value in values]


def picture_token(classes: Tensor, name: Tensor, colour: Tensor, *, aspect: float, side: int) -> Tensor:
    """The whole picture: class probabilities (10,), name code, mean RGB in [0, 1], width / height, longer side."""
    token = _token("picture")
    _put(token, "picture", classes)
    _put(token, "name", name)
    _put(token, "colour", colour)
    _put(token, "scalars", [min(aspect, 8.0) / 4, min(side, 1024) / 512])
    return token


def object_token(
    rank: int, box: Sequence[float], score: float, classes: Tensor, name: Tensor, colour: Tensor
) -> Tensor:
    """One object: x1, y1, x2, y2 and its centre in shares, score, class probabilities, name code, mean RGB."""
    token = _token("object", rank)
    x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    _write_numbers(token, _shares([x1, y1, x2, y2, (x1 + x2) / 2, (y1 + y2) / 2]))
    _put(token, "object", classes)
    _put(token, "name", name)
    _put(token, "colour", colour)
    _put(token, "scalars", [score, x2 - x1, y2 - y1])
    return token


def joint_token(number: int, place: Sequence[float], confidence: float) -> Tensor:
    """One joint of the person: x, y in shares and the probability of its peak."""
    token = _token("joint", number)
    _write_numbers(token, _shares(place))
    _put(token, "scalars", [confidence])
    return token


def letter_token(place: int, characters: Tensor) -> Tensor:
    """One letter of a word: probabilities over CHARACTERS."""
    token = _token("letter", place)
    _put(token, "letter", characters)
    return token


def tally_token(rank: int, label: int, count: int) -> Tensor:
    """How many objects of one class were found."""
    token = _token("tally", rank)
    _write_numbers(token, [count])
    _put(token, "object", functional.one_hot(torch.tensor(label), len(OBJECTS)).float())
    return token


def channel_words() -> dict[int, str]:
    """The word that a channel stands for, where there is one."""
    words: dict[int, str] = dict(enumerate(("picture", "object", "joint", "letter", "count"), _START["kind"]))
    words |= dict(enumerate(JOINTS, _START["slot"]))
    for field, names in (("picture", PICTURE_CLASSES), ("object", OBJECTS), ("letter", CHARACTERS)):
        words |= dict(enumerate(names, _START[field]))
    return words


def channel(field: str) -> int:
    """Where a field starts in a token."""
    return _START[field]
