"""Points spread evenly over a surface of triangles.

Does not know mesh files.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sampling", "face_normals", "sample_count", "sample_surface", "surface_area"]

# A surface is as dense as a good scan: enough for every use here, and 10 ms to draw.
SURFACE_POINTS = 200_000
# Meshes finer than that keep about a point a corner, up to this.
MOST_SURFACE_POINTS = 1_000_000
# Triangles looked at at once.
CHUNK_TRIANGLES = 1_000_000
# The two-dimensional golden ratio (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"): successive
# multiples of these fill a square evenly.
GOLDEN = (0.7548776662466927, 0.5698402909980532)


class Sampling(NamedTuple):
    """Where the points lie: the triangle of each (n,) and the weights (n, 3) of its three corners."""

    faces: NDArray[np.intp]
    weights: NDArray[np.float64]

    def of(self, corners: NDArray[Any], triangles: NDArray[np.integer]) -> NDArray[np.float64]:
        """Values at the points (n, k) of a quantity known at the corners (vertices, k)."""
        result = np.zeros((len(self.faces), corners.shape[1]))
        for corner in range(3):
            result += self.weights[:, corner, None] * corners[triangles[self.faces, corner]]
        return result


def sample_count(vertices: int, limit: int) -> int:
    """How many points to draw on a mesh with that many vertices, at most ``limit``."""
    return min(limit, max(SURFACE_POINTS, min(vertices, MOST_SURFACE_POINTS)))


def surface_area(vertices: NDArray[Any], triangles: NDArray[np.integer]) -> NDArray[np.float64]:
    """(faces,) area of each triangle; 0 where a corner is not finite."""
    areas = np.empty(len(triangles))
    for first in range(0, len(triangles), CHUNK_TRIANGLES):
        chunk = slice(first, first + CHUNK_TRIANGLES)
        areas[chunk] = 0.5 * np.linalg.norm(face_normals(vertices, triangles[chunk]), axis=1)
    return np.where(np.isfinite(areas), areas, 0.0)


def face_normals(vertices: NDArray[Any], triangles: NDArray[np.integer]) -> NDArray[np.float64]:
    """(faces, 3) vectors at right angles to each triangle, twice its area long."""
    corner, second, third = (vertices[triangles[:, place]].astype(np.float64) for place in range(3))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.cross(second - corner, third - corner)


def sample_surface(areas: NDArray[np.float64], count: int) -> Sampling:
    """``count`` places on triangles with these areas (faces,), as many on each as its area says; always the same ones.

    The areas must not sum to 0.
    """
    edges = np.cumsum(areas)
    steps = (np.arange(count) + 0.5) * (edges[-1] / count)
    faces = np.minimum(np.searchsorted(edges, steps, side="right"), len(areas) - 1)
    number = np.arange(1, count + 1, dtype=np.float64)
    u, v = (number * GOLDEN[0]) % 1.0, (number * GOLDEN[1]) % 1.0
    fold = u + v > 1.0
    u[fold], v[fold] = 1.0 - u[fold], 1.0 - v[fold]
    return Sampling(faces, np.stack([1.0 - u - v, u, v], axis=1))
