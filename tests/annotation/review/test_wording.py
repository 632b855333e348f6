"""Words are found, in any part of a turn and in any case, by an index where few items say them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, text

from annotation.review.consistency import differences, rebuild
from annotation.review.filters import Filter
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from annotation.review.wording import narrow
from lamm_core.conversation import Turn
from tests.annotation.review.cluster import Cluster

SAID = (
    "A ZEBRA stands under a tree.",
    "It is 100% a dog, or a_b.",
    'He said "Stop!" to the café owner.',
    "写真に犬がいます。",
    "Übergröße AND dog OR (cat*)",
)


@pytest.fixture
def store(new_store: Callable[..., ReviewStore]) -> ReviewStore:
    """Five drafts that say different things."""
    store = new_store()
    turns = [(Turn("user", f"Which {number}?"), Turn("assistant", answer)) for number, answer in enumerate(SAID)]
    store.add_drafts([Draft("C1", "set", one) for one in turns], actor="generator")
    return store


FOUND = {
    "zebra": {0}, "ZEB": {0}, "bra under": {0}, "tree zebra": {0}, "zebra dog": set(), "dog": {1, 4}, "100%": {1},
    "a_b": {1}, "%": {1}, "axb": set(), '"stop!"': {2}, "CAFÉ": {2}, "犬がい": {3}, "犬": {3}, "or": {1, 4},
    "AND": {0, 4}, "cat*": {4}, "(cat": {4}, "übergrösse": {4}, "NEAR": set(), "": {0, 1, 2, 3, 4},
}  # fmt: skip


def found(store: ReviewStore, words: str) -> set[int]:
    """The numbers of the drafts that a search finds."""
    return {int(item.turns[0].text[6:-1]) for item in store.search(Filter(text=words)).items}


@pytest.mark.parametrize("few", [2_000, 0], ids=["looked up", "read"])
def test_words_are_found_as_they_are_written(store: ReviewStore, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotation.review.wording.FEW", few)
    assert {words: found(store, words) for words in FOUND} == FOUND
    for words, numbers in FOUND.items():
        assert sum(store.counts(Filter(text=words)).values()) == len(numbers), words
        claimed = store.claim_many("ann", Filter(text=words), count=9)
        assert {int(item.turns[0].text[6:-1]) for item in claimed} == numbers, words
        store.release("ann", [item.id for item in claimed])


def test_what_is_found_follows_edits_undo_and_repair(store: ReviewStore) -> None:
    item = store.claim("ann", Filter(text="zebra"))
    assert item is not None
    turns = (item.turns[0], Turn("assistant", "An okapi stands there."))
    store.edit("ann", item.seen, turns=turns)
    assert (found(store, "zebra"), found(store, "okapi")) == (set(), {0})
    back = store.undo("ann")
    assert (found(store, "zebra"), found(store, "okapi")) == ({0}, set())
    store.edit("ann", back.seen, turns=turns)
    with store.database.writing() as connection:
        connection.execute(text("DELETE FROM states WHERE item = :item"), {"item": item.id})
    assert len(list(differences(store.database))) == rebuild(store.database) == 1
    assert (found(store, "zebra"), found(store, "okapi")) == (set(), {0})


def test_few_items_are_looked_up_and_many_are_not(store: ReviewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotation.review.wording.FEW", 1)
    with store.database.reading() as connection:
        assert len(narrow(connection, Filter(text="zebra")).items or ()) == 1
        assert narrow(connection, Filter(text="dog")).items is None
        assert narrow(connection, Filter(text="or")).items is None, "too short for the index"


def test_postgresql_without_the_right_to_an_index_is_searched_by_reading(
    cluster: Cluster, draft: Callable[..., Draft]
) -> None:
    owner = cluster.new_database()
    engine = create_engine(owner.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS plain"))
        connection.execute(text("CREATE ROLE plain LOGIN"))
        connection.execute(text("GRANT ALL ON SCHEMA public TO plain"))
    engine.dispose()
    store = ReviewStore(owner.replace("reviews@", "plain@"), blind_share=0.0)
    store.add_drafts([draft(number) for number in range(3)], actor="generator")
    assert len(store.search(Filter(text="number 2")).items) == 1
    store.close()
