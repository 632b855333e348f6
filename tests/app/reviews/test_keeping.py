"""Decisions outlive the disk: what was called kept is there after a kill, in a folder and in a data set on the Hub."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from annotation.review.consistency import differences
from annotation.review.items import Check, Draft
from annotation.review.journal import last_event, lines_after, replay
from annotation.review.store import ReviewStore
from app.reviews.keeping import Keeper, Standing
from app.reviews.shelter import FolderShelter, HubShelter, Shelter, shelter
from app.settings import REPOSITORY
from app.tabs.review import keeping_view
from lamm_core.conversation import Turn
from lamm_core.errors import AnnotationError
from tests.fake_spaces import FakeHub, running_hub


def drafts(count: int) -> Iterator[Draft]:
    for number in range(count):
        turns = (Turn("user", f"What is on shelf {number}?"), Turn("assistant", "Two cups."))
        checks = (Check("objects", 0.5, "no cup"),)
        yield Draft("C3", "test", turns, annotation={}, checks=checks, prompt_hash="0" * 64, generator="test")


def decided(store: ReviewStore, count: int) -> None:
    for _ in range(count):
        item = store.claim("ann")
        assert item is not None
        store.accept("ann", item.seen)


@pytest.fixture
def new_store(tmp_path: Path) -> Iterator[Callable[[str], ReviewStore]]:
    stores = []

    def new(name: str) -> ReviewStore:
        stores.append(ReviewStore(f"sqlite:///{tmp_path / name}.db"))
        return stores[-1]

    yield new
    for store in stores:
        store.close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with running_hub() as server:
        yield server


@pytest.fixture(params=["folder", "hub"])
def place(request: pytest.FixtureRequest, tmp_path: Path, hub: FakeHub) -> Callable[[], Shelter]:
    """Opens the same place anew, as a program does that starts."""
    if request.param == "folder":
        return lambda: FolderShelter(tmp_path / "bucket")
    return lambda: HubShelter("me/reviews", endpoint=hub.address, token="hf_x")


def whole(store: ReviewStore) -> list[tuple[Any, ...]]:
    """The queue, its history and what is looked up in it."""
    items = sorted(store.search(limit=100).items, key=lambda item: item.id)
    return [(item, store.history(item.id), store.counts(by="check")) for item in items]


def test_lines_make_the_queue_again(new_store: Callable[[str], ReviewStore]) -> None:
    first, second = new_store("first"), new_store("second")
    first.add_drafts(drafts(7), actor="me")
    decided(first, 4)
    first.undo("ann")
    lines = [line.text for line in lines_after(first.database, 0)]
    assert replay(second.database, lines) == last_event(first.database)
    assert list(differences(second.database)) == []
    first.release("ann", [item.id for item in first.held("ann")])
    second.release("ann", [item.id for item in first.search(limit=100).items])
    assert [row[0].status for row in whole(first)] == [row[0].status for row in whole(second)]
    assert first.counts(by="check") == second.counts(by="check")
    decided(second, 1)
    with pytest.raises(AnnotationError, match="holds events already"):
        replay(second.database, lines)


def test_a_new_disk_begins_with_what_was_kept(
    place: Callable[[], Shelter], new_store: Callable[[str], ReviewStore]
) -> None:
    keeper = Keeper(place(), every=1e6)
    store = keeper.open(lambda: new_store("before"))
    store.add_drafts(drafts(5), actor="me")
    decided(store, 3)
    kept = keeper.keep()
    assert kept == Standing(keeper.place.name, last_event(store.database))
    again = Keeper(place(), every=1e6)
    assert whole(again.open(lambda: new_store("after"))) == whole(store)
    assert again.standing().waiting == 0


def test_whoever_started_last_may_write_and_the_other_is_told(
    place: Callable[[], Shelter], new_store: Callable[[str], ReviewStore]
) -> None:
    old = Keeper(place(), every=1e6)
    store = old.open(lambda: new_store("old"))
    store.add_drafts(drafts(3), actor="me")
    old.keep()
    new = Keeper(place(), every=1e6)
    new.open(lambda: new_store("new"))
    decided(store, 1)
    told = old.keep()
    assert "Another program" in told.problem and told.waiting == 2
    decided(new._store, 1)
    assert new.keep().problem == "" and new.keep().waiting == 0


def test_a_place_that_fails_is_told_and_tried_again(hub: FakeHub, new_store: Callable[[str], ReviewStore]) -> None:
    keeper = Keeper(HubShelter("me/reviews", endpoint=hub.address, token="hf_x"), every=1e6)
    store = keeper.open(lambda: new_store("store"))
    store.add_drafts(drafts(2), actor="me")
    hub.refuses = 403
    failed = keeper.keep()
    assert failed.waiting == 2 and "took nothing" in failed.problem
    hub.refuses = 0
    assert keeper.keep().waiting == 0
    assert [len(body.splitlines()) for name, body in hub.files["me/reviews"].items() if "events/" in name] == [2]


REVIEWER = """
import sys
from pathlib import Path
from annotation.review.store import ReviewStore
from app.reviews.keeping import Keeper
from app.reviews.shelter import FolderShelter, HubShelter
from tests.app.reviews.test_keeping import decided, drafts

