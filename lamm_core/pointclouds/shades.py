"""Colour names for things in space: eleven words, and how sure they are of many points or of one colour.

Does not know objects; brightness is that of the scan, so shade and lamplight are in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "PALETTE", "Shade", "name_colour", "name_points", "shade_of"]

NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
PALETTE = {
    "red": (196, 44, 44), "orange": (236, 132, 36), "yellow": (232, 206, 60), "green": (62, 150, 70),
    "blue": (58, 92, 196), "purple": (126, 70, 172), "pink": (236, 140, 182), "brown": (120, 80, 46),
    "black": (26, 26, 28), "white": (232, 232, 228), "gray": (132, 132, 134),
}  # fmt: skip

# Chosen on the 36 training scans of the Object Segmentation Database, where people's names for things are known.
GRAYISH = 0.25  # saturation under which a point has no hue
DARK, BRIGHT = 0.2, 0.72  # value under which it is black, over which a point without hue is white
SURE, NOTED = 0.5, 0.25  # share of an object's points that name it, and that make the name possible


class Shade(NamedTuple):
    """What an object may be called: ``name`` where it is sure, ``possible`` every name that could be meant."""

    name: str | None
    possible: tuple[str, ...]


def name_points(rgb: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The place in `NAMES` of each point's colour, (N,), or -1 where it lies between names; ``rgb`` is (N, 3)."""
    colour = rgb.astype(np.float32) / 255
    value, least = colour.max(1), colour.min(1)
    spread = np.maximum(value - least, 1e-6)
    red, green, blue = colour.T
    highest = colour.argmax(1)
    hue = np.where(highest == 0, (green - blue) / spread, 2 + (blue - red) / spread)
    hue = 60 * np.where(highest == 2, 4 + (red - green) / spread, hue) % 360
    saturation = spread / np.maximum(value, 1e-6)

    found = np.full(len(rgb), -1, dtype=np.intp)
    for name, low, high in (("red", 335, 361), ("red", -1, 18), ("orange", 18, 41), ("yellow", 41, 72),
                            ("green", 72, 168), ("blue", 195, 258), ("purple", 258, 305),
                            ("pink", 305, 335)):  # fmt: skip
        found[(hue >= low) & (hue < high)] = NAMES.index(name)
    found[(hue >= 18) & (hue < 41) & (value < 0.68)] = NAMES.index("brown")
    found[(hue >= 18) & (hue < 41) & (value >= 0.68) & (saturation < 0.5)] = -1  # beige, skin, light wood
    found[((hue < 18) | (hue >= 335)) & (value > 0.8) & (saturation < 0.5)] = NAMES.index("pink")
    gray = saturation < GRAYISH
    found[gray] = np.where(value[gray] >= BRIGHT, NAMES.index("white"), NAMES.index("gray"))
    found[value < DARK] = NAMES.index("black")
    return found


def shade_of(rgb: NDArray[np.uint8] | None) -> Shade:
    """The name of most of an object's points; none without colours or where no name has half of them."""
    if rgb is None or not len(rgb):
        return Shade(None, ())
    named = name_points(rgb)
    counts = np.bincount(named[named >= 0], minlength=len(NAMES)) / len(named)
    possible = tuple(NAMES[place] for place in np.argsort(-counts, kind="stable") if counts[place] >= NOTED)
    return Shade(possible[0] if possible and counts.max() >= SURE else None, possible)


def name_colour(rgb: tuple[float, float, float]) -> str | None:
    """The name of one colour, 0 to 255, as where only an object's mean is known."""
    place = int(name_points(np.clip(np.round([rgb]), 0, 255).astype(np.uint8))[0])
    return NAMES[place] if place >= 0 else None
