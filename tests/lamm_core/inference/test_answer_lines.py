"""Questions as lines of JSON, answers as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Turn
from lamm_core.errors import MediaError
from lamm_core.inference.answer_lines import answer_lines
from lamm_core.inference.protocol import Piece
from lamm_core.inference.sampling import Generation


class Echo:
    """An engine that says what it was asked, in two pieces, and sees nothing in ``gone.jpg``."""

    def stream(self, turns: Sequence[Turn], settings: Generation) -> Iterator[Piece]:
        (turn,) = turns
        if turn.media and turn.media[0].path.name == "gone.jpg":
            raise MediaError("gone.jpg does not exist.")
        self.asked, self.settings = turn, settings
        yield Piece(f" {turn.text[:2]}", False, 1, 9)
        yield Piece(turn.text[2:], True, 2, 9)


def said(line: str) -> tuple[dict[str, Any], Echo]:
    engine = Echo()
    (answer,) = answer_lines(engine, [line, "\n"])  # type: ignore[arg-type]
    return json.loads(answer), engine


def test_a_line_is_answered_by_a_line() -> None:
    media = [{"modality": "image", "path": "a.jpg"}]
    turn = {"role": "user", "text": "What is it?", "media": media}
    answer, engine = said(json.dumps({"turns": [turn], "max_tokens": 7}))
    assert answer == {"answer": "What is it?", "tokens": 2, "prompt_tokens": 9}
    assert engine.asked.media == (Media("image", Path("a.jpg")),) and engine.settings.max_new_tokens == 7


def test_a_medium_that_cannot_be_used_fails_this_line_alone() -> None:
    lines = [json.dumps({"turns": [{"role": "user", "text": "Hello", "media": [{"modality": "image", "path": path}]}]})
             for path in ("gone.jpg", "a.jpg")]  # fmt: skip
    first, second = map(json.loads, answer_lines(Echo(), lines))  # type: ignore[arg-type]
    assert first == {"error": "gone.jpg does not exist."} and second["answer"] == "Hello"


def test_a_line_that_is_no_question_says_so() -> None:
    for line in ("not json", "{}", '{"turns": [{"role": "user"}]}', "[]", '{"turns": 3}'):
        assert "no question" in said(line)[0]["error"]
