"""The token format: what one perception token says, channel by channel.

Does not know networks. Numbers follow the thing they belong to, a token for each digit that an answer would write, so
that reading them out is copying; every other channel is a probability, a colour or a code of an ImageNet name.
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
    "joint_tokens",
    "letter_token",
    "object_tokens",
    "picture_token",
    "tally_tokens",
]

NAME_CODE = 128  # channels of the code of an ImageNet name
KINDS = ("picture", "object", "joint", "letter", "tally", "digit")
SLOTS = 24  # which one of its kind: rank of an object, number of a joint, place of a letter or a digit

_FIELDS = {
    "kind": len(KINDS),
    "slot": SLOTS,
    "digit": 10,
    "picture": len(PICTURE_CLASSES),
    "object": len(OBJECTS),
    "letter": len(CHARACTERS),
    "joint": len(JOINTS),
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


def _digits(numbers: Sequence[str]) -> list[Tensor]:
    """A token for each digit; its slot says which digit of which number it is."""
    found = []
    for place, digit in enumerate("".join(numbers)):
        token = _token("digit", place)
        token[_START["digit"] + int(digit)] = 1.0
        found.append(token)
    return found


def _shares(values: Sequence[float]) -> list[str]:
    """The two decimals of each share as ``grounding`` writes them; 1.00, which has no two, is told as 0.99."""
    return [f"{abs(min(max(value, 0.0), 0.99)):.2f}"[2:] for value in values]  # no minus before a zero


def picture_token(classes: Tensor, name: Tensor, colour: Tensor, *, aspect: float, side: int) -> Tensor:
    """The whole picture: class probabilities (10,), name code, mean RGB in [0, 1], width / height, longer side."""
    token = _token("picture")
    _put(token, "picture", classes)
    _put(token, "name", name)
    _put(token, "colour", colour)
    _put(token, "scalars", [min(aspect, 8.0) / 4, min(side, 1024) / 512])
    return token


def object_tokens(
    rank: int, box: Sequence[float], score: float, classes: Tensor, name: Tensor, colour: Tensor
) -> list[Tensor]:
    """One object: score, class probabilities, name code, mean RGB; then the digits of x1, y1, x2, y2 and its centre."""
    token = _token("object", rank)
    x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    _put(token, "object", classes)
    _put(token, "name", name)
    _put(token, "colour", colour)
    _put(token, "scalars", [score, x2 - x1, y2 - y1])
    return [token, *_digits(_shares([x1, y1, x2, y2, (x1 + x2) / 2, (y1 + y2) / 2]))]


def joint_tokens(number: int, place: Sequence[float], confidence: float) -> list[Tensor]:
    """One joint of the person: which, and the probability of its peak; then the digits of x and y."""
    token = _token("joint", number)
    token[_START["joint"] + number] = 1.0
    _put(token, "scalars", [confidence])
    return [token, *_digits(_shares(place))]


def letter_token(place: int, characters: Tensor) -> Tensor:
    """One letter of a word: probabilities over CHARACTERS."""
    token = _token("letter", place)
    _put(token, "letter", characters)
    return token


def tally_tokens(rank: int, label: int, count: int) -> list[Tensor]:
    """A class and the digits of how many objects of it were found."""
    token = _token("tally", rank)
    _put(token, "object", functional.one_hot(torch.tensor(label), len(OBJECTS)).float())
    return [token, *_digits([str(count)])]


def channel_words() -> dict[int, str]:
    """The word that a channel stands for, where there is one."""
    words: dict[int, str] = dict(enumerate(("picture", "object", "joint", "letter", "count"), _START["kind"]))
    named = {
        "digit": "0123456789",
        "picture": PICTURE_CLASSES,
        "object": OBJECTS,
        "letter": CHARACTERS,
        "joint": JOINTS,
    }
    for field, names in named.items():
        words |= dict(enumerate(names, _START[field]))
    return words


def channel(field: str) -> int:
    """Where a field starts in a token."""
    return _START[field]
