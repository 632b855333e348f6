"""The surface that objects stand on: a table top or a floor, found in a cloud whose z axis points up.

Does not know objects or colours. Tolerances follow from the cloud's own extent and noise; walls are told by metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SupportPlane", "find_support", "in_walls"]

SAMPLE = 20_000  # points that are looked at while candidates are compared
STEEPEST = np.cos(np.deg2rad(12.0))  # a support may lean so far from the horizontal
ROOM, TALL = 1.8, 1.2  # metres: a scene narrower or lower than this has no walls
THICK = 0.06  # metres from the middle of a wall to where it ends
LEAST_SHARE = 0.08  # of all points; less is a shelf or the top of an object


@dataclass(frozen=True)
class SupportPlane:
    """``normal`` · p = ``offset`` for the points p on it, normal up; ``noise`` is their spread around it in metres."""

    normal: NDArray[np.float64]  # (3,)
    offset: float
    noise: float

    def height(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far each of the points (N, 3) is above the plane, in metres; (N,)."""
        return xyz @ self.normal - self.offset


def find_support(xyz: NDArray[np.floating], *, seed: int = 0) -> SupportPlane | None:
    """The plane that the scene of points (N, 3) stands on; None where no near-horizontal plane carries enough of them.

    Among the horizontal layers of the cloud the one that covers most ground counts, and a lower one of comparable
    area before a higher one, so that a floor wins over the table on it.
    """
    if len(xyz) < 30:
        return None
    generator = np.random.default_rng(seed)
    sample = np.asarray(xyz if len(xyz) <= SAMPLE else xyz[generator.choice(len(xyz), SAMPLE, replace=False)], float)
    spread = np.ptp(np.percentile(sample, [1, 99], axis=0), axis=0)
    tolerance = max(0.006 * float(np.linalg.norm(spread)), 1e-6)
    candidates = _candidates(sample, tolerance, generator)
    cell = max(float(np.max(spread[:2])) / 40, 1e-6)
    rated = [
        (_covered(sample[_near(sample, plane, tolerance)], cell), plane)
        for plane in candidates
        if _carries(sample, plane, tolerance)
    ]
    if not rated:
        return None
    widest = max(area for area, _ in rated)
    middle = sample.mean(axis=0)[:2]
    normal, offset = min(
        (plane for area, plane in rated if area >= 0.5 * widest), key=lambda plane: _level(plane, middle)
    )
    return _refined(sample, normal, offset, tolerance)


