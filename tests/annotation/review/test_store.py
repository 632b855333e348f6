"""Acts upon the queue: what each leads to, who may do it when, and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from annotation.review.filters import Filter
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.conversation import Turn
from lamm_core.errors import AnnotationError, StaleItem


def test_the_same_draft_is_added_once(store: ReviewStore, draft: Callable[..., Draft]) -> None:
    added = store.add_drafts([draft(4), draft(5), draft(5)], actor="generator")
    assert (added.added, added.known) == (1, 2)


def test_a_broken_draft_is_counted_and_named_and_the_others_are_added(
    store: ReviewStore, draft: Callable[..., Draft]
) -> None:
    added = store.add_drafts([draft(7), draft(8, turns=(Turn("user", "Why?"),), source_id="odd")], actor="generator")
    assert (added.added, added.broken) == (1, 1)
    assert "odd" in added.reasons[0]


def test_the_most_suspicious_item_is_claimed_first(store: ReviewStore) -> None:
    items = store.claim_many("ann", count=2)
    assert [item.expected_error for item in items] == [0.004, 0.003]
    assert {item.status for item in items} == {"claimed"}


def test_nobody_gets_an_item_that_somebody_has_open(store: ReviewStore) -> None:
    ids = [item.id for reviewer in ("ann", "bob", "eve") for item in store.claim_many(reviewer, count=2)]
    assert len(ids) == len(set(ids)) == 5


def test_accept_moves_the_version_on(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    done = store.accept("ann", item.seen, seconds=2.5)
    assert (done.status, done.version, done.decided_by) == ("accepted", item.version + 1, "ann")
    assert store.history(item.id)[-1].seconds == 2.5


def test_a_decision_on_an_old_version_is_refused_and_both_versions_are_shown(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    turns = (item.turns[0], Turn("assistant", "A cat."))
    store.edit("ann", item.seen, turns=turns)
    with pytest.raises(StaleItem, match="ann decided") as caught:
        store.reject("bob", item.seen, reason="count")
    assert caught.value.seen.turns == item.turns
    assert caught.value.current.turns == turns


def test_undo_brings_back_the_draft_and_its_text(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    store.edit("ann", item.seen, turns=(item.turns[0], Turn("assistant", "A cat.")))
    back = store.undo("ann")
    assert (back.status, back.turns, back.holder) == ("claimed", item.turns, "ann")
    assert store.search(Filter(text="cat")).items == []


def test_there_is_nothing_to_undo_before_the_first_decision(store: ReviewStore) -> None:
    with pytest.raises(AnnotationError, match="no decision of yours"):
        store.undo("ann")
