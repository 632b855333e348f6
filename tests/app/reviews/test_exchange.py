"""Data in and out: files only from where they may be read, broken records named, versions that never change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from filelock import Timeout
from PIL import Image

from annotation.review.filters import Filter
from annotation.review.marks import marks_lock
from app.marks import MarkBook, MarkedItem
from app.reviews.desk import Desk
from app.reviews.exchange import Exchange
from app.reviews.jobs import Jobs
from app.reviews.media import ReviewMedia
from app.reviews.service import Reviews
from lamm_core.conversation import Media
from tests.fake_hub import serving

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
        token="hf_test",
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


@pytest.fixture
def marked(marks: MarkBook, tmp_path: Path) -> Callable[..., int]:
    """Marks what a chat and a benchmark send; how many wait then."""
    Image.new("RGB", (8, 8)).save(tmp_path / "m.png")
    picture = (Media("image", tmp_path / "m.png"),)
    chat = MarkedItem("chat", "chat-1", "What is it?", {"mini": "A dog."}, picture)
    sample = MarkedItem("iiit5k", "word-7", "Read it.", {"first": "HOTEL", "second": "MOTEL"}, picture, target="HOTEL")
    return lambda who="ann": marks.add([chat, sample], marked_by=who).waiting


def test_marked_samples_move_into_the_queue(ask: Ask, reviews: Reviews, marked: Callable[..., int]) -> None:
    assert marked() == ask("exchange")["marked"] == 2
    ask("import_marked")
    assert finished(ask)["values"]["added"] == 3  # an item for each answer
    assert ask("exchange")["marked"] == 0
    assert "No marked sample waits" in ask("import_marked")["error"]["text"]


def test_what_is_marked_and_imported_twice_is_in_the_queue_once(
    ask: Ask, reviews: Reviews, marks: MarkBook, marked: Callable[..., int]
) -> None:
    marked()
    ask("import_marked")
    assert finished(ask)["values"]["added"] == 3
    before = reviews.counts(Filter(), "source")
    assert marked("bob") == 2
    ask("import", form="marked", path=str(marks.file))  # by its path: the same, and they wait no more
    assert finished(ask)["values"] == {"read": 3, "added": 0, "known": 3, "broken": 0, "reasons": []}
    assert ask("exchange")["marked"] == 0
    assert reviews.counts(Filter(), "source") == before


def test_nobody_marks_while_marks_are_taken_out(
    ask: Ask, marks: MarkBook, marked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []

    def look(path: Path) -> None:
        try:
            marks_lock(path).acquire(blocking=False)
        except Timeout:
            free.append(False)

    monkeypatch.setattr("app.reviews.exchange.take_out", look)
    marked()
    ask("import_marked")
    assert finished(ask)["state"] == "done" and free == [False]


def test_lines_that_are_no_marks_are_kept_beside(ask: Ask, marks: MarkBook, marked: Callable[..., int]) -> None:
    marked()
    with marks.file.open("ab") as file:
        file.write(b'{"task": "chat", "id": "no prompt"}\n{"torn')
    ask("import_marked")
    assert (finished(ask)["values"]["added"], finished(ask)["values"]["broken"]) == (3, 2)
    assert marks.file.read_bytes() == b""
    beside = marks.file.with_suffix(".broken.jsonl").read_bytes()
    assert beside == b'{"task": "chat", "id": "no prompt"}\n{"torn\n'


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
    event = version["manifest"]["event"]
    ask("undo")
    ask("export", name="again", form="lamm", heldApart=0.0, event=event, filters={"kind": "C1", "reviewer": "ann"})
    assert finished(ask)["values"]["manifest"]["content_hash"] == version["manifest"]["content_hash"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 81])
def test_names_of_versions_are_names(ask: Ask, name: str) -> None:
    assert "error" in ask("export", name=name, form="lamm")


@pytest.fixture
def version(ask: Ask, reviews: Reviews) -> Callable[[str], str]:
    """Exports two accepted items in a form, and says the version's name."""

    def make(form: str) -> str:
        for _ in range(2):
            item = reviews.store.claim("ann")
            assert item is not None
            reviews.store.accept("ann", item.seen)
        ask("export", name=f"{form}-1", form=form, heldApart=0.0)
        assert finished(ask)["state"] == "done"
        return f"{form}-1"

    return make


def test_a_version_is_pushed_with_the_token_of_the_environment(
    ask: Ask, version: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = version("datasets")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with serving() as hub:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        ask("push", name=name, repository="team/dogs")
        assert finished(ask)["values"]["address"].endswith("1" * 40)
        assert hub.files["manifest.json"] == (tmp_path / "exports" / name / "manifest.json").read_bytes()


def test_without_a_token_nothing_is_pushed_and_it_is_said_where_one_goes(
    reviews: Reviews, media: ReviewMedia, marks: MarkBook, version: Callable[[str], str], tmp_path: Path
) -> None:
    name = version("datasets")
    bare = Exchange(reviews, Jobs(), marks, roots=(), exports=tmp_path / "exports", demo=tmp_path)
    answer = Desk(reviews, media, bare.acts).answer({"act": "push", "who": "ann", "name": name, "repository": "a/b"})
    assert "HF_TOKEN" in answer["error"]["text"]


@pytest.mark.parametrize(
    ("name", "repository", "said"),
    [
        ("none", "team/dogs", "no version"),
        ("../exports/lamm-1", "team/dogs", "no version"),
        ("lamm-1", "dogs", "OWNER"),
    ],
)
def test_what_cannot_be_pushed_is_refused(
    ask: Ask, version: Callable[[str], str], name: str, repository: str, said: str
) -> None:
    version("lamm")
    assert said in ask("push", name=name, repository=repository)["error"]["text"]
