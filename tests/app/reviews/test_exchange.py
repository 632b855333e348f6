"""Data in and out: files only from where they may be read, broken records named, versions that never change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.marks import MarkBook, MarkedItem
from app.reviews.desk import Desk
from app.reviews.exchange import Exchange
from app.reviews.jobs import Jobs
from app.reviews.media import ReviewMedia
from app.reviews.service import Reviews
from lamm_core.conversation import Media

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def marks(tmp_path: Path) -> MarkBook:
    return MarkBook(tmp_path / "marks")


@pytest.fixture
def ask(reviews: Reviews, media: ReviewMedia, marks: MarkBook, tmp_path: Path) -> Ask:
    exchange = Exchange(
        reviews,
        Jobs(),
        marks,
        roots=(tmp_path / "data", tmp_path / "marks"),  # the program keeps marked media where it may read them
        exports=tmp_path / "exports",
        demo=tmp_path / "demo",
    )
    (tmp_path / "data").mkdir()
    desk = Desk(reviews, media, exchange.acts)
    return lambda act, **values: desk.answer({"act": act, "who": "ann", **values})


def finished(ask: Ask) -> dict[str, Any]:
    """The newest job once it is through."""
    for _ in range(400):
        job: dict[str, Any] = ask("exchange")["jobs"][0]
        if job["state"] != "running":
            return job
        time.sleep(0.02)
    raise AssertionError("the job does not end")


def lamm_file(folder: Path, *, broken: bool = False) -> Path:
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    said = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "A square."}]
    records: list[Any] = [{"id": "1", "image": "a.png", "conversations": said, "src_image": "shapes"}]
    records += [{"id": "2", "image": "a.png"}] if broken else []
    (folder / "pairs.json").write_text(json.dumps(records))
    return folder / "pairs.json"


def test_a_file_is_imported_and_what_is_broken_in_it_is_named(ask: Ask, reviews: Reviews, tmp_path: Path) -> None:
    path = lamm_file(tmp_path / "data", broken=True)
    ask("import", form="lamm", path=str(path))
    job = finished(ask)
    assert job["state"] == "done", job
    assert (job["values"]["added"], job["values"]["broken"]) == (1, 1)
    assert "record 1" in job["values"]["reasons"][0]
    ask("import", form="lamm", path=str(path))
    assert finished(ask)["values"]["known"] == 1


@pytest.mark.parametrize("shown", ["/etc/passwd", "../../secret.txt", "link/passwd"])
def test_a_record_cannot_show_a_file_from_elsewhere(ask: Ask, tmp_path: Path, shown: str) -> None:
    path = lamm_file(tmp_path / "data")
    (tmp_path / "data" / "link").symlink_to("/etc")
    records = json.loads(path.read_text())
    records[0]["image"] = shown
    path.write_text(json.dumps(records))
    ask("import", form="lamm", path=str(path))
    job = finished(ask)
    assert job["values"]["broken"] == 1 and "outside the folders" in job["values"]["reasons"][0], job


@pytest.mark.parametrize("path", ["/etc/passwd", "data/../../etc/passwd", "", "data/nothing.json", "~root"])
def test_files_from_elsewhere_are_refused(ask: Ask, tmp_path: Path, path: str) -> None:
    (tmp_path / "data" / "link").symlink_to("/etc")
    for one in (path, str(tmp_path / "data" / "link" / "passwd")):
        text = ask("import", form="lamm", path=one)["error"]["text"]
        assert any(words in text for words in ("outside the folders", "There is no", "Name the file"))


def test_an_unreadable_file_fails_in_words(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "data" / "bad.json").write_text("{nonsense")
    ask("import", form="lamm", path=str(tmp_path / "data" / "bad.json"))
    job = finished(ask)
    assert job["values"].get("broken") or "bad.json" in job["message"]


def test_marked_samples_move_into_the_queue(ask: Ask, marks: MarkBook, reviews: Reviews, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "m.png")
    item = MarkedItem("chat", "chat-1", "What is it?", {"mini": "A dog."}, (Media("image", tmp_path / "m.png"),))
    marks.add([item], marked_by="ann")
    assert ask("exchange")["marked"] == 1
    ask("import_marked")
    assert finished(ask)["values"]["added"] == 1
    assert ask("exchange")["marked"] == 0
    assert "No marked sample waits" in ask("import_marked")["error"]["text"]


def test_a_version_holds_what_was_accepted_and_never_changes(ask: Ask, reviews: Reviews, tmp_path: Path) -> None:
    assert ask("export", name="early", form="lamm")["job"]
    assert finished(ask)["state"] == "failed"
    for _ in range(2):
        item = reviews.store.claim("ann")
        assert item is not None
        reviews.store.accept("ann", item.seen)
    ask("export", name="first", form="lamm", heldApart=0.0)
    job = finished(ask)
    assert job["values"]["manifest"]["records"] == {"train": 2}
    assert len(json.loads((tmp_path / "exports" / "first" / "train.json").read_text())) == 2
    (version,) = ask("exchange")["exports"]
    assert version["manifest"]["counts"]["reviewer"] == {"ann": 2}
    assert "never change" in ask("export", name="first", form="lamm")["error"]["text"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 81])
def test_names_of_versions_are_names(ask: Ask, name: str) -> None:
    assert "error" in ask("export", name=name, form="lamm")
