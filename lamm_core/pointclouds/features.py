"""What can be seen of two regions of a cloud that tells whether they are one object.

Does not know how the features are weighed. Lengths are in voxels, so that a cup on a table and a cupboard in a room
give the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.merging import Regions

__all__ = ["FEATURES", "WHOLE_FEATURES", "pair_features", "region_features"]

FEATURES = (
    "smaller", "larger", "contact", "angle", "hollow", "signed", "gap", "gap_up",
    "spread_smaller", "spread_larger", "boundary_colour", "lightness", "chroma", "histogram", "coloured",
    "rough_smaller", "rough_larger", "rough_union", "bend", "planes", "chord", "edge_on_smaller", "edge_on_larger",
    "heights", "bottom_upper", "bottom_lower", "contact_in_smaller", "contact_in_larger", "tall_smaller", "tall_larger",
    "filling", "ground", "above", "inside", "upright_smaller", "upright_larger", "round_smaller", "round_larger",
)  # fmt: skip
WHOLE_FEATURES = (
    "count", "tall", "top", "bottom", "narrow", "wide", "dense", "rough", "upright", "round", "doubt",
)  # fmt: skip


def pair_features(regions: Regions) -> NDArray[np.float64]:
    """One row for each pair of neighbours; (P, len(FEATURES))."""
    swap = regions.sums[regions.pairs[:, 0], 0] > regions.sums[regions.pairs[:, 1], 0]
    small, large = np.where(swap[:, None], regions.pairs[:, ::-1], regions.pairs).T
    contact = regions.boundary[:, 0]
    edge = regions.boundary / contact[:, None]
    count = regions.sums[:, 0]
    columns = [
        np.log(count[small]),
        np.log(count[large]),
        np.log(contact) - 0.5 * np.log(count[small]),
        *edge[:, 1:4].T,
    ]
    columns += [np.log1p(edge[:, 9]), np.log1p(edge[:, 10])]
    columns += _colours(regions, small, large, edge[:, 4])
    columns += _surfaces(regions, small, large, edge[:, 5:8])
    columns += _extents(regions, small, large, edge[:, 8])
    normals = regions.sums[:, 10:13] / count[:, None]
    columns += [normals[small, 2], normals[large, 2]]
    roundness = np.linalg.norm(normals, axis=1)  # 1 where flat
    columns += [roundness[small], roundness[large]]
    return np.stack(columns, axis=1)


def region_features(regions: Regions, odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row for each region, given the log odds (P,) that its pairs are one; (R, len(WHOLE_FEATURES))."""
    count = regions.sums[:, 0]
    size = regions.high - regions.low + 1
    ground = np.sort(size[:, :2], axis=1)
    normals = regions.sums[:, 10:13] / count[:, None]
    doubt = np.full(len(regions), -8.0)
    np.maximum.at(doubt, regions.pairs[:, 0], odds)
    np.maximum.at(doubt, regions.pairs[:, 1], odds)
    columns = [
        np.log(count), np.log(size[:, 3]), np.log(np.maximum(regions.high[:, 3], 0.3)),
        np.log1p(np.maximum(regions.low[:, 3], 0)), np.log(ground[:, 0]), np.log(ground[:, 1]),
        np.log(count / (ground[:, 0] * ground[:, 1])), np.log1p(_planes(regions.sums)[0]),
        normals[:, 2], np.linalg.norm(normals, axis=1), doubt,
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _colours(
    regions: Regions, small: NDArray[np.intp], large: NDArray[np.intp], boundary: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    if not regions.colours.shape[1]:
        return [np.zeros(len(small))] * 7
    mean = regions.colours / regions.sums[:, :1]
    spread = np.sqrt(np.maximum(mean[:, 3:6] - mean[:, :3] ** 2, 0).sum(axis=1))
    apart = np.abs(mean[small] - mean[large])
    return [
        spread[small], spread[large], boundary, apart[:, 0], np.linalg.norm(apart[:, 1:3], axis=1),
        apart[:, 6:].sum(axis=1) / 6, np.ones(len(small)),
    ]  # fmt: skip


def _surfaces(
    regions: Regions, small: NDArray[np.intp], large: NDArray[np.intp], place: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """How flat each is, and both together; how their planes meet; where they meet as seen from the viewer."""
    rough, normal, middle = _planes(regions.sums)
    rough_union, _, _ = _planes(regions.sums[small] + regions.sums[large])
    rough, rough_union = np.log1p(rough), np.log1p(rough_union)
    across = middle[large] - middle[small]
    apart = np.maximum(np.einsum("ij,ij->i", across, across), 1e-9)
    sight = regions.viewer - place
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-9)
    along = np.clip(np.einsum("ij,ij->i", place - middle[small], across) / apart, 0, 1)
    chord = np.einsum("ij,ij->i", place - (middle[small] + along[:, None] * across), sight)
    offset = [
        np.log1p(np.abs(np.einsum("ij,ij->i", place - middle[name], normal[name]))) for name in (small, large)
    ]  # fmt: skip
    return [
        rough[small], rough[large], rough_union, rough_union - np.maximum(rough[small], rough[large]),
        1 - np.abs(np.einsum("ij,ij->i", normal[small], normal[large])), np.tanh(chord / 4), *offset,
    ]  # fmt: skip


def _extents(
    regions: Regions, small: NDArray[np.intp], large: NDArray[np.intp], height: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """How the boxes lie: beside, above, inside each other; how far off the support."""
    low, high = regions.low, regions.high
    size = high - low + 1
    tall = size[:, 3]
    joint = np.maximum(high[small], high[large]) - np.minimum(low[small], low[large]) + 1
    shared = np.maximum(np.minimum(high[small], high[large]) - np.maximum(low[small], low[large]) + 1, 0)
    ground, volume = size[:, 0] * size[:, 1], size[:, 0] * size[:, 1] * size[:, 2]
    bottoms = np.maximum(np.stack([low[small, 3], low[large, 3]]), 0)
    return [
        (np.minimum(high[small, 3], high[large, 3]) - np.maximum(low[small, 3], low[large, 3]))
        / np.minimum(tall[small], tall[large]),
        np.log1p(bottoms.max(axis=0)), np.log1p(bottoms.min(axis=0)),
        np.clip((height - low[small, 3]) / tall[small], 0, 1), np.clip((height - low[large, 3]) / tall[large], 0, 1),
        np.log(tall[small]), np.log(tall[large]),
        np.log(joint[:, 0] * joint[:, 1] * joint[:, 2] / (volume[small] + volume[large])),
        np.log(joint[:, 0] * joint[:, 1] / np.maximum(ground[small], ground[large])),
        shared[:, 0] * shared[:, 1] / np.minimum(ground[small], ground[large]),
        shared[:, 0] * shared[:, 1] * shared[:, 2] / np.minimum(volume[small], volume[large]),
    ]  # fmt: skip


def _planes(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Spread of each region around its best plane, that plane's normal, and the region's middle."""
    middle = sums[:, 1:4] / sums[:, :1]
    matrix = np.empty((len(sums), 3, 3))
    rows, columns = np.triu_indices(3)
    matrix[:, rows, columns] = sums[:, 4:10] / sums[:, :1]
    matrix[:, columns, rows] = matrix[:, rows, columns]
    matrix -= middle[:, :, None] * middle[:, None, :]
    values, vectors = np.linalg.eigh(matrix)
    return np.sqrt(np.maximum(values[:, 0], 0)), vectors[:, :, 0], middle
