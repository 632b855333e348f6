"""Overlaps and matchings agree with slow implementations written another way."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from lamm_core.evaluation.metrics.boxes import Box, inside, matched
from lamm_core.grounding import box_overlap


def random_box(rng: random.Random, steps: int = 20) -> Box:
    x1, x2 = sorted(rng.sample(range(steps + 1), 2))
    y1, y2 = sorted(rng.sample(range(steps + 1), 2))
    return x1 / steps, y1 / steps, x2 / steps, y2 / steps


def test_overlap_equals_counting_cells() -> None:
    rng = random.Random(0)
    for _ in range(200):
        boxes = [random_box(rng) for _ in range(2)]
        grids = []
        for x1, y1, x2, y2 in boxes:
            grid = np.zeros((20, 20), dtype=bool)
            grid[round(y1 * 20) : round(y2 * 20), round(x1 * 20) : round(x2 * 20)] = True
            grids.append(grid)
        counted = (grids[0] & grids[1]).sum() / (grids[0] | grids[1]).sum()
        assert box_overlap(*boxes) == pytest.approx(counted)


def test_boxes_that_do_not_meet_on_either_axis_overlap_by_nothing() -> None:
    assert box_overlap((0, 0, 0.1, 0.1), (0.9, 0.9, 1, 1)) == 0.0
    assert box_overlap((0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)) == 0.0


def test_a_point_on_the_border_is_not_inside() -> None:
    assert inside((0.5, 0.5), (0.4, 0.4, 0.6, 0.6))
    assert not inside((0.4, 0.5), (0.4, 0.4, 0.6, 0.6))


def test_matching_equals_trying_every_assignment() -> None:
    rng = random.Random(1)
    for _ in range(150):
        true = [(rng.choice("ab"), random_box(rng, 4)) for _ in range(rng.randint(1, 4))]
        predicted = [(rng.choice("ab"), random_box(rng, 4)) for _ in range(rng.randint(0, 4))]
        slots: list[int | None] = [*range(len(predicted)), *([None] * len(true))]
        best = max(
            sum(
                j is not None and predicted[j][0] == label and box_overlap(predicted[j][1], box) >= 0.5
                for (label, box), j in zip(true, order, strict=True)
            )
            for order in set(itertools.permutations(slots, len(true)))
        )
        assert matched(predicted, true) == best


def test_a_predicted_box_is_used_once() -> None:
    box = (0.1, 0.1, 0.5, 0.5)
    assert matched([("dog", box)], [("dog", box), ("dog", box)]) == 1
