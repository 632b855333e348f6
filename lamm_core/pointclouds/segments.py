"""Over-segmentation: voxels with normals and colours, grouped into small patches that stay within one surface.

Does not know which patches belong together, nor the support they stand on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["Patches", "Voxels", "group_patches", "lab_colours", "spacing", "voxelise"]

SEED_VOXELS = 4.0  # the side of a patch, in voxels
REACH = 1.9  # voxels so far apart, in voxel sides, are neighbours: the 26 around one, and a little noise


@dataclass(frozen=True)
class Voxels:
    """Means of the points in each cube of side ``size``; ``of_point`` (N,) is the voxel of each point."""

    xyz: NDArray[np.float64]  # (V, 3) metres
    lab: NDArray[np.float64] | None  # (V, 3) CIELAB / 100
    normals: NDArray[np.float64]  # (V, 3) unit length, towards the viewer
    of_point: NDArray[np.intp]
    size: float
    pairs: NDArray[np.intp]  # (E, 2) neighbours

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True)
class Patches:
    """``of_voxel`` (V,) is the patch of each voxel, 0 to ``count`` - 1."""

    of_voxel: NDArray[np.intp]
    count: int


def spacing(xyz: NDArray[np.floating], *, seed: int = 0) -> float:
    """The median distance from a point (N, 3) to its nearest neighbour, in metres; 0 where all points are one."""
    if len(xyz) < 2:
        return 0.0
    asked = np.random.default_rng(seed).choice(len(xyz), min(len(xyz), 1000), replace=False)
    distances = cKDTree(xyz).query(xyz[asked], k=2)[0][:, 1]
    return float(np.median(distances[distances > 0])) if np.any(distances > 0) else 0.0


def voxelise(
    xyz: NDArray[np.floating], rgb: NDArray[np.uint8] | None, size: float, viewer: NDArray[np.float64]
) -> Voxels:
    """Points (N, 3), at least one, in cubes of ``size`` metres; normals from each one's nearest neighbours."""
    cells = np.floor((xyz - xyz.min(axis=0)) / size).astype(np.int64)
    spans = cells.max(axis=0) + 1
    _, of_point = np.unique((cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2], return_inverse=True)
    counts = np.bincount(of_point)
    centres = np.stack([np.bincount(of_point, xyz[:, axis]) for axis in range(3)], axis=1) / counts[:, None]
    lab = None
    if rgb is not None:
        means = np.stack([np.bincount(of_point, rgb[:, axis]) for axis in range(3)], axis=1) / counts[:, None]
        lab = lab_colours(means)
    tree = cKDTree(centres)
    normals = _normals(centres, tree, viewer)
    return Voxels(centres, lab, normals, of_point, size, tree.query_pairs(REACH * size, output_type="ndarray"))


def lab_colours(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """sRGB colours (N, 3) in 0 to 255 as CIELAB under D65, divided by 100."""
    linear = np.where(rgb <= 10.31475, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4339, 0.2126, 0.0178], [0.3762, 0.7152, 0.1095], [0.1899, 0.0722, 0.8727]])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([1.16 * f[:, 1] - 0.16, 5 * (f[:, 0] - f[:, 1]), 2 * (f[:, 1] - f[:, 2])], axis=1)


def _normals(centres: NDArray[np.float64], tree: cKDTree, viewer: NDArray[np.float64]) -> NDArray[np.float64]:
    near = min(18, len(centres))
    index = tree.query(centres, k=near)[1].reshape(len(centres), near)
    offsets = centres[index] - centres[:, None]  # (V, near, 3)
    offsets -= offsets.mean(axis=1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("vki,vkj->vij", offsets, offsets))[1][:, :, 0]
    away = np.einsum("vi,vi->v", normals, viewer - centres) < 0
    normals[away] *= -1
    return normals


def group_patches(voxels: Voxels, *, rounds: int = 4) -> Patches:
    """Patches about SEED_VOXELS wide: each voxel joins, of the seeds around it, the one most like it.

    Likeness is distance, angle between normals and difference of colour, and the seeds move to the middle of theirs,
    as in simple linear iterative clustering.
    """
    side = SEED_VOXELS * voxels.size
    cells = np.floor((voxels.xyz - voxels.xyz.min(axis=0)) / side + 0.5).astype(np.int64)
    spans = cells.max(axis=0) + 1
    owner = np.unique((cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2], return_inverse=True)[1]
    features = [voxels.xyz / side, 1.2 * voxels.normals]
    if voxels.lab is not None:
        features.append(2.0 * voxels.lab)
    stacked = np.concatenate(features, axis=1)
    for _ in range(rounds):
        counts = np.bincount(owner)
        sums = np.stack([np.bincount(owner, column) for column in stacked.T], axis=1)
        means = sums[counts > 0] / counts[counts > 0, None]
        near = min(8, len(means))
        choice = cKDTree(means[:, :3]).query(stacked[:, :3], k=near)[1].reshape(len(stacked), near)
        distance = np.sum((means[choice] - stacked[:, None]) ** 2, axis=2)
        owner = choice[np.arange(len(stacked)), np.argmin(distance, axis=1)]
    names, of_voxel = np.unique(owner, return_inverse=True)
    return Patches(of_voxel.astype(np.intp), len(names))
