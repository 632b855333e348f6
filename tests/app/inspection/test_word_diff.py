"""Two answers word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.inspection.word_diff import compared


def test_words_that_only_one_has_are_marked() -> None:
    first, second = compared("There is a dog here.", "There is a small cat here.")
    assert [piece["text"] for piece in first if piece["only"]] == ["dog "]
    assert [piece["text"] for piece in second if piece["only"]] == ["small cat "]


def test_numbers_are_words_of_their_own() -> None:
    first, _ = compared("cat [0.10, 0.20]", "cat [0.10, 0.25]")
    assert [piece["text"] for piece in first if piece["only"]] == ["0.20"]


@given(st.text(), st.text())
def test_the_pieces_joined_are_the_answers(first: str, second: str) -> None:
    one, other = compared(first, second)
    assert ("".join(piece["text"] for piece in one), "".join(piece["text"] for piece in other)) == (first, second)


def test_very_long_answers_are_not_compared() -> None:
    first, second = compared("word " * 5000, "other")
    assert first == [{"text": "word " * 5000, "only": False}] and not second[0]["only"]
