"""Text from tokens: whole characters, stop strings, leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from lamm_core.inference.detokenize import TextStream


@pytest.fixture(scope="module")
def tokenizer(tiny_lm_folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_lm_folder)


def pieces(stream: TextStream, ids: list[int]) -> list[str]:
    found = []
    for token in ids:
        found.append(stream.add(token))
        if stream.ended:
            break
    return [*found, stream.finish()]


@pytest.mark.parametrize("text", ["plain words, then more", "naïve café 東京 🙂👩‍👩‍👧 end", "a\n\n b\t", "🙂"])
def test_pieces_are_whole_characters_and_join_to_the_text(tokenizer: Any, text: str) -> None:
    found = pieces(TextStream(tokenizer), tokenizer.encode(text))
    assert "".join(found) == text
    assert not any("\ufffd" in piece for piece in found)


def test_a_character_cut_off_at_the_end_is_dropped(tokenizer: Any) -> None:
    ids = tokenizer.encode("go 🙂")
    assert "".join(pieces(TextStream(tokenizer), ids[:-1])) == "go "


def test_bytes_that_are_no_character_do_not_hold_back_the_rest(tokenizer: Any) -> None:
    smile, word = tokenizer.encode("🙂"), tokenizer.encode(" dog")
    found = "".join(pieces(TextStream(tokenizer), [*smile[:2], *word, *word]))
    assert found.endswith(" dog dog")


def test_special_tokens_are_not_text(tokenizer: Any) -> None:
    ids = [*tokenizer.encode("yes"), tokenizer.eos_token_id]
    assert "".join(pieces(TextStream(tokenizer), ids)) == "yes"


def test_a_stop_string_ends_the_answer_and_none_of_it_is_shown(tokenizer: Any) -> None:
    stream = TextStream(tokenizer, ["\n###"])
    found = pieces(stream, tokenizer.encode("one\n## two\n### Human: three"))
    assert stream.ended
    assert "".join(found) == "one\n## two"


def test_what_only_began_like_a_stop_string_is_shown_at_the_end(tokenizer: Any) -> None:
    stream = TextStream(tokenizer, ["###"])
    assert "".join(pieces(stream, tokenizer.encode("two ##"))) == "two ##"
    assert not stream.ended


def test_the_lead_of_the_template_is_not_part_of_the_answer(tokenizer: Any) -> None:
    assert "".join(pieces(TextStream(tokenizer, lead=" "), tokenizer.encode(" a b"))) == "a b"
    assert "".join(pieces(TextStream(tokenizer, lead=" "), tokenizer.encode("a b"))) == "a b"
