"""Acts upon many items: bulk acceptance that is taken back, settling disagreements, progress with its figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.review.items import Draft, Item
from annotation.review.store import ReviewStore
from app.reviews.desk import Desk
from app.reviews.edits import EditBook
from app.reviews.media import ReviewMedia
from app.reviews.overview import Overview
from app.reviews.service import Reviews
from lamm_core.conversation import Turn

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def blind(tmp_path: Path, draft: Callable[..., Draft]) -> ReviewStore:
    """A queue all of which is given to two people."""
    store = ReviewStore(f"sqlite:///{tmp_path / 'blind.db'}", blind_share=1.0)
    store.add_drafts([draft(number) for number in range(3)], actor="generator")
    return store


@pytest.fixture
def ask(blind: ReviewStore, media: ReviewMedia, tmp_path: Path) -> Ask:
    reviews = Reviews(lambda: blind, EditBook(tmp_path / "edits"))
    desk = Desk(reviews, media, Overview(reviews, media).acts)
    return lambda act, **values: desk.answer({"act": act, "who": "eve", **values})


def second(store: ReviewStore) -> Item:
    item = store.claim("bob")
    assert item is not None and item.second
    return item


def test_a_filter_is_accepted_after_a_look_and_taken_back_as_a_whole(ask: Ask, blind: ReviewStore) -> None:
    found = ask("preview", filters={"kind": "C1"})
    assert found["total"] == 3 and len(found["cards"]) == 3
    done = ask("accept_all", filters={"kind": "C1"}, event=found["event"])
    assert (done["done"], done["leftOut"]) == (3, 0)
    assert ask("undo_batch", batch=done["batch"])["undone"] == 3
    assert blind.counts()["draft"] == 3


def test_a_disagreement_is_settled_with_the_version_of_either(ask: Ask, blind: ReviewStore) -> None:
    first = blind.claim("ann")
    assert first is not None
    blind.accept("ann", first.seen)
    other = second(blind)
    blind.edit("bob", other.seen, turns=(other.turns[0], Turn("assistant", "A cat.")))
    (pair,) = ask("disagreements")["pairs"]
    assert (pair["first"]["by"], pair["second"]["by"]) == ("ann", "bob")
    assert pair["second"]["turns"][1]["text"] == "A cat."
    seen = {"id": pair["first"]["id"], "version": pair["first"]["version"]}
    assert ask("settle", **seen, take="second")["settled"]["status"] == "edited"
    assert blind.get(first.id).turns[1].text == "A cat."
    assert ask("disagreements")["pairs"] == []
    assert "Nobody disagrees" in ask("settle", **seen, take="second")["error"]["text"]


@pytest.mark.parametrize(("values", "status"), [({"take": "draft"}, "accepted"), ({"reason": "count"}, "rejected")])
def test_a_disagreement_is_settled_against_both(
    ask: Ask, blind: ReviewStore, values: dict[str, str], status: str
) -> None:
    first = blind.claim("ann")
    assert first is not None
    blind.edit("ann", first.seen, turns=(first.turns[0], Turn("assistant", "A bird.")))
    blind.reject("bob", second(blind).seen, reason="style")
    (pair,) = ask("disagreements")["pairs"]
    seen = {"id": pair["first"]["id"], "version": pair["first"]["version"]}
    assert ask("settle", **seen, **values)["settled"]["status"] == status
    assert (blind.get(first.id).turns == first.draft_turns) == (status == "accepted")


def test_progress_counts_people_days_and_the_time_that_is_left(ask: Ask, blind: ReviewStore) -> None:
    assert ask("progress")["secondsEach"] is None
    for seconds in (4.0, 8.0):
        item = blind.claim("ann")
        assert item is not None
        blind.accept("ann", item.seen, seconds=seconds)
    blind.accept("bob", second(blind).seen, seconds=3.0)
    told = ask("progress")
    (ann,) = told["people"]
    assert (ann["name"], ann["decided"], ann["pace"]) == ("ann", 2, 6.0)
    assert list(ann["days"].values()) == [2]
    assert told["toDo"] == 1 and told["secondsEach"] == 5.0
    assert told["agreement"]["pairs"] == 1 and told["agreement"]["kappa"]["value"] is None
    assert told["rates"]["C1"]["rejected"]["share"] == 0.0 and told["rates"]["C1"]["rejected"]["high"] > 0.1
