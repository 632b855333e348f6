"""Intervals and tests agree with independent computations, and groups stand or fall together."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from lamm_core.evaluation.statistics import (
    clustered_mcnemar,
    corpus_rounds,
    counted,
    difference,
    interval,
    is_right,
    mcnemar,
    metric_value,
)
from lamm_core.evaluation.task import CorpusMetric


def record(number: int, gained: float, *, possible: float = 1, group: str | None = None, **more: Any) -> dict[str, Any]:
    parts = {"accuracy": [gained, possible]}
    return {
        "id": f"s{number}", "group": group or f"g{number}", "parts": parts, "detail": {"value": gained},
        "extraction": "exact", "score": gained,
    } | more  # fmt: skip


MEAN = CorpusMetric("mean", lambda details: sum(one["value"] for one in details) / len(details) if details else None)


def test_mcnemar_is_the_binomial_test_of_the_disagreements() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        only_a, only_b = rng.randrange(60), rng.randrange(60)
        expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
        assert mcnemar(only_a, only_b) == pytest.approx(expected, abs=1e-12)
    assert mcnemar(30_500, 29_500) == pytest.approx(binomtest(30_500, 60_000, 0.5).pvalue, rel=1e-9)


def test_the_clustered_test_is_the_enumeration_of_all_turns() -> None:
    rng = random.Random(1)
    for _ in range(200):
        nets = [rng.randint(-4, 4) for _ in range(rng.randint(1, 9))]
        turns = [sum(sign * net for sign, net in zip(signs, nets, strict=True))
                 for signs in itertools.product((1, -1), repeat=len(nets))]  # fmt: skip
        expected = sum(abs(turn) >= abs(sum(nets)) for turn in turns) / len(turns)
        assert clustered_mcnemar(nets) == pytest.approx(expected, abs=1e-12)


def test_disagreements_about_one_picture_are_one_piece_of_evidence() -> None:
    assert mcnemar(10, 0) < 0.01
    assert clustered_mcnemar([10]) == 1.0


def test_an_interval_of_single_samples_is_about_the_binomial_one() -> None:
    rng = random.Random(2)
    records = [record(n, float(rng.random() < 0.3)) for n in range(400)]
    share = metric_value(records, "accuracy")
    assert share is not None
    ends = interval(records, "accuracy")
    spread = 1.96 * (share * (1 - share) / 400) ** 0.5
    assert ends == pytest.approx((share - spread, share + spread), abs=0.006)


def test_the_interval_is_that_of_a_slow_bootstrap_over_groups() -> None:
    rng = np.random.default_rng(3)
    records = [record(n, float(rng.random() < 0.5), possible=1 + n % 3, group=f"g{n % 40}") for n in range(300)]
    groups = [[one for one in records if one["group"] == f"g{k}"] for k in range(40)]
    values = []
    for _ in range(3000):
        drawn = [one for place in rng.integers(0, 40, 40) for one in groups[place]]
        values.append(sum(one["parts"]["accuracy"][0] for one in drawn) / sum(
            one["parts"]["accuracy"][1] for one in drawn))  # fmt: skip
    assert interval(records, "accuracy") == pytest.approx(tuple(np.percentile(values, (2.5, 97.5))), abs=0.012)


def test_samples_that_repeat_within_a_group_do_not_narrow_the_interval() -> None:
    once = [record(n, float(n % 3 == 0)) for n in range(60)]
    often = [record(n * 10 + k, float(n % 3 == 0), group=f"g{n}") for n in range(60) for k in range(10)]
    assert interval(often, "accuracy") == interval(once, "accuracy")


def test_a_corpus_metric_has_the_interval_of_the_same_figure_as_parts() -> None:
    records = [record(n, float(n % 4 == 0)) for n in range(200)]
    assert metric_value(records, "mean", MEAN) == metric_value(records, "accuracy") == 0.25
    assert interval(records, "mean", MEAN) == pytest.approx(interval(records, "accuracy"), abs=0.02)


def test_a_large_run_computes_a_corpus_metric_less_often_and_says_about_the_same() -> None:
    assert [corpus_rounds(count) for count in (0, 10, 300, 900, 60_000)] == [300, 300, 300, 100, 40]
    records = [record(n, float(n % 4 == 0)) for n in range(900)]
    ends = interval(records, "mean", MEAN)
    assert ends is not None and sum(ends) / 2 == pytest.approx(0.25)
    assert ends == pytest.approx(interval(records, "accuracy"), abs=0.012)


@pytest.mark.parametrize("count", [2, 6, 40, 300])
def test_none_or_all_of_a_few_is_no_certainty(count: int) -> None:
    for hit in (0, 1):
        records = [record(2 * n + k, float(hit), group=f"g{n}") for n in range(count) for k in range(2)]
        exact = binomtest(hit * count, count).proportion_ci(0.95, method="exact")
        assert interval(records, "accuracy", share=True) == pytest.approx((exact.low, exact.high), abs=1e-12)
        assert interval(records, "accuracy") == (hit, hit)


def test_one_group_has_no_interval_and_no_parts_have_no_value() -> None:
    alone = [record(n, 1.0, group="same") for n in range(9)]
    assert interval(alone, "accuracy") is None and interval(alone, "mean", MEAN) is None
    assert metric_value(alone, "other") is None and interval(alone, "other") is None


def test_a_paired_difference_is_narrower_than_two_intervals_apart() -> None:
    rng = random.Random(4)
    first = [record(n, float(rng.random() < 0.6)) for n in range(300)]
    second = [record(n, one["score"] if rng.random() < 0.95 else 1 - one["score"]) for n, one in enumerate(first)]
    found = difference(first, second, "accuracy")
    same = difference(first, first, "accuracy")
    own = interval(first, "accuracy")
    assert found is not None and same is not None and own is not None
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
    assert found.high - found.low < own[1] - own[0]
    corpus = difference(first, second, "mean", MEAN)
    assert corpus is not None and corpus.value == pytest.approx(found.value)
    assert (corpus.low, corpus.high) == pytest.approx((found.low, found.high), abs=0.015)


def test_what_failed_is_not_counted_and_what_is_unparsed_is_not_right() -> None:
    records = [record(0, 1.0), record(1, 0.0, extraction="failed", score=None), record(2, 0, extraction="broken"),
               record(3, 0.0, extraction="none", score=None)]  # fmt: skip
    assert [one["id"] for one in counted(records)] == ["s0", "s3"]
    assert [is_right(one) for one in counted(records)] == [True, False]
