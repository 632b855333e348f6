"""The database locked, gone, damaged, older or newer: the person hears of it and nothing that was saved is lost."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from annotation.review.database import Database
from annotation.review.filters import Filter
from annotation.review.items import Draft
from annotation.review.migrations import MIGRATIONS, migrate
from annotation.review.store import ReviewStore
from annotation.review.tables import metadata
from annotation.review.turnstile import Turnstile
from lamm_core.conversation import Turn
from lamm_core.errors import AnnotationError, StaleItem
from tests.annotation.review.cluster import Cluster
from tests.annotation.review.conftest import Clock


def columns(database: Database) -> dict[str, set[str]]:
    """What the tables hold, without SQLite's index of words."""
    inspector = inspect(database.engine)
    names = [name for name in inspector.get_table_names() if not name.startswith("words")]
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in names}


@pytest.mark.parametrize("start", range(len(MIGRATIONS)))
def test_migrations_lead_from_every_version_to_the_tables_that_are_used(url: str, start: int) -> None:
    database = Database(url)
    with database.writing() as connection:
        migrate(connection, steps=MIGRATIONS[:start])
    with database.writing() as connection:
        assert migrate(connection) == len(MIGRATIONS)
    assert columns(database) == {table.name: {one.name for one in table.columns} for table in metadata.sorted_tables}
    database.close()


