"""What the tokens of a scene say: its objects one after the other, with what sets each apart.

Does not know points or how objects are found. Metres, z up, x to the viewer's right, y away from the viewer.

A language model of this size compares no coordinates. So the comparing is done here. First comes an index, in the very
words of the answers: ``leftmost [obj3]`` for both ends of the rows from left to right, near to far, low to high, short
to tall, narrow to wide and small to large, then ``red [obj1]`` for every colour. What is asked for is found by its word
and the name behind it is repeated. Then each object is told with its colour, its places in the rows, from both
ends, and its sizes in centimetres, written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lamm_core.grounding import Box3D
from lamm_core.modalities.token_layout import TokenLayout
from lamm_core.pointclouds.shades import NAMES

__all__ = ["LAYOUT", "LAYOUT_VERSION", "MOST_OBJECTS", "NAMED", "Seen", "scene_tokens"]

LAYOUT_VERSION = 3  # raised when a token says the same thing in another way, so that kept features are made anew
MOST_OBJECTS = 24
RANKS = 6  # counted from each end of a row
NAMED = 0.5  # share of an object's points from which the index lists it under a colour

# What each row is ordered by, and its two ends.
ROWS: tuple[tuple[str, str, Callable[[Box3D], float]], ...] = (
    ("left", "right", lambda box: box.centre[0]),
    ("near", "far", lambda box: box.centre[1]),
    ("low", "high", lambda box: box.high[2]),
    ("short", "tall", lambda box: box.size[2]),
    ("narrow", "wide", lambda box: box.size[0]),
    ("small", "large", lambda box: box.size[0] * box.size[1] * box.size[2]),
)
ORDINALS = ("", " second", " third", " fourth", " fifth", " sixth")
RANK_NAMES = [f"{end}{nth}" for first, last, _ in ROWS for end in (first, last) for nth in ORDINALS]

# The words of the index, both ends of each row in its order; answers use the same.
ENDS = (
    ("leftmost", "rightmost"), ("nearest", "furthest"), ("lowest", "highest"), ("shortest", "tallest"),
    ("narrowest", "widest"), ("smallest", "largest"),
)  # fmt: skip

LAYOUT = TokenLayout(
    {
        "kind": ("scene", "object"),
        "slot": MOST_OBJECTS,
        "written": (
            *("[", "obj", *"0123456789", "]", ",", " ", " objects"),
            *(f" {word}" for pair in ENDS for word in pair),
            *(f" {colour}" for colour in NAMES),
        ),
        "colour": NAMES,
        "rank": RANK_NAMES,
        "scalars": 8,
    }
)


class Seen(NamedTuple):
    """An object: its box, the shares of its points that have each of NAMES, and how sure it is, 0 to 1."""

    box: Box3D
    colours: Sequence[float]
    score: float


def scene_tokens(objects: Sequence[Seen]) -> Tensor:
    """Tokens ``(n, LAYOUT.width)``: how many objects, then each of them, in the order of their numbers."""
    objects = objects[:MOST_OBJECTS]
    parts = [LAYOUT.token(kind=0, scalars=[len(objects) / 10]), *LAYOUT.write(" objects", "[", *str(len(objects)), "]")]
    rows = [sorted(range(len(objects)), key=lambda place: value(objects[place].box)) for *_, value in ROWS]
    if len(objects) > 1:
        parts += _index(objects, rows)
    for place, item in enumerate(objects):
        scalars = [item.score, *item.box.centre, *item.box.size, item.box.high[2]]
        parts.append(LAYOUT.token(kind=1, slot=place, scalars=scalars))
        parts += _name(place)
        if sum(item.colours) > 0:
            parts.append(LAYOUT.token(colour=item.colours))
        parts += [_rank(row, ordered.index(place), len(objects)) for row, ordered in enumerate(rows)]
        sizes = ", ".join(str(round(100 * value)) for value in (*item.box.size, item.box.high[2]))
        parts += LAYOUT.write(*f"[{sizes}]".replace("-", ""))
    return torch.stack(parts)


def _name(place: int) -> list[Tensor]:
    """``[obj3]``, written."""
    return LAYOUT.write("[", "obj", *str(place + 1), "]")


def _index(objects: Sequence[Seen], rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Both ends of each row, and every colour, with the objects there."""
    parts = []
    for words, ordered in zip(ENDS, rows, strict=True):
        for word, place in zip(words, (ordered[0], ordered[-1]), strict=True):
            parts += [*LAYOUT.write(f" {word}"), *_name(place)]
    for number, colour in enumerate(NAMES):
        having = [place for place, item in enumerate(objects) if item.colours[number] >= NAMED]
        if having:
            parts += LAYOUT.write(f" {colour}")
            parts += [token for place in having for token in _name(place)]
    return parts


def _rank(row: int, place: int, count: int) -> Tensor:
    """Where an object stands in a row, from both ends."""
    token = torch.zeros(LAYOUT.width)
    start = LAYOUT.parts["rank"].start + row * 2 * RANKS
    for end, distance in enumerate((place, count - 1 - place)):
        if distance < RANKS:
            token[start + end * RANKS + distance] = 1.0
    return token
