"""A scan as two flat pictures, from above and from the front, for pages that cannot draw it in 3D.

Does not know boxes; a view says which metres its borders are, so that boxes can be drawn over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["ScanView", "scan_views"]

SIDE = 480  # pixels of the longer side
FEWEST, DENSITY = 120, 1.1  # cells of the longer side: so many for each root of the number of points
MARGIN = 0.04  # of the extent, around it
PAPER = (236, 238, 242)


@dataclass(frozen=True)
class ScanView:
    """A picture whose axes are two of the scan's (0 x, 1 y, 2 z): across, then up. ``low`` and ``high`` are metres."""

    name: str
    title: str
    axes: tuple[int, int]
    low: tuple[float, float]
    high: tuple[float, float]
    picture: Image.Image


def scan_views(path: Path) -> list[ScanView]:
    """From above and from the front, in the coordinates of the file. Raises MediaError where it is no cloud."""
    from lamm_core.pointclouds.doctor import rgb8
    from lamm_core.pointclouds.read import read_cloud

    cloud = read_cloud(path)
    finite = np.isfinite(cloud.xyz).all(axis=1)
    xyz = cloud.xyz[finite].astype(float) + np.array(cloud.origin)
    colours = rgb8(cloud)
    shade = np.full((len(xyz), 3), 110, np.uint8) if colours is None else colours[finite]
    views = []
    for name, title, across, up, depth, sign in (
        ("top", "From above", 0, 1, 2, 1.0),
        ("front", "From the front", 0, 2, 1, -1.0),
    ):
        low, high = np.percentile(xyz[:, [across, up]], [0.2, 99.8], axis=0)
        room = np.maximum(high - low, 1e-6) * MARGIN
        low, high = low - room, high + room
        cells = int(min(SIDE, max(FEWEST, DENSITY * len(xyz) ** 0.5)))
        metres = float((high - low).max()) / cells
        width, height = (max(1, round(float(extent) / metres)) for extent in high - low)
        order = np.argsort(sign * xyz[:, depth], kind="stable")  # what is nearest to the eye is drawn last
        column = ((xyz[order, across] - low[0]) / metres).astype(int)
        row = height - 1 - ((xyz[order, up] - low[1]) / metres).astype(int)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        pixels = np.full((height, width, 3), PAPER, np.uint8)
        pixels[row[inside], column[inside]] = shade[order][inside]
        ends = ((float(low[0]), float(low[1])), (float(high[0]), float(high[1])))
        picture = Image.fromarray(pixels).resize(
            (round(width * SIDE / cells), round(height * SIDE / cells)), Image.Resampling.NEAREST
        )
        views.append(ScanView(name, title, (across, up), *ends, picture))
    return views
