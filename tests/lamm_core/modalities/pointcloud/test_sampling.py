"""Points are chosen by where they are and not by their order in the file."""

from __future__ import annotations

import numpy as np
import pytest

from lamm_core.modalities.pointcloud.sampling import farthest_order, in_ball, nearest, shuffled_order, thin


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).random((700, 3)).astype(np.float32)


def greedy(points: np.ndarray, count: int, start: int) -> list[int]:
    """Farthest-point sampling, as slowly as it is defined."""
    order, distance = [start], np.full(len(points), np.inf)
    while len(order) < count:
        distance = np.minimum(distance, ((points - points[order[-1]]) ** 2).sum(axis=1))
        order.append(int(distance.argmax()))
    return order


def test_a_cell_becomes_the_mean_of_its_points() -> None:
    table = np.asarray([[0, 0, 0, 10], [0.4, 0.2, 0, 30], [0, 0, 1.5, 7], [2.1, 0, 0, 5]], np.float32)
    rows = thin(table, 1.0, most=100)
    expected = np.asarray([[0.2, 0.1, 0, 20], [0, 0, 1.5, 7], [2.1, 0, 0, 5]])
    assert np.allclose(rows[np.lexsort(rows.T[::-1])], expected[np.lexsort(expected.T[::-1])])


def test_cells_grow_until_few_enough_hold_points(points: np.ndarray) -> None:
    assert len(thin(points, 1e-4, most=1000)) == 700
    rows = thin(points, 1e-4, most=50)
    assert 5 < len(rows) <= 50
    assert np.allclose(rows.mean(axis=0), points.mean(axis=0), atol=0.1)


def test_a_stray_point_far_away_does_not_coarsen_the_rest(points: np.ndarray) -> None:
    stray = np.asarray([[3e8, -3e8, 3e8]], np.float32)
    rows = thin(np.concatenate([points, stray]), 0.02, most=1000)
    assert len(rows) > 600


def test_the_order_in_the_file_does_not_matter(points: np.ndarray) -> None:
    other = points[np.random.default_rng(1).permutation(len(points))]
    assert np.array_equal(thin(points, 0.1, most=1000), thin(other, 0.1, most=1000))
    assert np.array_equal(points[shuffled_order(points)], other[shuffled_order(other)])


def test_a_shuffled_order_follows_no_coordinate(points: np.ndarray) -> None:
    shuffled = points[np.lexsort(points.T)][shuffled_order(points[np.lexsort(points.T)])]
    assert sorted(shuffled_order(points).tolist()) == list(range(700))
    for column in shuffled.T:
        assert abs(np.corrcoef(column, np.arange(700))[0, 1]) < 0.12  # three standard deviations


def test_minus_zero_is_zero() -> None:
    points = np.asarray([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    negative = points * np.float32(-1) * np.float32(-1)
    negative[0] = -0.0
    assert shuffled_order(points).tolist() == shuffled_order(negative).tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 40, 700, 900])
def test_every_next_point_is_the_farthest_from_those_before(points: np.ndarray, count: int) -> None:
    order = farthest_order(points, count).tolist()
    assert order == greedy(points, min(count, 700), order[0])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9])
def test_small_clouds_are_ordered_whole(points: np.ndarray, count: int) -> None:
    assert sorted(farthest_order(points[:count], 50).tolist()) == list(range(count))


def test_fewer_chosen_among_the_chosen_are_the_first_of_them(points: np.ndarray) -> None:
    chosen = points[farthest_order(points, 64)]
    assert greedy(chosen, 16, 0) == list(range(16))


def test_neighbours_are_the_nearest_and_a_small_cloud_is_repeated(points: np.ndarray) -> None:
    distance = np.linalg.norm(points[:5, None] - points, axis=2)
    assert np.array_equal(nearest(points, points[:5], count=9), np.argsort(distance, axis=1)[:, :9])
    assert nearest(points[:2], points[:1], count=5).tolist() == [[0, 1, 0, 1, 0]]
    assert nearest(points[:1], points[:1], count=3).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(("radius", "count"), [(0.05, 4), (0.3, 4), (0.3, 300), (5.0, 64)])
def test_a_ball_holds_the_first_points_within_it(points: np.ndarray, radius: float, count: int) -> None:
    found = in_ball(points, points[:20], radius, count=count)
    for centre, row in zip(points, found, strict=False):
        inside = np.flatnonzero(np.linalg.norm(points.astype(float) - centre, axis=1) <= radius)[:count]
        assert row.tolist() == np.resize(inside, count).tolist()
