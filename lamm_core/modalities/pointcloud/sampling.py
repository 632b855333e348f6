"""Choosing points: one for each cell, evenly far apart, at random, and those near a centre.

Does not know networks, colours or units. Every choice follows from the set of points and not from their order in the
file, so that a shuffled cloud gives the same tokens. Legend: N points, M chosen ones, C channels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["farthest_order", "in_ball", "nearest", "repeated", "shuffled_order", "thin"]

# A cell's number is the sum of its place along each axis times an odd number, modulo 2^64. Different cells then get
# different numbers in any cloud that fits into memory, however far away its stray points are.
STEPS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
FURTHEST = 1e18  # cells from the lowest point; what is further away counts as there
TALLEST_TREE = 7  # fpsample calls it h; 5 to 9 take the same time for 20,000 points


def thin(table: NDArray[np.float32], cell: float, *, most: int) -> NDArray[np.float32]:
    """The mean row of each cubic cell of side ``cell``; the first three channels of ``table`` (N, C) are coordinates.

    Where more than ``most`` cells hold points the side is doubled until fewer do. The rows are in an order that depends
    on the cells alone.
    """
    columns = np.ascontiguousarray(table.T)  # one channel after the other: three times as fast
    offsets = [column.astype(np.float64) - column.min() for column in columns[:3]]
    while True:
        cells = np.zeros(len(table), np.uint64)
        for offset, step in zip(offsets, STEPS, strict=True):
            cells += np.minimum(offset / cell, FURTHEST).astype(np.uint64) * step
        order = np.argsort(cells)
        sorted_cells = cells[order]
        starts = np.flatnonzero(np.append(True, sorted_cells[1:] != sorted_cells[:-1]))
        if len(starts) <= most:
            break
        cell *= 2
    points = np.diff(starts, append=len(table))
    means = [np.add.reduceat(column[order].astype(np.float64), starts) / points for column in columns]
    return np.stack(means, axis=1).astype(np.float32)


def farthest_order(points: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Places of up to ``count`` of the points (N, 3), each next one farthest from those before it.

    The beginning of the order is what fewer points would have been, also when they are chosen among the chosen ones.
    """
    import fpsample

    if len(points) == 1:
        return np.zeros(1, np.intp)
    height = min(TALLEST_TREE, int(math.log2(len(points))))
    # The start counts in fpsample's own tree and not in the points; what matters is that it is always the same.
    order = fpsample.bucket_fps_kdline_sampling(
        np.ascontiguousarray(points, np.float32), min(count, len(points)), h=height, start_idx=0
    )
    return np.asarray(order).astype(np.intp)


def shuffled_order(points: NDArray[np.float32]) -> NDArray[np.intp]:
    """Places of the points (N, 3) in an order that looks random and depends on their coordinates alone."""
    bits = np.ascontiguousarray(points + np.float32(0), np.float32).view(np.uint32).astype(np.uint64)  # no -0.0
    mixed = np.zeros(len(points), np.uint64)
    for column in bits.T:  # the generator SplitMix64 (Steele, Lea, Flood 2014), fed with one coordinate after the other
        mixed = mixed + column + STEPS[0]
        mixed = (mixed ^ (mixed >> np.uint64(30))) * STEPS[1]
        mixed = (mixed ^ (mixed >> np.uint64(27))) * STEPS[2]
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.argsort(mixed, kind="stable")


def nearest(points: NDArray[np.float32], centres: NDArray[np.float32], *, count: int) -> NDArray[np.intp]:
    """Places of the ``count`` points (N, 3) nearest each centre (M, 3), the nearest first; (M, count).

    A smaller cloud is repeated.
    """
    from scipy.spatial import cKDTree  # half a second, which a question about a picture need not wait for

    found = cKDTree(points).query(centres, k=range(1, min(count, len(points)) + 1))[1]
    return np.asarray(found, np.intp)[:, repeated(np.arange(found.shape[1]), count)]


def in_ball(
    points: NDArray[np.float32], centres: NDArray[np.float32], radius: float, *, count: int
) -> NDArray[np.intp]:
    """For each centre (M, 3) the first ``count`` points (N, 3) within ``radius`` of it, in the order of the points.

    Fewer are repeated up to (M, count). Every centre must be one of the points.
    """
    from scipy.spatial import cKDTree

    found = np.zeros((len(centres), count), np.intp)
    waiting = np.arange(len(centres))
    looked_at = min(len(points), 32 * count)
    # Most centres are served by the first points of a shuffled cloud; only the others look at twice as many.
    while len(waiting):
        near = cKDTree(points[:looked_at]).query_ball_point(centres[waiting], radius, return_sorted=True)
        unserved = []
        for centre, places in zip(waiting.tolist(), near, strict=True):
            if len(places) >= count or looked_at == len(points):
                found[centre] = repeated(np.asarray(places[:count], np.intp), count)
            else:
                unserved.append(centre)
        waiting = np.asarray(unserved, np.intp)
        looked_at = min(len(points), 2 * looked_at)
    return found


def repeated(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The first ``count`` of the entries, beginning again where they end."""
    return rows[np.arange(count) % len(rows)]
