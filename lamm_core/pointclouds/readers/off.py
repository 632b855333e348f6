"""OFF meshes, with or without colours (COFF) and normals (NOFF) at their corners.

Does not know the binary spelling of OFF.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import settle_colours
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.mesh import Mesh, check_mesh_size, gather_meshes
from lamm_core.pointclouds.readers.ply_header import Element, Property
from lamm_core.pointclouds.readers.ply_lists import read_text_lists
from lamm_core.pointclouds.readers.rows import Lines, parse_rows

__all__ = ["is_off", "read_off"]

KEYWORD = re.compile(rb"\s*(ST)?(C)?(N)?OFF\b|\s*(C)?(N)?OFF(?=\d)")


def is_off(head: bytes) -> bool:
    """Whether a file that begins so is OFF."""
    return KEYWORD.match(head) is not None


def read_off(path: Path, gathering: Gathering) -> PointCloud:
    """Points on the faces, or the corners where there are none. Raises MediaError."""
    name = path.name
    size = path.stat().st_size
    check_mesh_size(path, gathering.limits)
    with path.open("rb") as file:
        lines = Lines(file, name, comments=True)
        first = next(lines.take(1))[0]
        keyword = KEYWORD.match(first)
        if keyword is None:
            raise MediaError(f"{name} does not begin with the word OFF.")
        counts = first[keyword.end() :]  # some writers forget the line end behind the word
        if not counts.strip():
            counts = next(lines.take(1))[0]
        try:
            corners, faces = (int(word) for word in counts.split()[:2])
        except ValueError as error:
            raise MediaError(f"{name} does not say how many corners and faces it has.") from error
        if min(corners, faces) < 0 or corners * 6 + faces * 2 > size:
            raise MediaError(f"{name} is cut short: {corners:,} corners and {faces:,} faces are more than it holds.")
        coloured, normal = b"C" in keyword.group(), b"N" in keyword.group()
        start = 6 if normal else 3
        columns = [0, 1, 2, *([start, start + 1, start + 2] if coloured else [])]
        try:
            parts = [parse_rows(block, columns) for block in lines.take(corners)]
        except ValueError as error:
            raise MediaError(f"{name} is damaged: a line does not hold the numbers of a corner.") from error
        rows = np.concatenate(parts) if parts else np.empty((0, len(columns)))
        polygon = Element("faces", faces, (Property("corners", "i4", "i4"),))
        triangles = read_text_lists(lines, polygon, 0, gathering)
    colours = settle_colours(rows[:, 3:].astype(np.float32)) if coloured else None
    fields = ["x", "y", "z", *(["red", "green", "blue"] if coloured else [])]
    return gather_meshes([Mesh(rows[:, :3], triangles, colours)], gathering, "off", fields=fields)
