"""Normals of a cloud that has none, good enough to colour it by them.

Does not know where the points come from. Planes are fitted to a thinned cloud; the others take their neighbour's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["estimate_normals", "pack_normals"]

_FITTED_POINTS = 40_000
_NEIGHBOURS = 12
_TOWARDS = np.array([0.38, -0.8, 0.52])  # the eye that first looks at a cloud; see js/camera.js


def estimate_normals(xyz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit normals (N, 3) turned to the viewer, of finite points whose beginning is spread evenly over the whole."""
    from scipy.spatial import cKDTree

    fitted = xyz[:_FITTED_POINTS].astype(np.float64)
    if len(fitted) < 3:
        return np.tile(np.array([0, 0, 1], np.float32), (len(xyz), 1))
    tree = cKDTree(fitted)
    _, near = tree.query(fitted, k=min(_NEIGHBOURS, len(fitted)))
    around = fitted[near] - fitted[near].mean(axis=1, keepdims=True)  # (M, k, 3)
    _, axes = np.linalg.eigh(np.einsum("mki,mkj->mij", around, around))
    normals = axes[:, :, 0]  # the direction in which the neighbours spread least
    normals[normals @ _TOWARDS < 0] *= -1
    of_all = np.arange(len(fitted))
    if len(xyz) > len(fitted):
        of_all = np.concatenate([of_all, tree.query(xyz[len(fitted) :])[1]])
    return np.asarray(normals[of_all], np.float32)


def pack_normals(normals: NDArray[np.float32]) -> bytes:
    """Four signed bytes a point, the last of them 0; what is no direction becomes (0, 0, 0)."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.nan_to_num(normals / length, nan=0.0, posinf=0.0, neginf=0.0)
    packed = np.zeros((len(normals), 4), np.int8)
    packed[:, :3] = np.round(unit * 127)
    return packed.tobytes()