def in_walls(xyz: NDArray[np.floating], heights: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which of the points (N, 3) belong to the walls and the ceiling of a room; (N,). None do on a table.

    A wall is upright, as high as most of the scene, spans half its side, and has next to nothing behind it. Each side
    of the scene is tried, as it lies after turning the ground plan to its longest straight line.
    """
    found = np.zeros(len(xyz), dtype=bool)
    if len(xyz) < 100:
        return found
    flat = _squared(np.asarray(xyz[:, :2], float))
    low, high = np.percentile(flat, [0.5, 99.5], axis=0)
    top = float(np.percentile(heights, 99.5))
    if float(np.min(high - low)) < ROOM or top < TALL:
        return found
    for axis in (0, 1):
        for inward in (flat[:, axis] - low[axis], high[axis] - flat[:, axis]):
            band = np.abs(inward - _crowded_depth(inward[inward < 0.2 * (high - low)[axis]])) < THICK
            along = flat[band, 1 - axis]
            if band.any() and (
                float(np.ptp(np.percentile(heights[band], [2, 98]))) > 0.6 * top
                and len(np.unique(np.floor(along / 0.1))) > 0.5 * (high - low)[1 - axis] / 0.1
                and len(np.unique(np.floor(np.stack([along, heights[band]], axis=1) / 0.2), axis=0))
                > 0.4 * float(high[1 - axis] - low[1 - axis]) * top / 0.04
            ):
                found |= band | (inward < float(np.median(inward[band])))
    ceiling = heights > top - THICK
    if ceiling.mean() > LEAST_SHARE and top > 2.0:
        found |= ceiling
    return found


def _squared(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ground plan turned so that its straight lines run along the axes: the turn with the sharpest histograms."""
    rough = flat[:: max(1, len(flat) // 5000)]

    def sharpness(turn: float) -> float:
        turned = rough @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return float(sum(np.sum(np.bincount(np.floor((v - v.min()) / 0.05).astype(int)) ** 2) for v in turned.T))

    turns = np.deg2rad(np.arange(-45, 45, 1.5))
    turn = turns[int(np.argmax([sharpness(each) for each in turns]))]
    return flat @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def _crowded_depth(depths: NDArray[np.float64]) -> float:
    """Where along a line most points are, to the centimetre."""
    if not len(depths):
        return 0.0
    counts, edges = np.histogram(depths, bins=max(1, int(np.ptp(depths) / 0.02)))
    return float(edges[int(np.argmax(counts))]) + 0.01


def _candidates(
    sample: NDArray[np.float64], tolerance: float, generator: np.random.Generator
) -> list[tuple[NDArray[np.float64], float]]:
    """Planes through three random points that lean little and carry enough points, best first, no two alike."""
    triples = sample[generator.integers(0, len(sample), (1500, 3))]  # (1500, 3, 3)
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals[lengths > 0] / lengths[lengths > 0, None]
    origins = triples[lengths > 0, 0]
    normals = np.where(normals[:, 2:] < 0, -normals, normals)
    upright = normals[:, 2] >= STEEPEST
    normals, origins = normals[upright][:300], origins[upright][:300]
    offsets = np.einsum("ij,ij->i", normals, origins)
    # Horizontal layers too, however little their points show of the plane: one for each crowded height.
    counts, edges = np.histogram(sample[:, 2], bins=max(4, min(400, int(np.ptp(sample[:, 2]) / tolerance) + 1)))
    layers = (edges[:-1] + edges[1:])[np.argsort(-counts)[:12]] / 2
    normals = np.concatenate([normals, np.tile([0.0, 0.0, 1.0], (len(layers), 1))])
    offsets = np.concatenate([offsets, layers])
    rough = sample[:: max(1, len(sample) // 4000)]
    near = np.abs(rough @ normals.T - offsets) < tolerance
    votes = near.sum(axis=0)
    kept: list[tuple[NDArray[np.float64], float]] = []
    taken = np.zeros(len(rough), dtype=bool)  # a plane through the points of a better one is the same, askew
    for place in np.argsort(-votes, kind="stable"):
        if votes[place] < LEAST_SHARE * len(rough) or len(kept) == 8:
            break
        if np.sum(near[:, place] & ~taken) > 0.5 * votes[place]:
            kept.append((normals[place], float(offsets[place])))
            taken |= np.abs(rough @ normals[place] - offsets[place]) < 3 * tolerance
    return kept


def _level(plane: tuple[NDArray[np.float64], float], middle: NDArray[np.float64]) -> float:
    normal, offset = plane
    return float((offset - normal[:2] @ middle) / normal[2])


def _carries(sample: NDArray[np.float64], plane: tuple[NDArray[np.float64], float], tolerance: float) -> bool:
    """Whether more than next to nothing is above, for what is below; the top of a lone box carries nothing."""
    height = sample @ plane[0] - plane[1]
    return bool(np.sum(height > tolerance) >= 0.1 * np.sum(height < -tolerance))


def _near(sample: NDArray[np.float64], plane: tuple[NDArray[np.float64], float], tolerance: float) -> NDArray[np.bool_]:
    return np.abs(sample @ plane[0] - plane[1]) < tolerance


def _covered(points: NDArray[np.float64], cell: float) -> int:
    """How many cells of the ground the points fall into."""
    return len(np.unique(np.floor(points[:, :2] / cell).astype(np.int64), axis=0))


def _refined(
    sample: NDArray[np.float64], normal: NDArray[np.float64], offset: float, tolerance: float
) -> SupportPlane | None:
    """The plane fitted anew to the points near it, three times, the band around it shrinking to their noise."""
    band = tolerance
    for _ in range(4):
        near = sample[np.abs(sample @ normal - offset) < band]
        if len(near) < 20:
            return None
        middle = near.mean(axis=0)
        _, lengths, axes = np.linalg.svd(near - middle, full_matrices=False)
        if lengths[1] < 0.02 * lengths[0]:  # a line: it has no plane
            return None
        normal = axes[2] if axes[2][2] > 0 else -axes[2]
        offset = float(normal @ middle)
        noise = 1.4826 * float(np.median(np.abs(near @ normal - offset)))
        band = float(np.clip(3.5 * noise, 0.1 * tolerance, tolerance))
    return SupportPlane(normal, offset, noise) if normal[2] >= STEEPEST else None
