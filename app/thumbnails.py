"""Media as small pictures in a text of the page: pictures scaled down, point clouds drawn from the front and above.

Does not know samples or runs. A cloud is drawn as encoders take it, with z upwards, so that one sees where it lies
on its side.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lamm_core.conversation import FINDINGS_SUFFIX
from lamm_core.errors import LammError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["cloud_picture", "thumbnail"]

SIDE = 320  # pixels; the page shows half of them, for screens that have two for each of its own
MOST_POINTS = 60_000
MOST_SECONDS = 10.0  # to read a cloud in
TURN, TILT = np.radians(25.0), np.radians(35.0)  # the eye goes to the left and up
DOTS = ((50, 8), (2_000, 4), (20_000, 3), (float("inf"), 2))  # up to so many points, pixels of one: few are seen too
GROUND = 236  # grey behind the points
LOW, HIGH = np.array([44, 62, 148]), np.array([236, 178, 40])  # colours by height, where the cloud has none


def thumbnail(path: Path) -> str:
    """HTML of a small picture of the medium; of what cannot be opened, its name and why."""
    if path.suffix == FINDINGS_SUFFIX:
        return f"<code>{escape(path.name)}</code> <small>written findings, no picture</small> "
    try:
        found = path.stat()
        source, kind = _drawn(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        return f"<code>{escape(path.name)}</code> <small>{escape(error.strerror or 'cannot be opened')}</small> "
    except LammError as error:
        return f"<code>{escape(path.name)}</code> <small>{escape(str(error))}</small> "
    words = f"{path.name}, drawn from the front and above" if kind == "pointcloud" else path.name
    return f'<img class="{kind}" src="{source}" alt="{escape(words)}" title="{escape(words)}">'


@lru_cache(maxsize=256)
def _drawn(path: Path, size: int, modified_ns: int) -> tuple[str, str]:
    """A data URL, and what kind of medium it is; another ``size`` or time is another content."""
    from lamm_core.modalities import modality_of

    kind = modality_of(path)
    picture = _cloud(path) if kind.name == "pointcloud" else kind.load(path).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}", kind.name


def _cloud(path: Path) -> Image:
    from lamm_core.modalities.pointcloud.points import coloured_points
    from lamm_core.pointclouds.read import Limits, read_cloud

    return cloud_picture(*coloured_points(read_cloud(path, limits=Limits(points=MOST_POINTS, seconds=MOST_SECONDS))))


def cloud_picture(xyz: NDArray[np.float32], rgb: NDArray[np.uint8] | None, *, side: int = SIDE) -> Image:
    """The points seen from the front, a little from the left and above; the longer side has ``side`` pixels.

    ``xyz`` (N, 3) finite, z up, any unit; ``rgb`` (N, 3), or None for colour by height. Far strays are left out.
    """
    from PIL import Image

    x, y, z = (xyz.astype(np.float64) - np.median(xyz, axis=0)).T
    across, away = x * np.cos(TURN) - y * np.sin(TURN), x * np.sin(TURN) + y * np.cos(TURN)
    seen = np.stack([across, z * np.cos(TILT) + away * np.sin(TILT)])  # (2, N), the second upwards
    low, high = np.percentile(seen, [0.5, 99.5], axis=1)  # (2,) each
    dot = next(pixels for most, pixels in DOTS if len(xyz) <= most)
    margin = side // 20
    scale = (side - 2 * margin - dot) / max(float((high - low).max()), 1e-9)
    width, height = np.ceil((high - low) * scale).astype(int) + 2 * margin + dot
    column = np.rint((seen[0] - low[0]) * scale).astype(int) + margin
    row = np.rint((high[1] - seen[1]) * scale).astype(int) + margin
    inside = np.flatnonzero((column >= 0) & (column <= width - dot) & (row >= 0) & (row <= height - dot))
    order = inside[np.argsort(z[inside] * np.sin(TILT) - away[inside] * np.cos(TILT), kind="stable")]  # the near last
    colours = (_by_height(z) if rgb is None else rgb)[order]
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    for right in range(dot):
        for down in range(dot):
            pixels[row[order] + down, column[order] + right] = colours
    return Image.fromarray(pixels)


def _by_height(z: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = np.percentile(z, [1, 99])
    share = np.clip((z - low) / max(float(high - low), 1e-9), 0, 1)[:, None]
    return np.asarray(LOW + share * (HIGH - LOW), np.uint8)
