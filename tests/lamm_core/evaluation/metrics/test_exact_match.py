"""Exact and refined match, with the two bugs of the published loop left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lamm_core.evaluation.metrics.exact_match import clean_answer, exact_match, refined_match


@pytest.mark.parametrize(
    ("text", "clean"),
    [("The red chair.", "red chair"), ("Two", "2"), ("a left-hand side", "left-hand side"), ("No", "no"),
     ("1.5 m, wide", "1.5 m wide"), ("", ""), ("!?", "")],
)  # fmt: skip
def test_answers_are_cleaned(text: str, clean: str) -> None:
    assert clean_answer(text) == clean


def test_a_later_exact_match_is_found_behind_a_partial_one() -> None:
    assert exact_match("brown", ["dark brown", "Brown."])
    assert refined_match("brown", ["dark brown"]) and not exact_match("brown", ["dark brown"])


def test_an_empty_answer_matches_nothing() -> None:
    assert not exact_match("", [""]) and not refined_match("...", ["brown", ""])


@given(answer=some.text(max_size=60), truths=some.lists(some.text(max_size=60), max_size=4))
def test_an_exact_match_is_a_refined_one(answer: str, truths: list[str]) -> None:
    assert not exact_match(answer, truths) or refined_match(answer, truths)
