"""Objects that stand out in a cloud: where each is, which points it has, without saying what it is.

Does not know encoders, labels or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lamm_core.grounding import Box3D
from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.features import pair_features, region_features
from lamm_core.pointclouds.judge import Judges, Network, read_judges
from lamm_core.pointclouds.merging import Judge, Regions, merge, regions_of, spanning
from lamm_core.pointclouds.standing import Standing, stand_out

__all__ = ["Proposal", "pieces", "propose", "score", "wholes"]

REACH = 30.0  # voxels between two pieces that may still be one object
JOIN_APART = -1.0  # log odds from which pieces are joined: a torn object costs more than one joined pair gains
LEAST_SCORE = 0.25
LEAST_VOXELS = 40  # of an object


@dataclass(frozen=True)
class Proposal:
    """One object: the places of its ``points`` in the cloud, their box in metres, and how sure it is, 0 to 1."""

    points: NDArray[np.intp]
    box: Box3D
    score: float


def propose(
    xyz: NDArray[np.floating], rgb: NDArray[np.uint8] | None = None, *, judges: Judges | None = None
) -> list[Proposal]:
    """The objects among points (N, 3) in metres, z up, with colours (N, 3) or without; the surest first.

    The number by which an answer names one is its place in this list, from 1. No two share a point. Empty where nothing
    stands out, as with a bare floor or a handful of points. ``judges`` are the shipped ones unless others are trained.
    """
    standing = stand_out(xyz, rgb)
    if standing is None:
        return []
    judges = judges or read_judges()
    regions = wholes(standing, pieces(standing, judges.touching), judges.apart)
    scores = score(regions, judges)
    of_point = regions.of_voxel[standing.voxels.of_point]
    places, owners = _with_feet(np.asarray(xyz, float), standing, of_point)
    kept = np.flatnonzero((scores >= LEAST_SCORE) & (regions.sums[:, 0] >= LEAST_VOXELS))
    found = [(places[owners == name], float(scores[name])) for name in kept[np.argsort(-scores[kept], kind="stable")]]
    return [Proposal(points, box_around(xyz[points]), round(sure, 4)) for points, sure in found]


def pieces(standing: Standing, touching: Network) -> Regions:
    """The patches, merged with those they touch."""
    regions = regions_of(standing.voxels, standing.patches, standing.heights, standing.viewer)
    return merge(regions, _judge(touching))


def wholes(standing: Standing, merged: Regions, apart: Network) -> Regions:
    """The pieces, merged across gaps too, and their last boundaries."""
    joined = spanning(merged, standing.voxels, standing.heights, reach=REACH)
    return merge(joined, _judge(apart), least=JOIN_APART)


def score(regions: Regions, judges: Judges) -> NDArray[np.float64]:
    """How likely each region is an object; (R,)."""
    odds = judges.apart(pair_features(regions))
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-judges.whole(region_features(regions, odds))))
    return chance


def _judge(network: Network) -> Judge:
    return lambda regions: network(pair_features(regions))


def _with_feet(
    xyz: NDArray[np.float64], standing: Standing, owners: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The points off the support and their regions, joined by those in its noise right under one of them."""
    if standing.support is None:
        return standing.places, owners
    height = standing.support.height(xyz)
    size = standing.voxels.size
    low = height[standing.places] < standing.gap + 2 * size
    strip = np.flatnonzero(np.abs(height) <= standing.gap)
    if not low.any() or not len(strip):
        return standing.places, owners
    tree = cKDTree(xyz[standing.places[low], :2])
    gaps, nearest = tree.query(xyz[strip, :2], distance_upper_bound=0.5 * size)
    under = np.isfinite(gaps)
    feet = owners[low][nearest[under]]
    return np.concatenate([standing.places, strip[under]]), np.concatenate([owners, feet])
