"""Answers are read as a person would read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lamm_core.evaluation.parsing import (
    COCO_SYNONYMS,
    known_label,
    label_in,
    mentions,
    number,
    option_in,
    singular,
    words,
    yes_or_no,
)


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


@pytest.mark.parametrize(
    ("text", "read"),
    [("dog", ("dog", "whole answer")), ("The hot dogs!", ("hot dog", "whole answer")),
     ("hot dogs for all", ("hot dog", "only class mentioned")),
     ("I see a dog.", ("dog", "only class mentioned")), ("dog, cat", (None, "several classes")),
     ("", (None, "no class"))],
)  # fmt: skip
def test_one_class_is_read(text: str, read: tuple[str | None, str]) -> None:
    assert label_in(text, ["dog", "hot dog", "cat"], {}) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [("B", ("1", "letter alone")), ("(b)", ("1", "letter alone")), ("(B) two", ("1", "letter in brackets")),
     ("B. two", ("1", "letter first")), ("The answer is: B", ("1", "the answer is")), ("Z", (None, "no such option")),
     ("(A) (B)", (None, "several letters")), ("twenty two", ("2", "option's words")),
     ("it is twenty two", ("2", "only option mentioned")),
     ("one two", (None, "several options")), ("A dog", (None, "no option")), ("", (None, "no option"))],
)  # fmt: skip
def test_one_option_is_read(text: str, read: tuple[str | None, str]) -> None:
    assert option_in(text, ["one", "two", "twenty two"]) == read


@pytest.mark.parametrize(
    ("text", "value"),
    [("Yes.", "yes"), ("no", "no"), ("Well, yes", "yes"), ("It's not.", "no"), ("Maybe", None), ("", None),
     ("The man is smiling", "yes"), ("The man isn’t smiling", "no"), ("Sure. No doubt.", None)],
)  # fmt: skip
def test_yes_and_no_are_read_from_the_first_sentence(text: str, value: str | None) -> None:
    assert yes_or_no(text, positive="smil").value == value


@given(text=some.text(max_size=200) | some.text(alphabet="AB().: yesnot'\"\n", max_size=60))
def test_no_text_breaks_a_parser(text: str) -> None:
    assert label_in(text, ["dog", "hot dog"], COCO_SYNONYMS).how
    assert option_in(text, ["one", "", "two"]).how
    assert yes_or_no(text, positive="smil").value in ("yes", "no", None)
    assert number(text) is None or isinstance(number(text), int)
    assert all(word.isascii() and word for word in words(text))
    assert isinstance(mentions(text, "dog", COCO_SYNONYMS), bool)
