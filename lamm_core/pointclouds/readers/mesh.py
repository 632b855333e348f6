"""Meshes as points spread evenly on their surfaces.

Does not know file formats, which bring their triangles here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering
from lamm_core.pointclouds.readers.limits import Limits
from lamm_core.pointclouds.readers.surface import face_normals, sample_count, sample_surface, surface_area

__all__ = ["Mesh", "check_mesh_size", "gather_meshes"]

# 24 bytes each, and some more while they are measured.
MAX_TRIANGLES = 20_000_000
GREY = 128


@dataclass(frozen=True)
class Mesh:
    """Corners (v, 3), triangles (f, 3), and what colours them: corner colours (v, 3), or a texture with its (v, 2) uv.

    ``texture`` is (height, width, 3) uint8; uv (0, 0) is its lower left. Without triangles the corners are the points.
    """

    vertices: NDArray[Any]
    triangles: NDArray[np.int64]
    colours: NDArray[Any] | None = None
    texture: NDArray[np.uint8] | None = None
    uv: NDArray[np.float64] | None = None


def gather_meshes(
    meshes: Sequence[Mesh], gathering: Gathering, kind: str, *, fields: Sequence[str], notes: Sequence[str] = ()
) -> PointCloud:
    """Points evenly over all the surfaces together; corners, where there is no surface. Raises MediaError."""
    notes = list(notes)
    if sum(len(mesh.triangles) for mesh in meshes) > MAX_TRIANGLES:
        raise MediaError(f"{gathering.name} has over {MAX_TRIANGLES:,} triangles. Simplify it, or save it as a cloud.")
    valid = [keep_valid(mesh) for mesh in meshes]
    if lost := sum(len(mesh.triangles) for mesh in meshes) - sum(len(mesh.triangles) for mesh in valid):
        notes.append(f"{lost:,} triangles name corners that are not there; they were left out.")
    areas = [surface_area(mesh.vertices, mesh.triangles) for mesh in valid]
    total = sum(float(area.sum()) for area in areas)
    coloured = any(mesh.colours is not None or mesh.texture is not None for mesh in valid)
    if not 0 < total < np.inf:
        for mesh in valid:
            add_corners(mesh, gathering, coloured)
        if any(len(mesh.triangles) for mesh in valid):
            notes.append("The faces have no area; the corners are read as points.")
        return gathering.cloud(kind, fields=fields, notes=notes)
    count = sample_count(sum(len(mesh.vertices) for mesh in valid), gathering.limits.points)
    for mesh, area in zip(valid, areas, strict=True):
        share = round(count * float(area.sum()) / total)
        if share:
            add_surface(mesh, area, share, gathering, coloured)
    faces = sum(len(mesh.triangles) for mesh in valid)
    notes.append(f"A mesh of {faces:,} triangles: {gathering.total:,} points were drawn evenly on its surface.")
    return gathering.cloud(kind, fields=fields, notes=notes)


def keep_valid(mesh: Mesh) -> Mesh:
    """The mesh without triangles whose corners are not there."""
    inside = ((mesh.triangles >= 0) & (mesh.triangles < len(mesh.vertices))).all(axis=1)
    return mesh if inside.all() else Mesh(mesh.vertices, mesh.triangles[inside], mesh.colours, mesh.texture, mesh.uv)


def add_corners(mesh: Mesh, gathering: Gathering, coloured: bool) -> None:
    """The corners as points."""
    for first in range(0, len(mesh.vertices), CHUNK_POINTS):
        chunk = slice(first, first + CHUNK_POINTS)
        colours = None if mesh.colours is None else mesh.colours[chunk]
        if coloured and colours is None:
            colours = np.full((len(mesh.vertices[chunk]), 3), GREY, np.uint8)
        gathering.add(mesh.vertices[chunk], colours=colours)


def add_surface(mesh: Mesh, areas: NDArray[np.float64], count: int, gathering: Gathering, coloured: bool) -> None:
    """``count`` points on the surface, with its normals and colours."""
    sampling = sample_surface(areas, count)
    points = sampling.of(mesh.vertices, mesh.triangles)
    normals = face_normals(mesh.vertices, mesh.triangles[sampling.faces])
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours: NDArray[Any] | None = None
    if mesh.texture is not None and mesh.uv is not None:
        colours = look_up(mesh.texture, sampling.of(mesh.uv, mesh.triangles))
    elif mesh.colours is not None:
        mixed = sampling.of(mesh.colours, mesh.triangles)
        colours = (mixed if mesh.colours.dtype.kind == "f" else np.round(mixed)).astype(mesh.colours.dtype)
    elif coloured:
        colours = np.full((count, 3), GREY, np.uint8)
    gathering.add(points, colours=colours, normals=normals)


def look_up(texture: NDArray[np.uint8], uv: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(n, 3) colours of a repeating texture at uv (n, 2)."""
    height, width = texture.shape[:2]
    fractions = np.nan_to_num(uv) % 1.0
    columns = np.minimum((fractions[:, 0] * width).astype(np.intp), width - 1)
    rows = np.minimum(((1.0 - fractions[:, 1]) * height).astype(np.intp), height - 1)
    return texture[rows, columns]


def check_mesh_size(path: Path, limits: Limits) -> None:
    """Raise MediaError for a file too large to be held whole, as meshes are."""
    size = path.stat().st_size
    if size > limits.mesh_bytes:
        raise MediaError(
            f"{path.name} is a mesh of {size / 1e6:,.1f} MB; expected at most {limits.mesh_bytes / 1e6:,.0f} MB. "
            "Simplify it, or save its corners alone as a cloud."
        )
