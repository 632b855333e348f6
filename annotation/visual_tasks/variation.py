"""Variations of one annotated picture: crop, mirror, light; its annotations move along.

Does not know the sets; a word is never mirrored and keeps nearly all of its area.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from PIL import Image, ImageEnhance

from annotation.visual_tasks.picture import Box, Picture, Thing, decoded, encoded

__all__ = ["vary"]

SHORTEST = 0.55  # of a side that a crop keeps
KEPT = 0.5  # share of its area that an object must keep to stay in the annotation


def vary(picture: Picture, rng: random.Random, *, number: int) -> Picture:
    """A new picture with its own id; the same ``rng`` state gives the same bytes."""
    image = decoded(picture)
    if picture.word:
        window = tuple(rng.uniform(0, 0.03) for _ in range(2)) + tuple(rng.uniform(0.97, 1) for _ in range(2))
    elif picture.joints:
        window = _window_around(picture.things[0].box, rng)
    else:
        width, height = (rng.uniform(SHORTEST, 1) for _ in range(2))
        left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        window = (left, top, left + width, top + height)
    x1, y1, x2, y2 = window
    corners = (round(x1 * image.width), round(y1 * image.height), round(x2 * image.width), round(y2 * image.height))
    if corners[2] - corners[0] >= 8 and corners[3] - corners[1] >= 8:
        image = image.crop(corners)
    else:
        x1, y1, x2, y2 = 0.0, 0.0, 1.0, 1.0
    mirrored = not picture.word and rng.random() < 0.5
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(rng.uniform(0.7, 1.3))

    def move(x: float, y: float) -> tuple[float, float]:
        x, y = (x - x1) / (x2 - x1), (y - y1) / (y2 - y1)
        return (1 - x if mirrored else x), y

    things = tuple(thing for old in picture.things if (thing := _moved(old, move)) is not None)
    joints = {_other_side(name) if mirrored else name: move(*place) for name, place in picture.joints.items()}
    content, suffix = encoded(image)
    return replace(
        picture, id=f"{picture.id}-v{number}", content=content, suffix=suffix, width=image.width, height=image.height,
        things=things, joints={name: joints[name] for name in picture.joints},
    )  # fmt: skip


def _window_around(box: Box, rng: random.Random) -> Box:
    """A crop that keeps the whole box."""
    return (rng.uniform(0, box[0]), rng.uniform(0, box[1]), rng.uniform(box[2], 1), rng.uniform(box[3], 1))


def _moved(thing: Thing, move: Callable[[float, float], tuple[float, float]]) -> Thing | None:
    (xa, ya), (xb, yb) = move(*thing.box[:2]), move(*thing.box[2:])
    whole = abs(xb - xa) * abs(yb - ya)
    clip = [min(1.0, max(0.0, value)) for value in (min(xa, xb), ya, max(xa, xb), yb)]
    seen = Thing(thing.label, (clip[0], clip[1], clip[2], clip[3]))
    return seen if whole > 0 and seen.area / whole >= KEPT and seen.area >= 0.001 else None


def _other_side(name: str) -> str:
    """``left knee`` for ``right knee``: a mirror swaps a person's sides."""
    if name.startswith("left "):
        return "right " + name.removeprefix("left ")
    return "left " + name.removeprefix("right ") if name.startswith("right ") else name
