"""Agreement and error rates beside what others compute, and at the edges where they are not defined."""

from __future__ import annotations

import random
from collections.abc import Callable

import krippendorff
import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from annotation.review.agreement import agreement, cohen_kappa, error_rates, krippendorff_alpha, wilson
from annotation.review.items import Draft
from annotation.review.store import ReviewStore

STATUSES = ("accepted", "edited", "rejected", "flagged")


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    first = [rng.choice(STATUSES[: 2 + seed % 3]) for _ in range(count)]
    return [(one, one if rng.random() < 0.6 else rng.choice(STATUSES)) for one in first]


@pytest.mark.parametrize("seed", range(20))
def test_kappa_is_that_of_scikit_learn(seed: int) -> None:
    found = pairs(random.Random(seed).randrange(2, 200), seed)
    expected = cohen_kappa_score([one for one, _ in found], [other for _, other in found])
    ours = cohen_kappa(found)
    assert (ours is None) == bool(np.isnan(expected))
    assert ours is None or ours == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_that_of_krippendorff(seed: int) -> None:
    found = pairs(random.Random(seed).randrange(2, 200), seed)
    numbered = [[STATUSES.index(pair[side]) for pair in found] for side in (0, 1)]
    expected = krippendorff.alpha(reliability_data=numbered, level_of_measurement="nominal")
    assert krippendorff_alpha(found) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (3, 10), (10, 10), (17, 1234)])
def test_the_interval_of_a_share_is_that_of_scipy(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    ours = wilson(hits, total)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_interval_holds_the_figure_and_narrows_with_more_items() -> None:
    few, many = agreement(pairs(40, 2)), agreement(pairs(4000, 2))
    assert few is not None and many is not None
    for found in (few, many):
        for interval in (found.kappa, found.alpha):
            assert interval.value is not None and interval.low is not None and interval.high is not None
            assert interval.low <= interval.value <= interval.high
    assert many.kappa.high - many.kappa.low < few.kappa.high - few.kappa.low  # type: ignore[operator]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        rng = random.Random(seed)
        truth = [rng.choice("ab") for _ in range(150)]
        drawn = [(one, one if rng.random() < 0.7 else "ab"[one == "a"]) for one in truth]
        found = agreement(drawn, seed=seed)
        assert found is not None and found.kappa.low is not None and found.kappa.high is not None
        held += found.kappa.low <= 0.4 <= found.kappa.high  # the kappa of 70 % agreement between even halves
    assert 88 <= held <= 100


def test_agreement_of_one_value_alone_is_not_defined() -> None:
    found = agreement([("accepted", "accepted")] * 5)
    assert found is not None and found.kappa.value is None and found.alpha.value is None
    assert "not defined" in str(found.kappa)


def test_undecided_items_do_not_count_as_errors() -> None:
    rates = error_rates({"C1": {"accepted": 6, "edited": 3, "rejected": 1, "draft": 90}, "C2": {"draft": 5}})
    assert list(rates) == ["C1"]
    assert (rates["C1"].decided, rates["C1"].rejected.share, rates["C1"].changed.share) == (10, 0.1, 0.4)


@pytest.fixture
def blind(new_store: Callable[..., ReviewStore], draft: Callable[..., Draft]) -> ReviewStore:
    """Six items, all of them for two people."""
    store = new_store(blind_share=1.0)
    store.add_drafts((draft(number) for number in range(6)), actor="generator")
    return store


def test_the_second_reviewer_sees_the_draft_and_nothing_of_the_first(blind: ReviewStore) -> None:
    first = blind.claim("ann")
    assert first is not None
    blind.reject("ann", first.seen, reason="count", note="three dogs")
    second = blind.claim("bob")
    assert second is not None and second.id == first.id and second.second
    assert (second.status, second.reason, second.note, second.decided_by) == ("draft", "", "", "")


def test_nobody_is_asked_twice_about_an_item(blind: ReviewStore) -> None:
    seen = []
    while item := blind.claim("ann"):
        seen.append(item.id)
        blind.accept("ann", item.seen)
    assert len(seen) == len(set(seen)) == 6


def test_second_opinions_leave_the_item_as_the_first_left_it(blind: ReviewStore) -> None:
    first = blind.claim("ann")
    assert first is not None
    blind.accept("ann", first.seen)
    second = blind.claim("bob")
    assert second is not None
    blind.reject("bob", second.seen, reason="count")
    assert blind.get(first.id).status == "accepted"
    (both,) = blind.disagreements()
    assert (both.first.status, both.first.decided_by) == ("accepted", "ann")
    assert (both.second.status, both.second.reason, both.second.decided_by) == ("rejected", "count", "bob")


def test_settling_ends_the_disagreement_and_both_opinions_still_count(blind: ReviewStore) -> None:
    for status in ("accept", "reject"):
        item = blind.claim("ann")
        assert item is not None
        if status == "accept":
            blind.accept("ann", item.seen)
        else:
            blind.reject("ann", item.seen, reason="fact")
        second = blind.claim("bob")
        assert second is not None and second.second
        blind.reject("bob", second.seen, reason="count")
    (both,) = blind.disagreements()
    settled = blind.adjudicate("eve", both.first.seen, status="rejected", reason="count")
    assert settled.status == "rejected"
    assert blind.disagreements() == []
    assert sorted(blind.paired_opinions()) == [("accepted", "rejected"), ("rejected", "rejected")]


def test_a_second_opinion_is_taken_back_by_undo(blind: ReviewStore) -> None:
    first = blind.claim("ann")
    assert first is not None
    blind.accept("ann", first.seen)
    second = blind.claim("bob")
    assert second is not None
    blind.reject("bob", second.seen, reason="count")
    again = blind.undo("bob")
    assert again.second and blind.disagreements() == [] and blind.paired_opinions() == []
    blind.accept("bob", again.seen)
    assert blind.paired_opinions() == [("accepted", "accepted")]


def test_the_blind_share_is_about_what_was_asked(
    new_store: Callable[..., ReviewStore], draft: Callable[..., Draft]
) -> None:
    store = new_store(blind_share=0.25)
    store.add_drafts((draft(number) for number in range(800)), actor="generator")
    blind = sum(item.blind for item in store.search(limit=1000).items)
    assert 160 <= blind <= 240
