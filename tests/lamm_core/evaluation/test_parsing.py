"""Answers are read as a person would read them."""

from __future__ import annotations

import pytest

from lamm_core.evaluation.parsing import COCO_SYNONYMS, known_label, mentions, number, singular, words


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("There are 12 cells.", 12), ("twelve", 12), ("No dogs at all.", 0), ("about 2.5", None), ("", None),
     ("many", None), ("I count three of them, not 4.", 3)],
)  # fmt: skip
def test_the_first_count_is_read(text: str, value: int | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "read"),
    [("HOTEL", ["HOTEL"]), ("hotel.", ["HOTEL"]), ('The word is "Hotel".', ["HOTEL"]), ("It's OPEN", ["ITS", "OPEN"]),
     ("Nevada's", ["NEVADAS"]), ("'Inn'", ["INN"]), ("...", []), ("", [])],
)  # fmt: skip
def test_words_are_read_from_quotes_or_from_all(text: str, read: list[str]) -> None:
    assert words(text) == read


@pytest.mark.parametrize(
    ("many", "one"),
    [("people", "person"), ("Dogs", "dog"), ("the buses", "bus"), ("wine glasses", "wine glass"), ("skis", "skis"),
     ("a bench", "bench"), ("benches", "bench"), ("bus", "bus"), ("mice", "mouse"), ("horses", "horse"), ("tv", "tv")],
)  # fmt: skip
def test_labels_are_compared_in_the_singular(many: str, one: str) -> None:
    assert singular(many) == one


def test_labels_are_known_by_synonym() -> None:
    names = ["person", "dining table", "sports ball"]
    assert known_label("Tables", names, COCO_SYNONYMS) == "dining table"
    assert known_label("the man", names, COCO_SYNONYMS) == "person"
    assert known_label("sports balls", names, COCO_SYNONYMS) == "sports ball"
    assert known_label("zebra", names, COCO_SYNONYMS) is None


def test_a_mention_is_of_whole_words() -> None:
    assert mentions("Two hot dogs and a cat.", "hot dog", {})
    assert not mentions("A category of its own.", "cat", {})
    assert mentions("A man on a bike", "person", COCO_SYNONYMS)
    assert mentions("A man on a bike", "bicycle", COCO_SYNONYMS)
