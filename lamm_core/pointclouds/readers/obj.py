"""Wavefront OBJ: corners, their colours where the lines have them, and faces of any length.

Does not know materials and textures: they lie in other files, which are never opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import settle_colours
from lamm_core.pointclouds.readers.gathering import Gathering
from lamm_core.pointclouds.readers.mesh import Mesh, check_mesh_size, gather_meshes
from lamm_core.pointclouds.readers.ply_lists import fan
from lamm_core.pointclouds.readers.rows import Lines, parse_rows

__all__ = ["read_obj"]

# 7/2/5 names a corner, its texture and its normal; the corner is enough here.
OTHER_INDICES = re.compile(rb"/\S*")
CORNER = (b"v ", b"v\t")
FACE = (b"f ", b"f\t")


def read_obj(path: Path, gathering: Gathering) -> PointCloud:
    """Points on the faces, or the corners where there are none. Raises MediaError."""
    name = path.name
    check_mesh_size(path, gathering.limits)
    corners: list[NDArray[np.float64]] = []
    triangles: list[NDArray[np.int64]] = []
    columns: tuple[int, ...] | None = None
    count = 0
    with path.open("rb") as file:
        for lines in Lines(file, name, comments=True).blocks():
            gathering.check_clock()
            lines = [line.lstrip() for line in lines]
            at_corners = [number for number, line in enumerate(lines) if line.startswith(CORNER)]
            at_faces = [number for number, line in enumerate(lines) if line.startswith(FACE)]
            try:
                if at_corners:
                    columns = columns or columns_of(lines[at_corners[0]])
                    corners.append(parse_rows([lines[number] for number in at_corners], columns))
                if at_faces:
                    before = count + np.searchsorted(at_corners, at_faces)
                    triangles += triangles_of([lines[number] for number in at_faces], before)
            except (ValueError, IndexError, OverflowError) as error:
                raise MediaError(f"{name} is damaged: a line of corners or faces does not hold numbers.") from error
            count += len(at_corners)
    if columns is None:
        raise MediaError(f"{name} holds no corners; expected an OBJ file with lines such as 'v 1.0 2.0 3.0'.")
    rows = np.concatenate(corners)
    faces = np.concatenate(triangles) if triangles else np.empty((0, 3), np.int64)
    coloured = len(columns) > 3
    colours = settle_colours(rows[:, 3:].astype(np.float32)) if coloured else None
    fields = ["x", "y", "z", *(["red", "green", "blue"] if coloured else [])]
    return gather_meshes([Mesh(rows[:, :3], faces, colours)], gathering, "obj", fields=fields)


def columns_of(line: bytes) -> tuple[int, ...]:
    """Where a corner's numbers stand: three, or six with a colour."""
    return (1, 2, 3, 4, 5, 6) if len(line.split()) >= 7 else (1, 2, 3)


def triangles_of(lines: Sequence[bytes], before: NDArray[np.intp]) -> list[NDArray[np.int64]]:
    """Triangles (n, 3), counted from 0; ``before`` says how many corners stand above each line. Raises ValueError."""
    plain = OTHER_INDICES.sub(b"", b"\n".join(line[1:] for line in lines)).split(b"\n")
    try:  # all of one length, as they mostly are
        polygons: list[tuple[NDArray[Any], NDArray[np.intp]]] = [(np.loadtxt(plain, comments=None, ndmin=2), before)]
    except ValueError:
        words = [line.split() for line in plain]
        lengths = np.array([len(row) for row in words])
        polygons = [
            (np.array([[int(word) for word in words[row]] for row in rows]), before[rows])
            for rows in (np.flatnonzero(lengths == length) for length in np.unique(lengths[lengths >= 3]))
        ]
    found = []
    for indices, above in polygons:
        if indices.shape[1] >= 3:
            with np.errstate(invalid="ignore"):
                indices = indices.astype(np.int64)
            # -1 is the corner just above, 1 the first of the file.
            found.append(fan(np.where(indices < 0, indices + above[:, None], indices - 1)))
    return found
