"""What stands on the support: the cloud without table or floor, walls and stray points, in voxels and patches.

Does not know which patches are one object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.merging import linked
from lamm_core.pointclouds.planes import SupportPlane, find_support, in_walls
from lamm_core.pointclouds.segments import Patches, Voxels, group_patches, spacing, voxelise

__all__ = ["Standing", "stand_out"]

MOST_VOXELS = 12_000  # more of the scene than this makes them larger
LEAST_VOXELS = 25  # fewer that hang together are noise
FINEST = 1.6  # a voxel's side, in distances between neighbouring points


@dataclass(frozen=True, eq=False)
class Standing:
    """``places`` (M,) are the points of the cloud that stand out; ``voxels`` and ``patches`` are of those points.

    ``heights`` (V,) of the voxels above the support, ``viewer`` (3,), and ``gap``, below which a point counts as the
    support, are in metres.
    """

    support: SupportPlane | None
    places: NDArray[np.intp]
    voxels: Voxels
    patches: Patches
    heights: NDArray[np.float64]
    viewer: NDArray[np.float64]
    gap: float


def stand_out(xyz: NDArray[np.floating], rgb: NDArray[np.uint8] | None) -> Standing | None:
    """What of the points (N, 3) is off their support; None where next to nothing is left."""
    finite = np.flatnonzero(np.isfinite(xyz).all(axis=1))
    if len(finite) < LEAST_VOXELS:
        return None
    xyz = np.asarray(xyz, float)
    support = find_support(xyz[finite])
    if support is None:
        gap, places, heights = 0.0, finite, xyz[finite, 2] - xyz[finite, 2].min()
    else:
        gap = max(3.5 * support.noise, 1e-9)
        heights = support.height(xyz[finite])
        places, heights = finite[heights > gap], heights[heights > gap]
        walls = in_walls(xyz[places], heights)
        places, heights = places[~walls], heights[~walls]
    if len(places) < LEAST_VOXELS:
        return None
    size = _voxel_size(xyz[places])
    if size <= 0:
        return None
    low, high = np.percentile(xyz[finite], [1, 99], axis=0)
    deep = high[1] - low[1]
    # Where a person stands who scans a table: in front of it, and above. Only the side that surfaces face follows.
    viewer = np.array([(low[0] + high[0]) / 2, low[1] - 0.2 * deep, low[2] + 0.6 * deep])
    voxels = voxelise(xyz[places], None if rgb is None else rgb[places], size, viewer)
    kept = _crowded(voxels)[voxels.of_point]
    if not kept.any():
        return None
    places, heights = places[kept], heights[kept]
    voxels = voxelise(xyz[places], None if rgb is None else rgb[places], size, viewer)
    means = np.bincount(voxels.of_point, heights) / np.bincount(voxels.of_point)
    return Standing(support, places, voxels, group_patches(voxels), means, viewer, gap)


def _voxel_size(xyz: NDArray[np.floating]) -> float:
    """A side that follows the density of the points and leaves at most MOST_VOXELS; 0 where all points are one."""
    size = FINEST * spacing(xyz)
    low, span = xyz.min(axis=0), float(np.max(np.ptp(xyz, axis=0)))
    size = max(size, span / 100_000)
    while size > 0:
        cells = np.floor((xyz - low) / size).astype(np.int64)
        spans = cells.max(axis=0) + 1
        filled = len(np.unique((cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2]))
        if filled <= MOST_VOXELS:
            break
        size *= max(1.05, (filled / MOST_VOXELS) ** 0.5)
    return size


def _crowded(voxels: Voxels) -> NDArray[np.bool_]:
    """Which voxels hang together with enough others to be more than noise; (V,)."""
    names = linked(voxels.pairs, len(voxels))
    enough: NDArray[np.bool_] = np.bincount(names)[names] >= LEAST_VOXELS
    return enough
