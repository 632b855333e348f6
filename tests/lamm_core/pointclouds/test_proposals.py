"""Proposals on scenes made of boxes and balls: found, apart, boxed as promised; and what holds for any cloud."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lamm_core.grounding import Box3D, box_overlap_3d
from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.proposals import Proposal, propose

Corner = tuple[float, float, float]


def box_surface(low: Corner, high: Corner, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Points on the top and the four sides."""
    span = np.subtract(high, low)
    faces = [(2, 1), (0, 0), (0, 1), (1, 0), (1, 1)]
    areas = np.array([span[(axis + 1) % 3] * span[(axis + 2) % 3] for axis, _ in faces])
    face = generator.choice(5, count, p=areas / areas.sum())
    points = np.asarray(low) + generator.random((count, 3)) * span
    for number, (axis, side) in enumerate(faces):
        points[face == number, axis] = (low, high)[side][axis]
    return points


def scene(boxes: list[tuple[Corner, Corner]], *, density: float = 160_000.0) -> tuple[NDArray[np.float32], list[Box3D]]:
    """A table of 1 m with boxes on it, and the true boxes; ``density`` is points a square metre."""
    generator = np.random.default_rng(0)
    table = np.column_stack([generator.random((int(density / 4), 2)) - 0.5, np.zeros(int(density / 4))])
    parts = [table]
    for low, high in boxes:
        a, b, c = np.subtract(high, low)
        parts.append(box_surface(low, high, int(density * (a * b + 2 * (a + b) * c)), generator))
    xyz = np.concatenate(parts)
    return (xyz + generator.normal(0, 0.001, xyz.shape)).astype(np.float32), [box_around(part) for part in parts[1:]]


def best_overlaps(truth: list[Box3D], found: list[Proposal]) -> list[float]:
    return [max((box_overlap_3d(one, other.box) for other in found), default=0.0) for one in truth]


APART = [
    ((-0.3, -0.1, 0.0), (-0.15, 0.05, 0.2)),
    ((0.0, 0.1, 0.0), (0.25, 0.2, 0.1)),
    ((0.3, -0.3, 0.0), (0.4, -0.2, 0.15)),
]


def test_boxes_on_a_table_are_found_without_colour_and_nothing_else() -> None:
    xyz, truth = scene(APART)
    found = propose(xyz)
    assert len(found) == 3
    assert min(best_overlaps(truth, found)) > 0.85


def test_colour_is_optional_and_does_not_hurt_where_it_says_little() -> None:
    xyz, truth = scene(APART)
    rgb = np.full((len(xyz), 3), 128, dtype=np.uint8)
    assert min(best_overlaps(truth, propose(xyz, rgb))) > 0.85


def test_a_small_box_upon_a_large_one_is_another_object() -> None:
    xyz, truth = scene([((-0.2, -0.15, 0.0), (0.2, 0.15, 0.12)), ((-0.05, -0.05, 0.12), (0.06, 0.05, 0.26))])
    found = propose(xyz)
    assert len(found) == 2
    assert min(best_overlaps(truth, found)) > 0.8


def test_furniture_in_a_room_is_found_as_on_a_table() -> None:
    generator = np.random.default_rng(1)
    furniture = [
        ((0.5, 2.2, 0.0), (2.5, 2.9, 0.8)),
        ((3.8, 2.4, 0.0), (4.8, 2.9, 2.0)),
        ((2.0, 0.8, 0.0), (3.2, 1.4, 0.5)),
    ]
    parts = [box_surface(low, high, 8000, generator) for low, high in furniture]
    floor = np.column_stack([generator.random((15_000, 2)) * (5, 3), np.zeros(15_000)])
    wall = np.column_stack([generator.random(10_000) * 5, np.full(10_000, 3.0), generator.random(10_000) * 2.5])
    xyz = np.concatenate([*parts, floor, wall])
    xyz += generator.normal(0, 0.005, xyz.shape)
    overlaps = best_overlaps([box_around(part) for part in parts], propose(xyz.astype(np.float32)))
    assert min(overlaps) > 0.7


def test_points_belong_to_one_proposal_at_most_and_its_box_is_theirs() -> None:
    xyz, _ = scene(APART)
    found = propose(xyz)
    every = np.concatenate([each.points for each in found])
    assert len(np.unique(every)) == len(every)
    for each in found:
        low, high = np.percentile(xyz[each.points].astype(float), [0.5, 99.5], axis=0)
        assert np.allclose(each.box.low, low) and np.allclose(each.box.high, high)
        assert np.isfinite(each.score) and 0 <= each.score <= 1
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_the_same_cloud_gives_the_same_proposals() -> None:
    xyz, _ = scene(APART)
    first, second = propose(xyz), propose(xyz)
    assert [each.box for each in first] == [each.box for each in second]


def test_a_cloud_far_from_the_origin_gives_the_same_boxes_there() -> None:
    xyz, truth = scene(APART)
    shift = (4000.0, -2500.0, 120.0)
    moved = [Box3D((x + 4000.0, y - 2500.0, z + 120.0), box.size) for box in truth for x, y, z in [box.centre]]
    assert min(best_overlaps(moved, propose(xyz.astype(float) + shift))) > 0.8


def test_points_that_are_no_numbers_are_passed_over() -> None:
    xyz, truth = scene(APART)
    holes = np.full((500, 3), np.nan, dtype=np.float32)
    found = propose(np.concatenate([holes, xyz]))
    assert min(best_overlaps(truth, found)) > 0.85
    assert min(each.points.min() for each in found) >= 500


GENERATOR = np.random.default_rng(2)
DEGENERATE = {
    "no point": np.zeros((0, 3)),
    "one point": np.zeros((1, 3)),
    "one place": np.ones((500, 3)),
    "no numbers": np.full((100, 3), np.nan),
    "a line": np.column_stack([np.linspace(0, 1, 1000), np.zeros((1000, 2))]),
    "a bare table": np.column_stack([GENERATOR.random((20_000, 2)), GENERATOR.normal(0, 0.001, 20_000)]),
    "a wall": np.column_stack([GENERATOR.random(5000), np.zeros(5000), GENERATOR.random(5000)]),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_what_holds_no_scene_gives_one_proposal_at_most(name: str) -> None:
    assert len(propose(DEGENERATE[name])) <= 1


def test_coordinates_of_ten_million_are_survived() -> None:
    for each in propose(GENERATOR.random((3000, 3)) * 1e7):
        assert np.isfinite(each.box.size).all()
