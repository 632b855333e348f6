"""The support is found in table-tops and rooms, leaning a little or not, and not where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lamm_core.pointclouds.planes import find_support, in_walls


def level(width: float, depth: float, z: float, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    flat = generator.random((count, 2)) * (width, depth)
    return np.column_stack([flat, z + generator.normal(0, 0.002, count)])


@pytest.mark.parametrize("lean", [0.0, 0.08])
def test_a_table_is_found_to_the_millimetre_under_what_stands_on_it(lean: float) -> None:
    generator = np.random.default_rng(0)
    table = level(1, 1, 0.7, 8000, generator)
    things = np.array([0.3, 0.3, 0.7]) + generator.random((3000, 3)) * (0.3, 0.2, 0.25)
    xyz = np.concatenate([table, things])
    xyz[:, 2] += lean * xyz[:, 0]
    support = find_support(xyz)
    assert support is not None
    assert np.abs(np.median(support.height(xyz[:8000]))) < 0.001
    assert support.noise == pytest.approx(0.002, rel=0.3)


def test_the_floor_wins_over_a_large_table_on_it() -> None:
    generator = np.random.default_rng(1)
    xyz = np.concatenate([level(4, 3, 0.0, 5000, generator), level(2, 1.5, 0.75, 9000, generator)])
    support = find_support(xyz)
    assert support is not None
    assert abs(support.offset) < 0.01


def test_the_top_of_a_lone_box_is_no_support() -> None:
    generator = np.random.default_rng(2)
    sides = generator.random((4000, 3)) * (0.4, 0.001, 0.25)
    assert find_support(np.concatenate([level(0.4, 0.3, 0.25, 4000, generator), sides])) is None


def test_a_line_and_a_handful_of_points_have_no_support() -> None:
    line = np.column_stack([np.linspace(0, 1, 1000), np.zeros((1000, 2))])
    assert find_support(line) is None
    assert find_support(np.zeros((5, 3))) is None


def test_walls_are_told_from_a_cupboard_before_them() -> None:
    generator = np.random.default_rng(3)
    back = np.column_stack([generator.random(8000) * 5, np.full(8000, 3.0), generator.random(8000) * 2.5])
    left = np.column_stack([np.zeros(8000), generator.random(8000) * 3, generator.random(8000) * 2.5])
    front_of_cupboard = np.column_stack([2 + generator.random(4000), np.full(4000, 2.4), generator.random(4000) * 2])
    low = np.column_stack([generator.random((4000, 2)) * (5, 3), 0.1 + generator.random(4000) * 0.4])
    xyz = np.concatenate([back, left, front_of_cupboard, low])
    found = in_walls(xyz, xyz[:, 2])
    assert found[:16000].mean() > 0.99
    assert not found[16000:20000].any()


def test_a_table_top_has_no_walls() -> None:
    xyz = np.random.default_rng(4).random((5000, 3)) * (1, 1, 0.3)
    assert not in_walls(xyz, xyz[:, 2]).any()
