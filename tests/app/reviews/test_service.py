"""The service over the queue: what is at hand, decisions told twice, edits that keep their media."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from annotation.review.filters import Filter
from annotation.review.items import Box, Draft, Item
from annotation.review.store import ReviewStore
from app.reviews.service import AHEAD, Decision, Reviews
from lamm_core.errors import AnnotationError, StaleItem

EVERYTHING = Filter()


def upcoming(reviews: Reviews, who: str = "ann", *, filters: Filter = EVERYTHING, **options: object) -> list[Item]:
    known: dict[str, object] = {"order": "error", "have": [], "resume": False} | options
    return reviews.upcoming(who, filters=filters, **known)  # type: ignore[arg-type]


def test_a_page_has_the_next_items_at_hand(reviews: Reviews) -> None:
    items = upcoming(reviews)
    assert len(items) == AHEAD
    assert len(upcoming(reviews, have=[item.id for item in items[1:]])) == 1


def test_a_page_that_was_loaded_anew_goes_on_where_it_was(reviews: Reviews) -> None:
    before = upcoming(reviews)
    assert [item.id for item in upcoming(reviews, resume=True)] == [item.id for item in before]


def test_what_does_not_meet_the_new_filter_goes_back_into_the_queue(
    reviews: Reviews, store: ReviewStore, draft: Callable[..., Draft]
) -> None:
    upcoming(reviews)
    store.add_drafts([draft(20, kind="C3")], actor="generator")
    assert [item.kind for item in upcoming(reviews, filters=Filter(kind="C3"), resume=True)] == ["C3"]
    assert [item.kind for item in store.held("ann")] == ["C3"]


def test_a_decision_that_is_told_twice_is_made_once(reviews: Reviews, store: ReviewStore) -> None:
    item = upcoming(reviews)[0]
    decision = Decision("reject", item.seen, reason="count", note="five, not four", seconds=3)
    assert reviews.decide("ann", decision).status == "rejected"
    assert reviews.decide("ann", decision).status == "rejected"
    assert [event.action for event in store.history(item.id)].count("reject") == 1


def test_an_edit_that_is_told_twice_is_made_once_and_another_one_is_refused(reviews: Reviews) -> None:
    item = upcoming(reviews)[0]
    texts = (("user", "What?"), ("assistant", "A cat."))
    decision = Decision("edit", item.seen, texts=texts, boxes=(Box("cat", (0.1, 0.1, 0.5, 0.5)),))  # type: ignore[arg-type]
    reviews.decide("ann", decision)
    assert reviews.decide("ann", decision).turns[1].text == "A cat."
    other = Decision("edit", item.seen, texts=(("user", "What?"), ("assistant", "A bird.")))
    with pytest.raises(StaleItem):
        reviews.decide("ann", other)


def test_the_same_decision_of_somebody_else_is_a_conflict(reviews: Reviews) -> None:
    item = upcoming(reviews)[0]
    reviews.decide("ann", Decision("accept", item.seen))
    with pytest.raises(StaleItem, match="ann decided"):
        reviews.decide("bob", Decision("accept", item.seen))


def test_an_edit_keeps_the_media_of_the_draft(reviews: Reviews) -> None:
    item = upcoming(reviews)[0]
    texts = (("user", "What?"), ("assistant", "A cat."), ("user", "Sure?"), ("assistant", "Yes."))
    done = reviews.decide("ann", Decision("edit", item.seen, texts=texts))  # type: ignore[arg-type]
    assert [len(turn.media) for turn in done.turns] == [1, 0, 0, 0]
    assert done.turns[0].media == item.turns[0].media


def test_a_begun_edit_is_kept_until_it_is_saved(reviews: Reviews) -> None:
    item = upcoming(reviews)[0]
    reviews.edits.keep("ann", item.id, {"turns": [{"role": "user", "text": "\ud800 half"}]})
    assert reviews.edits.find("ann", item.id) == {"turns": [{"role": "user", "text": "\ud800 half"}]}
    assert reviews.edits.find("bob", item.id) is None
    reviews.decide("ann", Decision("accept", item.seen))
    assert reviews.edits.find("ann", item.id) is None


def test_an_edit_that_cannot_be_kept_says_so(reviews: Reviews) -> None:
    with pytest.raises(AnnotationError, match="this browser only"):
        reviews.edits.keep("ann", "1", {"turns": "x" * 5_000_000})


def test_the_queue_is_opened_when_it_is_needed(reviews: Reviews) -> None:
    opened: list[int] = []

    def no_queue() -> ReviewStore:
        opened.append(1)
        raise AnnotationError("No database.")

    late = Reviews(no_queue, reviews.edits)
    assert opened == []
    with pytest.raises(AnnotationError, match="No database"):
        late.counts(Filter(), "status")
