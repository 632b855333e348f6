"""Patches merged into objects: the pairs that most likely belong together first, until no pair is likely enough.

Does not know how likely is found out: a judge is passed in, which sees one row of features a pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lamm_core.pointclouds.segments import Patches, Voxels

__all__ = ["Judge", "Regions", "best_of_both", "linked", "merge", "regions_of", "spanning"]

Judge = Callable[["Regions"], NDArray[np.float64]]
"""Regions to the log odds (P,) that both ends of each of their pairs are one object."""

BINS = 6  # of a colour histogram, for each of the three channels
NEAREST = 12  # so many of the smallest gaps between two regions make their boundary
_LOW = np.array([0.0, -0.4, -0.4])  # CIELAB / 100 as it occurs
_HIGH = np.array([1.0, 0.6, 0.6])


@dataclass(frozen=True, eq=False)
class Regions:
    """Sums over the voxels of each of R regions, and over what lies across each of P boundaries. Lengths in voxels.

    ``sums`` (R, 13): count, position (3), its products (6), normal (3). ``colours`` (R, 6 + 3 * BINS): colour (3), its
    squares (3), histograms; no columns where there is no colour. ``low`` and ``high`` (R, 4): least and largest x, y, z
    and height. ``pairs`` (P, 2) of regions, smaller name first. ``boundary`` (P, 11), see ``_across``. ``of_voxel``
    (V,) is the region of each voxel. ``viewer`` (3,) is where the scene is seen from.
    """

    sums: NDArray[np.float64]
    colours: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    pairs: NDArray[np.intp]
    boundary: NDArray[np.float64]
    of_voxel: NDArray[np.intp]
    viewer: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sums)

    def joined(self, names: NDArray[np.intp]) -> Regions:
        """The regions with the same one of the ``names`` (R,), 0 to K - 1, made one."""
        count = int(names.max()) + 1
        low, high = np.full((count, 4), np.inf), np.full((count, 4), -np.inf)
        np.minimum.at(low, names, self.low)
        np.maximum.at(high, names, self.high)
        pairs, boundary = _gathered(names[self.pairs], self.boundary, count)
        return Regions(
            _totals(self.sums, names, count), _totals(self.colours, names, count), low, high,
            pairs, boundary, names[self.of_voxel], self.viewer,
        )  # fmt: skip


def regions_of(voxels: Voxels, patches: Patches, heights: NDArray[np.float64], viewer: NDArray[np.float64]) -> Regions:
    """One region a patch. ``heights`` (V,) of the voxels above the support and ``viewer`` (3,) are in metres."""
    owner, count = patches.of_voxel, patches.count
    xyz = voxels.xyz / voxels.size
    products = np.stack([xyz[:, i] * xyz[:, j] for i, j in zip(*np.triu_indices(3), strict=True)], axis=1)
    values = np.concatenate([np.ones((len(xyz), 1)), xyz, products, voxels.normals], axis=1)
    if voxels.lab is None:
        colours = np.zeros((count, 0))
    else:
        place = np.clip((voxels.lab - _LOW) / (_HIGH - _LOW) * BINS, 0, BINS - 1).astype(int)
        histograms = np.eye(BINS)[place].reshape(len(xyz), 3 * BINS)
        colours = _totals(np.concatenate([voxels.lab, voxels.lab**2, histograms], axis=1), owner, count)
    extents = np.concatenate([xyz, heights[:, None] / voxels.size], axis=1)
    low, high = np.full((count, 4), np.inf), np.full((count, 4), -np.inf)
    np.minimum.at(low, owner, extents)
    np.maximum.at(high, owner, extents)
    pairs, boundary = _gathered(owner[voxels.pairs], _across(voxels, heights, voxels.pairs), count)
    return Regions(_totals(values, owner, count), colours, low, high, pairs, boundary, owner, viewer / voxels.size)


def spanning(regions: Regions, voxels: Voxels, heights: NDArray[np.float64], *, reach: float) -> Regions:
    """The same regions with a boundary between any two that come within ``reach`` voxels of each other.

    What hides the middle of an object leaves two pieces that do not touch, and so does the near rim of a bowl.
    """
    order = np.argsort(regions.of_voxel, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(regions.of_voxel, minlength=len(regions)))[:-1])
    trees = [cKDTree(voxels.xyz[place]) for place in places]
    low, high = regions.low[:, :3], regions.high[:, :3]
    close = (np.maximum(low[:, None] - high[None], low[None] - high[:, None]) <= reach).all(axis=2)
    ends, found = [np.zeros((0, 2), np.intp)], [np.zeros((0, 2), np.intp)]
    for first, second in np.argwhere(np.triu(close, 1)):
        less, more = (first, second) if len(places[first]) < len(places[second]) else (second, first)
        gaps, nearest = trees[more].query(voxels.xyz[places[less]], distance_upper_bound=reach * voxels.size)
        smallest = np.argsort(gaps, kind="stable")[:NEAREST]
        smallest = smallest[np.isfinite(gaps[smallest])]
        found.append(np.stack([places[less][smallest], places[more][nearest[smallest]]], axis=1))
        ends.append(np.tile([first, second], (len(smallest), 1)))
    pairs, boundary = _gathered(
        np.concatenate(ends), _across(voxels, heights, np.concatenate(found)), len(regions)
    )  # fmt: skip
    return replace(regions, pairs=pairs, boundary=boundary)


def merge(regions: Regions, judge: Judge, *, least: float = 0.0) -> Regions:
    """The regions, merged round by round, until no pair has log odds of at least ``least``."""
    while len(regions.pairs):
        chosen = best_of_both(regions, judge(regions), least=least)
        if not chosen.any():
            break
        ends = regions.pairs[chosen]
        regions = regions.joined(linked(ends, len(regions)))
    return regions


def best_of_both(regions: Regions, odds: NDArray[np.float64], *, least: float) -> NDArray[np.bool_]:
    """Which pairs (P,) are the best that either end has, and good enough."""
    best = np.full(len(regions), -np.inf)
    np.maximum.at(best, regions.pairs[:, 0], odds)
    np.maximum.at(best, regions.pairs[:, 1], odds)
    chosen: NDArray[np.bool_] = (odds >= least) & (odds >= best[regions.pairs].max(axis=1))
    return chosen


def linked(ends: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Names (count,), 0 to K - 1, that are the same for what the pairs (P, 2) join directly or through others."""
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.intp)


