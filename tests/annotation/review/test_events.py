"""The state follows from the events: whatever is done to a queue, in whatever order, by whatever clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update

from annotation.review.consistency import differences, rebuild
from annotation.review.filters import Filter
from annotation.review.items import Box, Draft, Item
from annotation.review.store import ReviewStore
from annotation.review.tables import opinions, states, texts
from lamm_core.conversation import Turn
from lamm_core.errors import AnnotationError, StaleItem
from tests.annotation.review.conftest import Clock

REVIEWERS = ("ann", "bob", "eve")


def anything(store: ReviewStore, items: list[Item], clock: Clock, rng: random.Random) -> None:
    """One random act, allowed or not."""
    reviewer = rng.choice(REVIEWERS)
    clock.now += rng.choice((-5000.0, 0.0, 1.0, 700.0))
    item = store.get(rng.choice(items).id) if rng.random() < 0.3 else store.claim(reviewer)
    if item is None:
        item = store.get(rng.choice(items).id)
    edited = (item.turns[0], Turn("assistant", f"Edited {rng.random()}."))
    acts: list[Callable[[], object]] = [
        lambda: store.accept(reviewer, item.seen, seconds=rng.random()),
        lambda: store.edit(reviewer, item.seen, turns=edited),
        lambda: store.edit(reviewer, item.seen, turns=edited, boxes=[Box("dog", (0.1, 0.2, 0.3, rng.random()))]),
        lambda: store.reject(reviewer, item.seen, reason="count", note="three"),
        lambda: store.flag(reviewer, item.seen, note="look"),
        lambda: store.skip(reviewer, item.seen),
        lambda: store.release(reviewer, [item.id]),
        lambda: store.adjudicate(reviewer, item.seen, status="rejected", reason="style"),
        lambda: store.adjudicate(reviewer, item.seen, status="accepted"),
        lambda: store.undo(reviewer),
        lambda: store.undo(reviewer),
        lambda: store.undo(reviewer, rng.choice(store.history(item.id)).number),
        lambda: store.accept_all(reviewer, Filter(text=str(rng.randrange(12))), event=store.head()),
    ]
    try:
        rng.choice(acts)()
    except (StaleItem, AnnotationError):
        return


def stored(store: ReviewStore) -> tuple[list[object], ...]:
    with store.database.reading() as connection:
        return tuple(list(connection.execute(select(one).order_by(one.c.item))) for one in (states, opinions, texts))


@pytest.mark.parametrize("seed", range(2))
def test_the_state_table_is_what_follows_from_the_events(
    new_store: Callable[..., ReviewStore], draft: Callable[..., Draft], clock: Clock, seed: int
) -> None:
    store = new_store(blind_share=0.5)
    store.add_drafts((draft(number) for number in range(12)), actor="generator")
    items = store.search().items
    rng = random.Random(seed)
    for _ in range(100):
        anything(store, items, clock, rng)
    assert list(differences(store.database)) == []
    before = stored(store)
    with store.database.writing() as connection:
        for one in (states, opinions, texts):
            connection.execute(delete(one))
    assert rebuild(store.database) == 12
    assert stored(store) == before


def test_a_state_that_somebody_tampered_with_is_found_and_mended(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    store.accept("ann", item.seen)
    with store.database.writing() as connection:
        connection.execute(update(states).where(states.c.item == item.id).values(status="rejected"))
    (found,) = differences(store.database)
    assert (found.item, found.stored and found.stored.status) == (item.id, "rejected")
    assert rebuild(store.database) == 1
    assert store.get(item.id).status == "accepted"


def test_numbers_order_events_when_the_clock_goes_back(store: ReviewStore, clock: Clock) -> None:
    item = store.claim("ann")
    assert item is not None
    first = store.accept("ann", item.seen)
    clock.now -= 86_400
    store.reject("ann", first.seen, reason="fact")
    assert [event.action for event in store.history(item.id)] == ["add", "claim", "accept", "reject"]
    assert store.undo("ann").status == "accepted"


def test_an_undone_undo_brings_the_decision_back(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    store.reject("ann", item.seen, reason="count")
    store.undo("ann")
    undo = store.history(item.id)[-1]
    assert store.undo("ann", undo.number).status == "rejected"


def test_undoing_an_earlier_decision_leaves_the_later_one(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    first = store.edit("ann", item.seen, turns=(item.turns[0], Turn("assistant", "A cat.")))
    store.reject("bob", first.seen, reason="count")
    back = store.undo("ann")
    assert (back.status, back.decided_by, back.turns) == ("rejected", "bob", item.turns)


def test_an_event_is_undone_once(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    store.accept("ann", item.seen)
    number = store.history(item.id)[-1].number
    store.undo("ann", number)
    with pytest.raises(AnnotationError, match="undone already"):
        store.undo("bob", number)
