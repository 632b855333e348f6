"""What the browser is told: items, conflicts with both versions, words for what failed; no trust in what it sends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.review.items import Box, Check, Draft, Span
from annotation.review.store import ReviewStore

Ask = Callable[..., dict[str, Any]]


def first(ask: Ask, **values: Any) -> dict[str, Any]:
    item: dict[str, Any] = ask("open", **values)["items"][0]
    return item


def seen(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"], "version": item["version"], "second": item["second"]}


def test_the_answer_to_a_decision_brings_the_next_item(ask: Ask) -> None:
    items = ask("open")["items"]
    have = [item["id"] for item in items[1:]]
    answer = ask("decide", action="accept", **seen(items[0]), have=have, seconds=2.5)
    assert answer["done"]["status"] == "accepted"
    assert len(answer["items"]) == 1 and answer["items"][0]["id"] not in [item["id"] for item in items]


def test_nobody_decides_without_a_name(ask: Ask) -> None:
    assert "name is needed" in ask("open", who="  ")["error"]["text"]


def test_a_conflict_shows_both_versions(ask: Ask) -> None:
    item = first(ask)
    turns = [{"role": "user", "text": "What?"}, {"role": "assistant", "text": "A cat."}]
    ask("decide", who="bob", action="edit", **seen(item), turns=turns)
    told = ask("decide", action="reject", **seen(item), reason="count")["stale"]
    assert told["seen"]["turns"][1]["text"] == "A dog, 0."
    assert told["current"]["turns"][1]["text"] == "A cat." and told["current"]["by"] == "bob"


def test_undo_gives_the_item_back(ask: Ask) -> None:
    item = first(ask)
    ask("decide", action="accept", **seen(item))
    (back,) = ask("undo")["items"]
    assert (back["id"], back["status"]) == (item["id"], "claimed")


@pytest.mark.parametrize(
    "request_",
    [
        {"act": "decide"},
        {"act": "decide", "action": "add", "id": "1", "version": 1},
        {"act": "decide", "action": "accept", "id": 7, "version": 1},
        {"act": "decide", "action": "accept", "id": "1", "version": True},
        {"act": "decide", "action": "edit", "id": "1", "version": 1, "turns": [{"role": "root", "text": "x"}]},
        {"act": "open", "order": "random"},
        {"act": "open", "filters": {"status": ["gone"]}},
        {"act": "open", "filters": [1]},
        {"act": "counts", "by": ["password"]},
        {"act": "look", "id": "nothing"},
        {"act": "drop_table"},
    ],
)
def test_what_makes_no_sense_is_refused_in_words(ask: Ask, request_: dict[str, Any]) -> None:
    values = dict(request_)
    answer = ask(values.pop("act"), **values)
    assert set(answer) == {"error"} and answer["error"]["text"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.1, 0.1, 1.2, 0.5], "beyond"),
        ([0.5, 0.1, 0.5, 0.5], "no width"),
        ([0, 0, 0, 1, 1, 0], "no size"),
        ([1e7, 0, 0, 1, 1, 1], "in metres"),
        ([1, 2, 3], "no boxes"),
        (["a"], "no boxes"),
    ],
)
def test_a_box_that_is_none_is_refused(ask: Ask, values: list[Any], words: str) -> None:
    item = first(ask)
    turns = item["turns"]
    answer = ask("decide", action="edit", **seen(item), turns=turns, boxes=[{"label": "dog", "values": values}])
    assert words in answer["error"]["text"]


def test_a_locked_database_is_something_to_try_again(ask: Ask, tmp_path: Path) -> None:
    item = first(ask)
    with sqlite3.connect(tmp_path / "reviews.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = ask("decide", action="accept", **seen(item))
        assert answer["error"]["later"] and "locked" in answer["error"]["text"]
        other.execute("ROLLBACK")
    other.close()
    assert ask("decide", action="accept", **seen(item))["done"]["status"] == "accepted"


def test_a_database_that_is_gone_is_said_to_be(ask: Ask, tmp_path: Path) -> None:
    item = first(ask)
    (tmp_path / "reviews.db").rename(tmp_path / "elsewhere.db")
    answer = ask("decide", action="accept", **seen(item))
    assert answer["error"]["later"] and "is gone" in answer["error"]["text"]
    assert ask("keep", **seen(item), at=1, turns=item["turns"]) == {"kept": True}


def test_a_begun_edit_comes_back_with_its_item(ask: Ask) -> None:
    item = first(ask)
    turns = [{"role": "user", "text": "What?"}, {"role": "assistant", "text": "A ca"}]
    ask("keep", **seen(item), at=5, turns=turns, boxes=[{"label": "cat", "values": [0.1, 0.2, 0.3, 0.4]}])
    again = first(ask, resume=True)
    assert again["edit"]["turns"] == turns and again["edit"]["boxes"][0]["label"] == "cat"


def test_places_of_checks_are_counted_as_the_browser_counts(
    ask: Ask, store: ReviewStore, draft: Callable[..., Draft]
) -> None:
    answer = "A 🐕 and a ball [0.10, 0.20, 0.30, 0.40]."
    check = Check("objects", 0.9, "no ball", Span(1, 8, 14), Box("ball", (0.1, 0.2, 0.3, 0.4)))
    store.add_drafts([draft(30, answer, checks=(check,), expected_error=1.0)], actor="generator")
    item = first(ask)
    units = answer.encode("utf-16-le")
    shown = item["checks"][0]["span"]
    assert units[2 * shown["start"] : 2 * shown["end"]].decode("utf-16-le") == "a ball"
    mention = item["mentions"][0]
    assert units[2 * mention["start"] : 2 * mention["end"]].decode("utf-16-le").endswith("0.40]")


def test_a_picture_that_vanished_is_told_with_its_item(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "0.png").unlink()
    assert "not there any more" in first(ask)["media"][0]["gone"]


def test_an_annotation_of_any_shape_is_shown(ask: Ask, store: ReviewStore, draft: Callable[..., Draft]) -> None:
    objects = [{"label": 3, "bbox": [0, 0, 1, 1]}, {"bbox": ["x"]}, 7]
    odd = {"objects": objects, "deep": {"a": [None]}}
    store.add_drafts([draft(31, annotation=odd, expected_error=1.0)], actor="generator")
    item = first(ask)
    assert item["boxes"] == [{"label": "3", "values": [0.0, 0.0, 1.0, 1.0]}]
    assert [name for name, _ in item["facts"]] == ["deep", "objects"]


def test_numbers_of_an_annotation_are_shown_with_four_digits(
    ask: Ask, store: ReviewStore, draft: Callable[..., Draft]
) -> None:
    boxes = [{"label": "bear", "x1": 0.0024307036247334752, "y1": 0.10751953125, "x2": 1.0, "y2": 0.988671875}]
    store.add_drafts([draft(31, annotation={"boxes": boxes, "height": 512}, expected_error=1.0)], actor="generator")
    facts = dict(first(ask)["facts"])
    assert facts["boxes"].split() == ["bear", "x1", "0.002431", "x2", "1.0", "y1", "0.1075", "y2", "0.9887"]
    assert facts["height"] == "512"


def test_cards_come_in_pages(ask: Ask) -> None:
    answer = ask("search", order="oldest")
    assert len(answer["cards"]) == 8 and answer["after"] is None
    assert ask("search", filters={"text": "picture 3"})["cards"][0]["question"] == "What is in picture 3?"
