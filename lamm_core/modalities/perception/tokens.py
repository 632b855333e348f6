"""The token format: what one perception token says, channel by channel.

Does not know networks. Numbers follow the thing they belong to, written out as an answer would write them, a token for
each character. Every other channel is a probability, a colour or a code of an ImageNet name.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lamm_core.modalities.token_layout import TokenLayout
from lamm_core.names import BODY, CHARACTERS, OBJECTS, PICTURE_CLASSES

__all__ = [
    "LAYOUT",
    "LAYOUT_VERSION",
    "NAME_CODE",
    "body_tokens",
    "joint_tokens",
    "letter_token",
    "object_tokens",
    "picture_token",
    "tally_tokens",
]

LAYOUT_VERSION = 2  # raised when a token says the same thing in another way, so that kept features are made anew
NAME_CODE = 128  # channels of the code of an ImageNet name
KINDS = ("picture", "object", "joint", "letter", "count")
SLOTS = 24  # which one of its kind: rank of an object, number of a joint, place of a letter

LAYOUT = TokenLayout(
    {
        "kind": KINDS,
        "slot": SLOTS,
        "written": "0123456789[., ]",
        "picture": PICTURE_CLASSES,
        "object": OBJECTS,
        "letter": CHARACTERS,
        "joint": BODY,
        "name": NAME_CODE,
        "colour": 3,
        "scalars": 4,
    }
)


def _shares(values: Sequence[float]) -> list[Tensor]:
    """Shares in brackets as ``grounding`` writes them."""
    return LAYOUT.write(*f"[{', '.join(f'{abs(min(max(value, 0.0), 1.0)):.2f}' for value in values)}]")  # no minus zero


def picture_token(classes: Tensor, name: Tensor, colour: Tensor, *, aspect: float, side: int) -> Tensor:
    """The whole picture: class probabilities (10,), name code, mean RGB in [0, 1], width / height, longer side."""
    scalars = [min(aspect, 8.0) / 4, min(side, 1024) / 512]
    return LAYOUT.token(
        kind=KINDS.index("picture"), slot=0, picture=classes, name=name, colour=colour, scalars=scalars
    )  # fmt: skip


def object_tokens(
    rank: int, box: Sequence[float], score: float, classes: Tensor, name: Tensor, colour: Tensor
) -> list[Tensor]:
    """One object: score, class probabilities, name code, mean RGB; then its box and its centre, written."""
    x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    token = LAYOUT.token(
        kind=KINDS.index("object"),
        slot=min(rank, SLOTS - 1),
        object=classes,
        name=name,
        colour=colour,
        scalars=[score, x2 - x1, y2 - y1],
    )
    return [token, *_shares([x1, y1, x2, y2]), *_shares([(x1 + x2) / 2, (y1 + y2) / 2])]


def body_tokens(joints: Sequence[Sequence[float]], peaks: Sequence[float]) -> list[Tensor]:
    """All 14 joints and the middle of the hips."""
    right, left = (BODY.index(f"{side} hip") for side in ("right", "left"))
    hip = [(first + second) / 2 for first, second in zip(joints[right], joints[left], strict=True)]
    places = zip([*joints, hip], [*peaks, min(peaks[right], peaks[left])], strict=True)
    return [token for number, (place, peak) in enumerate(places) for token in joint_tokens(number, place, peak)]


def joint_tokens(number: int, place: Sequence[float], confidence: float) -> list[Tensor]:
    """One place of BODY: which, and the probability of its peak; then the point, written."""
    return [
        LAYOUT.token(kind=KINDS.index("joint"), slot=number, joint=number, scalars=[confidence]),
        *_shares(place),
    ]


def letter_token(place: int, characters: Tensor) -> Tensor:
    """One letter of a word: probabilities over CHARACTERS."""
    return LAYOUT.token(kind=KINDS.index("letter"), slot=min(place, SLOTS - 1), letter=characters)


def tally_tokens(rank: int, label: int, count: int) -> list[Tensor]:
    """A class and how many objects of it were found, written."""
    return [LAYOUT.token(kind=KINDS.index("count"), slot=rank, object=label), *LAYOUT.write("[", *str(count), "]")]
