"""Answers in the shape that OpenAI's clients read: whole, and in chunks.

Does not know HTTP or models.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lamm_core.inference.protocol import Piece

__all__ = ["DONE", "Finish", "Reply", "event", "model_list", "model_record"]

DONE = "data: [DONE]\n\n"
OWNER = "lamm-studio"

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Reply:
    """One answer under way: its id, when it began, and by which model."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, text: str, *, finish: Finish, last: Piece) -> dict[str, Any]:
        """The answer as one object."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return self._frame("chat.completion", [choice]) | {"usage": usage(last)}

    def chunk(self, delta: dict[str, str], *, finish: Finish | None = None, usage_follows: bool = False) -> str:
        """New text of the answer as an event."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = self._frame("chat.completion.chunk", [choice])
        return event(body | {"usage": None} if usage_follows else body)

    def usage_chunk(self, last: Piece) -> str:
        """The last event where a program asked for the count of tokens."""
        return event(self._frame("chat.completion.chunk", []) | {"usage": usage(last)})

    def _frame(self, kind: str, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": list(choices)}


def usage(last: Piece) -> dict[str, int]:
    """Tokens read, media included, and written."""
    return {
        "prompt_tokens": last.prompt_tokens,
        "completion_tokens": last.tokens,
        "total_tokens": last.prompt_tokens + last.tokens,
    }


def event(body: dict[str, Any]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def model_record(name: str, *, created: int) -> dict[str, Any]:
    """A model as `/v1/models` lists it."""
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER}


def model_list(names: Sequence[str], *, created: int) -> dict[str, Any]:
    """The list at `/v1/models`."""
    return {"object": "list", "data": [model_record(name, created=created) for name in names]}