kind, where, database = sys.argv[1:]
place = FolderShelter(Path(where)) if kind == "folder" else HubShelter("me/reviews", endpoint=where, token="hf_x")
keeper = Keeper(place, every=0.05)
store = keeper.open(lambda: ReviewStore(f"sqlite:///{database}"))
store.add_drafts(drafts(60), actor="me")
for _ in range(60):
    decided(store, 1)
    keeper.acted()
    print(keeper.standing().kept, flush=True)
"""


@pytest.mark.parametrize("kind", ["folder", "hub"])
def test_a_kill_loses_nothing_that_was_called_kept(
    kind: str, hub: FakeHub, tmp_path: Path, new_store: Callable[[str], ReviewStore]
) -> None:
    where = str(tmp_path / "bucket") if kind == "folder" else hub.address
    process = subprocess.Popen(
        [sys.executable, "-c", REVIEWER, kind, where, str(tmp_path / "lost.db")],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    kept = 0
    for line in process.stdout:
        kept = int(line)
        if kept > 100:  # in the middle of reviewing
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    place = FolderShelter(Path(where)) if kind == "folder" else HubShelter("me/reviews", endpoint=where, token="hf_x")
    keeper = Keeper(place, every=1e6)
    store = keeper.open(lambda: new_store("fresh"))
    assert kept > 100 and last_event(store.database) >= kept
    assert store.counts()["accepted"] >= (kept - 60) // 2
    assert list(differences(store.database)) == []


def test_the_banner_is_red_while_something_would_be_lost(tmp_path: Path) -> None:
    class Told(Keeper):
        said = Standing("a <b> place")

        def standing(self) -> Standing:
            return self.said

    keeper = Told(FolderShelter(tmp_path))
    assert "bad" in keeping_view(None) and "are lost" in keeping_view(None)
    assert "bad" not in keeping_view(keeper) and "&lt;b&gt;" in keeping_view(keeper)
    for keeper.said in (Standing("place", 5, 2), Standing("place", 5, 0, "It failed.")):
        assert "bad" in keeping_view(keeper)


def test_a_setting_names_the_place(tmp_path: Path) -> None:
    assert shelter("") is None
    assert isinstance(shelter("hf:me/reviews"), HubShelter) and isinstance(shelter(str(tmp_path)), FolderShelter)
    with pytest.raises(AnnotationError, match="cannot be used"):
        (tmp_path / "file").write_text("x")
        FolderShelter(tmp_path / "file").take_over()
    (tmp_path / "b").mkdir()
    torn = json.dumps({"event": 1}) + "\n" + '{"eve'
    (tmp_path / "b" / "0.jsonl").write_text(torn)
    assert FolderShelter(tmp_path / "b").take_over() == ['{"event": 1}']
