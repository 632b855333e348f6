"""A copy is made and put back while people decide, on SQLite and on PostgreSQL; a damaged one is not put back."""

from __future__ import annotations

import io
import itertools
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.review.consistency import differences
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.__main__ import app
from lamm_core.conversation import Turn
from lamm_core.deploy.backup import Places, make, restore
from lamm_core.deploy.databases import copy_out, is_empty
from lamm_core.errors import DeployError, LammError
from tests.annotation.review.cluster import Cluster


def drafts(count: int, *, first: int = 0) -> Iterator[Draft]:
    for number in range(first, first + count):
        turns = (Turn("user", f"What is on shelf {number}?"), Turn("assistant", "Two cups."))
        yield Draft("C3", "test", turns, annotation={}, checks=(), prompt_hash="0" * 64, generator="test")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    running = Cluster()
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'reviews' / 'reviews.db'}"
    return str(request.getfixturevalue("cluster").new_database())


@pytest.fixture
def empty(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes another database of the same kind, with nothing in it."""
    if url.startswith("postgresql"):
        return lambda: str(request.getfixturevalue("cluster").new_database())
    numbers = itertools.count()
    return lambda: f"sqlite:///{tmp_path / 'other' / f'{next(numbers)}.db'}"


@pytest.fixture
def places(url: str, tmp_path: Path) -> Places:
    """What a program keeps: a queue of 60 drafts, an export, a marked sample whose second line is being written."""
    reviews = tmp_path / "reviews"
    (reviews / "exports" / "v1").mkdir(parents=True)
    (reviews / "exports" / "v1" / "manifest.json").write_text("{}")
    (reviews / "marked.jsonl").write_text('{"whole": 1}\n{"tor')
    (reviews / "link").symlink_to("/etc/passwd")
    store = ReviewStore(url, blind_share=0.0)
    store.add_drafts(drafts(60), actor="me")
    store.close()
    return Places(url, {"reviews": reviews, "models": tmp_path / "models"})


def decide(url: str, who: str, stop: threading.Event, failed: list[BaseException]) -> None:
    store = ReviewStore(url, blind_share=0.0)
    known = 60
    try:
        while not stop.is_set():
            item = store.claim(who)
            if item is None:
                store.add_drafts(drafts(600, first=known), actor="me")
                known += 600
                continue
            store.accept(who, item.seen)
    except BaseException as error:
        failed.append(error)
    finally:
        store.close()


def test_copies_made_while_people_decide_hold_one_moment_each(
    places: Places, empty: Callable[[], str], tmp_path: Path
) -> None:
    stop, failed = threading.Event(), list[BaseException]()
    people = [threading.Thread(target=decide, args=(places.database, f"person {n}", stop, failed)) for n in range(3)]
    for person in people:
        person.start()
    heads = []
    try:
        for number in range(5):
            make(places, tmp_path / "copies" / f"{number}.tar")
    finally:
        stop.set()
        for person in people:
            person.join()
    assert failed == []
    for number in range(5):
        back = tmp_path / f"back{number}"
        other = Places(empty(), {"reviews": back / "reviews"})
        restore(tmp_path / "copies" / f"{number}.tar", other)
        store = ReviewStore(other.database)
        assert list(differences(store.database)) == []
        store.add_drafts(drafts(1, first=1_000_000), actor="me")  # those of the copy may all be decided, or held
        item = store.claim("later")
        assert item is not None and store.accept("later", item.seen).status == "accepted", "it goes on counting"
        heads.append(store.head())
        store.close()
        assert (back / "reviews" / "marked.jsonl").read_text() == '{"whole": 1}\n'
        assert (back / "reviews" / "exports" / "v1" / "manifest.json").is_file()
        assert not (back / "reviews" / "link").exists()
    assert heads == sorted(heads) and heads[0] < heads[-1]
    assert not list((tmp_path / "copies").glob(".*"))


def test_a_copy_is_put_in_the_place_of_what_is_there_only_when_told_to(places: Places, tmp_path: Path) -> None:
    make(places, tmp_path / "copy.tar")
    running = ReviewStore(places.database)
    item = running.claim("ann")
    assert item is not None
    running.accept("ann", item.seen)
    with pytest.raises(DeployError, match="--replace"):
        restore(tmp_path / "copy.tar", places)
    restore(tmp_path / "copy.tar", places, replace=True)
    assert running.counts()["draft"] == 60, "a program that has it open sees the copy"
    running.close()
    with pytest.raises(DeployError, match="exists already"):
        make(places, tmp_path / "copy.tar")


def changed(copy: Path, name: str, content: bytes) -> None:
    """Write a copy anew with another content of one member, or with one more."""
    with tarfile.open(copy) as archive:
        members = {one.name: archive.extractfile(one).read() for one in archive.getmembers()}  # type: ignore[union-attr]
    members[name] = content
    with tarfile.open(copy, "w") as archive:
        for member, held in members.items():
            about = tarfile.TarInfo(member)
            about.size = len(held)
            archive.addfile(about, io.BytesIO(held))


@pytest.mark.parametrize("name", ["database", "../evil.txt", "reviews/marked.jsonl"])
def test_a_copy_that_was_changed_is_refused_whole(
    places: Places, empty: Callable[[], str], tmp_path: Path, name: str
) -> None:
    make(places, tmp_path / "copy.tar")
    changed(tmp_path / "copy.tar", name, b"other")
    other = Places(empty(), {"reviews": tmp_path / "new"})
    with pytest.raises(DeployError, match="copy"):
        restore(tmp_path / "copy.tar", other)
    assert is_empty(other.database) and not (tmp_path / "new").exists() and not (tmp_path / "evil.txt").exists()


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no review database"):
        make(Places(f"sqlite:///{tmp_path / 'none.db'}", {}), tmp_path / "copy.tar")
    assert not list(tmp_path.glob("*.tar"))
    (tmp_path / "text.tar").write_text("hello")
    with pytest.raises(DeployError, match="no copy"):
        restore(tmp_path / "text.tar", Places(f"sqlite:///{tmp_path / 'a.db'}", {}))
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + bytes(4000))
    with pytest.raises(DeployError):
        copy_out(f"sqlite:///{tmp_path / 'broken.db'}", tmp_path / "out")
    with pytest.raises(DeployError, match="mysql"):
        is_empty("mysql://x/y")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_commands_find_the_places(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path))
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "config.json").write_text("{}")
    made = CliRunner().invoke(app, ["backup", "make", str(tmp_path / "copy.tar")])
    assert made.exit_code == 0 and "models, 1 file" in made.output, made.output
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path / "other"))
    back = CliRunner().invoke(app, ["backup", "restore", str(tmp_path / "copy.tar")])
    assert back.exit_code == 0 and (tmp_path / "other" / "models" / "mine" / "config.json").is_file(), back.output
    with closing(sqlite3.connect(tmp_path / "other" / "reviews" / "reviews.db")) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (60,)


def test_people_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMM_PEOPLE", str(tmp_path / "people.yaml"))
    run = CliRunner().invoke
    added = run(app, ["people", "add", "ann", "--role", "admin"], input="a long password\na long password\n")
    assert added.exit_code == 0, added.output
    assert run(app, ["people", "add", "bob", "--password", "-"]).exit_code == 0
    listed = run(app, ["people", "list"]).output
    assert "ann" in listed and "a password" in listed and "Hugging Face" in listed
    assert run(app, ["people", "remove", "bob"]).exit_code == 0
    assert isinstance(run(app, ["people", "remove", "bob"]).exception, LammError)
    assert isinstance(run(app, ["people", "add", "eve", "--password", "short"]).exception, LammError)
    assert "eve" not in (tmp_path / "people.yaml").read_text()
