"""Marking for review: what a record holds, and that none is doubled, torn or lost."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from PIL import Image

from app.conversation import Answer, Exchange, Picture, Thread
from app.marks import MarkBook, MarkedItem, send_turn, turn_to_mark
from lamm_core.conversation import Media
from lamm_core.errors import AnnotationError


@pytest.fixture
def dog(tmp_path: Path) -> Path:
    path = tmp_path / "session" / "dog.png"
    path.parent.mkdir()
    Image.new("RGB", (8, 8), "teal").save(path)
    return path


def conversation(picture: Path) -> Thread:
    told = "The dog is at [0.1, 0.2, 0.5, 0.9], its eye [0.30, 0.40]."
    shown = Picture("dog.png", picture, picture, 8, 8)
    return Thread(
        "key",
        (
            Exchange("What is it?", (shown,), Answer("A dog.", "mini", finished=True)),
            Exchange(
                "Where is it?",
                answer=Answer(told, "mini", "automatic", finished=True),
            ),
        ),
    )


def records(book: MarkBook) -> list[dict[str, object]]:
    return [json.loads(line) for line in book.file.read_text(encoding="utf-8").splitlines()]


def item(name: str) -> MarkedItem:
    return MarkedItem("cifar10", name, "What is it?", {"a": "cat", "b": "dog"}, target="cat")


def test_a_turn_is_marked_with_its_media_boxes_and_what_was_said_before(dog: Path, tmp_path: Path) -> None:
    book = MarkBook(tmp_path / "reviews", clock=lambda: 0.0)
    marked = turn_to_mark(conversation(dog))
    assert marked is not None
    assert book.add([marked], marked_by="ann") == (1, 1)
    (record,) = records(book)
    kept = Path(record["media"][0].pop("path"))  # type: ignore[index]
    assert record == {
        "task": "chat",
        "id": marked.id,
        "prompt": "Where is it?",
        "target": None,
        "answers": {"mini": "The dog is at [0.1, 0.2, 0.5, 0.9], its eye [0.30, 0.40]."},
        "media": [{"modality": "image", "name": "dog.png"}],
        "detail": {
            "answer_boxes": {
                "mini": [{"label": "dog", "place": [0.1, 0.2, 0.5, 0.9]}, {"label": "its eye", "place": [0.3, 0.4]}]
            },
            "adapters": {"mini": "automatic"},
            "earlier": [{"role": "user", "text": "What is it?"}, {"role": "assistant", "text": "A dog."}],
        },
        "marked_by": "ann",
        "created": "1970-01-01T00:00:00+00:00",
    }
    dog.unlink()
    assert kept.is_relative_to(tmp_path / "reviews" / "media")
    assert Image.open(kept).size == (8, 8)


def test_a_turn_without_a_finished_answer_is_not_marked(dog: Path) -> None:
    thread = conversation(dog)
    assert turn_to_mark(Thread()) is None
    assert turn_to_mark(thread.answered(None)) is None
    assert turn_to_mark(thread.answered(Answer("The"))) is None


def test_both_answers_of_a_comparison_are_marked_under_names_of_their_own(dog: Path) -> None:
    thread = conversation(dog)
    other = Answer("At [0.2, 0.2, 0.3, 0.3].", "mini", "none", finished=True)
    both = turn_to_mark(thread.compared(other))
    assert both is not None and list(both.answers) == ["mini, automatic adapter", "mini, no adapter"]
    assert [len(boxes) for boxes in both.detail["answer_boxes"].values()] == [2, 1]
    half = turn_to_mark(thread.compared(Answer("At", "mini", "none")))
    assert half is not None and len(half.answers) == 1


def test_a_turn_that_is_sent_is_confirmed_with_how_many_wait(dog: Path, tmp_path: Path) -> None:
    book, thread = MarkBook(tmp_path / "reviews"), conversation(dog)
    assert send_turn(book, thread, marked_by="").text == "Sent. 1 waits for review."
    assert send_turn(book, thread, marked_by="").text == "Sent before. 1 waits for review."
    assert records(book)[0]["marked_by"] == "visitor"
    book.add([item("1")], marked_by="ann")
    assert send_turn(book, thread.answered(Answer("No.", "mini", finished=True)), marked_by="").text == (
        "Sent. 3 wait for review."
    )
    dog.unlink()
    assert send_turn(book, thread, marked_by="").failed
    assert send_turn(book, Thread(), marked_by="") == ("There is no finished answer to send yet.", True)


def test_what_waits_already_is_not_added_again(tmp_path: Path) -> None:
    book = MarkBook(tmp_path)
    assert book.add([item("1"), item("2"), item("1")], marked_by="ann") == (2, 2)
    assert book.add([item("2"), item("3")], marked_by="bob") == (1, 3)
    assert book.waiting() == 3


def test_a_line_torn_by_a_kill_costs_no_other(tmp_path: Path) -> None:
    book = MarkBook(tmp_path)
    book.add([item("1")], marked_by="ann")
    with book.file.open("a") as file:
        file.write('{"task": "cifar10", "id"')
    assert book.add([item("2")], marked_by="ann") == (1, 2)
    assert json.loads(book.file.read_text().splitlines()[-1])["id"] == "2"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "reviews").write_text("in the way")
    with pytest.raises(AnnotationError, match="Nothing was marked"):
        MarkBook(tmp_path / "reviews").add([item("1")], marked_by="ann")


def test_media_that_are_gone_are_told(tmp_path: Path) -> None:
    gone = MarkedItem("t", "1", "q", {}, [Media("image", tmp_path / "gone.png")])
    with pytest.raises(AnnotationError, match=r"gone\.png"):
        MarkBook(tmp_path / "reviews").add([gone], marked_by="ann")


def _add_many(folder: Path, first: int) -> None:
    for number in range(first, first + 20):
        MarkBook(folder).add([item(str(number))], marked_by="ann")


def test_two_processes_that_mark_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add_many, args=(tmp_path, first)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(int(str(record["id"])) for record in records(MarkBook(tmp_path))) == list(range(30))