def test_what_the_first_version_stored_is_kept(
    url: str, new_store: Callable[..., ReviewStore], draft: Callable[..., Draft], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("annotation.review.store.migrate", lambda connection: migrate(connection, steps=MIGRATIONS[:1]))
        old = new_store()
        old.add_drafts([draft(1)], actor="generator")
        item = old.claim("ann")
        assert item is not None
        old.edit("ann", item.seen, turns=(item.turns[0], Turn("assistant", "A zebra.")))
    now = new_store()
    assert now.get(item.id).status == "edited"
    assert [one.id for one in now.search(Filter(text="zebra")).items] == [item.id]
    assert now.search(Filter(text="dog")).items == []


def test_a_database_of_a_newer_program_is_left_alone(new_store: Callable[..., ReviewStore]) -> None:
    store = new_store()
    with store.database.writing() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(AnnotationError, match="Update the program"):
        new_store()


def test_a_lease_that_ran_out_gives_the_item_to_the_next(store: ReviewStore, clock: Clock) -> None:
    item = store.claim("ann")
    assert item is not None
    clock.now += store.lease_seconds - 1
    assert store.renew("ann", [item.id]) == [item.id]
    clock.now += store.lease_seconds - 1
    assert item.id not in {one.id for one in store.claim_many("bob", count=9)}
    clock.now += 2
    again = store.claim("eve")
    assert again is not None and again.id == item.id
    assert store.renew("ann", [item.id]) == []
    assert store.accept("ann", item.seen).status == "accepted"
    with pytest.raises(StaleItem):
        store.accept("eve", again.seen)


def test_a_lease_of_a_clock_that_was_put_back_does_not_hold_for_days(store: ReviewStore, clock: Clock) -> None:
    item = store.claim("ann")
    assert item is not None
    clock.now -= 3 * 86_400
    again = store.claim("bob")
    assert again is not None and again.id == item.id


def test_two_tabs_of_one_person_cannot_decide_twice(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    (tab,) = store.held("ann")
    store.accept("ann", item.seen)
    with pytest.raises(StaleItem, match="ann decided"):
        store.reject("ann", tab.seen, reason="style")


def test_a_refused_edit_comes_back_with_the_error(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    store.accept("bob", item.seen)
    long = "word " * 20_000
    with pytest.raises(StaleItem) as caught:
        store.edit("ann", item.seen, turns=(item.turns[0], Turn("assistant", long)))
    assert caught.value.attempt["turns"][1]["text"] == long


def test_texts_that_databases_refuse_are_kept_as_far_as_they_are_text(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    odd = "<script>alert(1)</script> \0 \ud83d \U0001f408 " + "x" * 100_000
    done = store.edit("ann", item.seen, turns=(item.turns[0], Turn("assistant", odd)))
    assert done.turns[1].text == odd.replace("\0", "\ufffd").replace("\ud83d", "\ufffd")
    rejected = store.reject("ann", done.seen, reason="other", note="\0 \ud83d")
    assert rejected.note == "\ufffd \ufffd"


def test_acts_done_together_are_saved_together_or_not_at_all(store: ReviewStore) -> None:
    item, other = store.claim_many("ann", count=2)
    with pytest.raises(AnnotationError), store.together():
        store.accept("ann", item.seen)
        store.reject("ann", other.seen, reason="because")
    assert store.get(item.id).status == "claimed"


def test_what_is_done_together_is_seen_there_before_it_is_saved(store: ReviewStore) -> None:
    item = store.claim("ann")
    assert item is not None
    with store.together():
        store.accept("ann", item.seen)
        assert store.get(item.id).status == "accepted"
        following = store.claim("ann")
    assert following is not None and following.id != item.id
    assert store.get(item.id).status == "accepted"


def test_a_server_that_went_away_is_said_and_used_again_when_it_is_back(draft: Callable[..., Draft]) -> None:
    cluster = Cluster()
    try:
        store = ReviewStore(cluster.new_database(), blind_share=0.0)
        store.add_drafts([draft(1), draft(2)], actor="generator")
        item = store.claim("ann")
        assert item is not None
        cluster.stop()
        with pytest.raises(AnnotationError, match="does not answer"):
            store.accept("ann", item.seen)
        cluster.start()
        assert store.accept("ann", item.seen).status == "accepted"
        store.close()
    finally:
        cluster.remove()


class TestFile:
    """What only a database that is a file can suffer."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/reviews.db"

    def test_another_program_that_holds_the_lock_is_named_as_the_reason(
        self, new_store: Callable[..., ReviewStore], draft: Callable[..., Draft], tmp_path: Path
    ) -> None:
        store = new_store(patience=0.2)
        store.add_drafts([draft(1)], actor="generator")
        other = sqlite3.connect(tmp_path / "reviews.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AnnotationError, match="locked by another program"):
            store.claim("ann")
        other.execute("ROLLBACK")
        assert store.claim("ann") is not None

    def test_a_deleted_file_is_not_written_into(self, store: ReviewStore, tmp_path: Path) -> None:
        item = store.claim("ann")
        assert item is not None
        (tmp_path / "reviews.db").rename(tmp_path / "elsewhere.db")
        with pytest.raises(AnnotationError, match="is gone"):
            store.accept("ann", item.seen)
        (tmp_path / "elsewhere.db").rename(tmp_path / "reviews.db")
        assert store.accept("ann", item.seen).status == "accepted"

    def test_another_file_in_its_place_is_not_written_into(self, store: ReviewStore, tmp_path: Path) -> None:
        (tmp_path / "reviews.db").rename(tmp_path / "elsewhere.db")
        (tmp_path / "reviews.db").write_bytes(b"")
        with pytest.raises(AnnotationError, match="replaced by another file"):
            store.claim("ann")

    def test_a_file_that_is_no_database_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.db").write_text("these are my notes\n" * 200)
        with pytest.raises(AnnotationError, match="no review database"):
            ReviewStore(f"sqlite:///{tmp_path}/reviews.db")

    def test_a_folder_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(AnnotationError, match="its folder exists"):
            ReviewStore(f"sqlite:///{tmp_path}/gone/reviews.db")

    @pytest.mark.parametrize("url", ["reviews.db", "mysql://host/name", "sqlite://"])
    def test_a_url_of_another_kind_is_refused_with_the_right_one(self, url: str) -> None:
        with pytest.raises(AnnotationError, match="sqlite:///FILE"):
            ReviewStore(url)

    def test_a_turn_is_given_up_after_the_time_that_was_given(self, tmp_path: Path) -> None:
        """And whoever comes next is not kept waiting by the one that gave up."""
        mine, theirs = Turnstile(tmp_path / "lock"), Turnstile(tmp_path / "lock")
        with mine.through(1.0), pytest.raises(TimeoutError), theirs.through(0.05):
            pass
        with theirs.through(5.0):
            pass

    def test_a_turn_is_taken_over_when_the_one_before_ends(self, tmp_path: Path) -> None:
        mine, theirs = Turnstile(tmp_path / "lock"), Turnstile(tmp_path / "lock")
        order: list[str] = []

        def follow() -> None:
            with theirs.through(10.0):
                order.append("second")

        with mine.through(1.0):
            waiting = threading.Thread(target=follow)
            waiting.start()
            time.sleep(0.05)
            order.append("first")
        waiting.join()
        assert order == ["first", "second"]
        assert len(os.listdir("/proc/self/fd")) < 1000