def _across(voxels: Voxels, heights: NDArray[np.float64], pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    """A row for each two voxels: count, turn of the normals, hollow part, signed, colour, place (3), height, gap, gap
    in depth."""
    i, j = pairs[:, 0], pairs[:, 1]
    xyz = voxels.xyz / voxels.size
    turn = 1 - np.einsum("ij,ij->i", voxels.normals[i], voxels.normals[j])
    step = xyz[j] - xyz[i]
    length = np.linalg.norm(step, axis=1)
    # Normals of a hollow edge lean towards each other, those of a ridge away from each other.
    signed = np.einsum("ij,ij->i", voxels.normals[i] - voxels.normals[j], step) / np.maximum(length, 1e-9)
    colour = np.zeros(len(i)) if voxels.lab is None else np.linalg.norm(voxels.lab[i] - voxels.lab[j], axis=1)
    middle = (xyz[i] + xyz[j]) / 2
    height = (heights[i] + heights[j]) / 2 / voxels.size
    return np.stack(
        [np.ones(len(i)), turn, np.maximum(signed, 0), signed, colour, *middle.T, height, length, np.abs(step[:, 2])],
        axis=1,
    )


def _totals(values: NDArray[np.float64], names: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    if not values.shape[1]:
        return np.zeros((count, 0))
    return np.stack([np.bincount(names, column, minlength=count) for column in values.T], axis=1)


def _gathered(
    ends: NDArray[np.intp], rows: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pairs without repeats, none with itself, and the sums of their rows."""
    ends = np.sort(ends, axis=1)
    differ = ends[:, 0] != ends[:, 1]
    names, place = np.unique(ends[differ, 0] * count + ends[differ, 1], return_inverse=True)
    return np.stack(np.divmod(names, count), axis=1), _totals(rows[differ], place, len(names))
