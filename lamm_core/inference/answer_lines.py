"""Questions as lines of JSON in, answers as lines of JSON out: how another program asks a model without importing it.

Does not know who asks. A line is ``{"turns": [{"role", "text", "media": [{"modality", "path"}]}], "max_tokens": 120}``;
the answer ``{"answer", "tokens", "prompt_tokens"}``, or ``{"error"}`` where this one question cannot be answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Turn
from lamm_core.errors import LammError
from lamm_core.inference.protocol import Engine
from lamm_core.inference.sampling import Generation

__all__ = ["answer_lines"]

MOST_TOKENS = 256


def answer_lines(engine: Engine, lines: Iterable[str]) -> Iterator[str]:
    """One line of answer for each line of question that is not empty, in their order."""
    for line in lines:
        if line.strip():
            yield json.dumps(_answered(engine, line))


def _turn(form: dict[str, Any]) -> Turn:
    media = tuple(Media(one["modality"], Path(one["path"])) for one in form.get("media", ()))
    return Turn(form["role"], form["text"], media)


def _answered(engine: Engine, line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        turns = [_turn(turn) for turn in asked["turns"]]
        settings = Generation(max_new_tokens=int(asked.get("max_tokens", MOST_TOKENS)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"This line is no question: {error!r}."}
    answer, tokens, prompt_tokens = "", 0, 0
    try:
        for piece in engine.stream(turns, settings):
            answer += piece.text
            tokens, prompt_tokens = piece.tokens, piece.prompt_tokens
    except LammError as error:
        return {"error": str(error)}
    return {"answer": answer.strip(), "tokens": tokens, "prompt_tokens": prompt_tokens}
