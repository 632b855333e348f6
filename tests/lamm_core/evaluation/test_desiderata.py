"""Calibration, robustness and instruction following are what their definitions say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lamm_core.errors import TaskError
from lamm_core.evaluation.desiderata import (
    calibration,
    chance,
    expected_calibration_error,
    match_ratio,
    relative_robustness,
)


def by_hand(pairs: list[tuple[float, bool]], bins: int, equal: str) -> float:
    """The definition, one bin after the other, in plain Python."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    if equal == "count":
        size, more = divmod(len(ordered), bins)
        held, start = [], 0
        for place in range(bins):
            stop = start + size + (place < more)
            held.append(ordered[start:stop])
            start = stop
    else:
        held = [[pair for pair in ordered if place / bins < pair[0] <= (place + 1) / bins] for place in range(bins)]
    total = 0.0
    for one in held:
        if one:
            sure = sum(pair[0] for pair in one) / len(one)
            right = sum(pair[1] for pair in one) / len(one)
            total += len(one) / len(pairs) * abs(sure - right)
    return total


@pytest.mark.parametrize("equal", ["count", "width"])
def test_the_calibration_error_is_its_definition(equal: Any) -> None:
    rng = random.Random(0)
    for _ in range(1000):
        bins = rng.randint(1, 15)
        pairs = [(rng.uniform(1e-6, 1.0), rng.random() < 0.5) for _ in range(rng.randint(1, 60))]
        found = expected_calibration_error([one for one, _ in pairs], [one for _, one in pairs], bins=bins, equal=equal)
        assert found == pytest.approx(by_hand(pairs, bins, equal), abs=1e-12)


def test_who_is_as_sure_as_right_has_no_error() -> None:
    assert expected_calibration_error([0.5] * 10, [True, False] * 5, bins=1) == 0.0
    assert expected_calibration_error([1.0] * 4, [False] * 4, equal="width") == 1.0
    assert expected_calibration_error([], []) is None


def test_only_records_with_a_confidence_are_calibrated() -> None:
    records = [{"score": 1.0, "detail": {"confidence": 0.8}}, {"score": 0.0, "detail": {}}]
    assert calibration(records) == {"ece_equal_count": pytest.approx(0.2), "ece_equal_width": pytest.approx(0.2)}
    assert calibration(records[1:]) == {}


def test_robustness_is_what_is_left_above_chance() -> None:
    assert relative_robustness(0.75, 0.5, chance=0.25) == 0.5
    assert relative_robustness(0.75, 0.75, chance=0.25) == 1.0
    with pytest.raises(TaskError, match="undefined"):
        relative_robustness(0.2, 0.1, chance=0.25)


def test_chance_is_one_over_the_options_of_each_question() -> None:
    assert chance([{"detail": {"options": ["a", "b"]}}, {"detail": {"options": ["a", "b", "c", "d"]}}]) == 0.375
    assert chance([{"detail": {}}]) == 0.0 == chance([])


def test_an_unread_answer_matches_nothing() -> None:
    plain = [{"id": "1", "parsed": "a"}, {"id": "2", "parsed": None}, {"id": "3", "parsed": "c"}]
    remapped = [{"id": "1", "parsed": "a"}, {"id": "2", "parsed": None}, {"id": "4", "parsed": "c"}]
    assert match_ratio(plain, remapped) == 0.5
    assert match_ratio(plain, remapped[2:]) is None
