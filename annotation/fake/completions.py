"""Completions of the fake server: which faults hit which request, what is billed, how an answer is cut into pieces.

Does not know HTTP. Whether a request is hit depends on its text and the seed alone, so a run can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.fake.errors import ERRORS
from annotation.fake.writer import write

__all__ = ["Completions", "Faults", "Mishap"]

SHAPES = {"rounds": "Dialogue", "description": "Description", "responses": "Templates"}


@dataclass(frozen=True)
class Faults:
    """Shares of requests, 0 to 1, that something happens to. Those that fail do so on their first attempts only.

    ``errors``: the answer holds a deliberate error; ``kinds`` are which, by default all. ``busy``: 429 with
    Retry-After. ``failing``: 500. ``dropped``: billed, then the line goes dead. ``truncated``, ``malformed``,
    ``refused``: what is billed is no use. ``seconds`` each answer takes. ``cut``: streams that end early.
    """

    errors: float = 0.0
    kinds: tuple[str, ...] = tuple(ERRORS)
    busy: float = 0.0
    failing: float = 0.0
    dropped: float = 0.0
    truncated: float = 0.0
    malformed: float = 0.0
    refused: float = 0.0
    cut: float = 0.0
    seconds: float = 0.0
    retry_after: float = 0.05
    seed: int = 0


class Mishap(Exception):
    """An error as the protocol says it."""

    def __init__(self, status: int, message: str, *, code: str, retry_after: float | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        self.body = {"error": {"message": message, "type": "fake", "param": None, "code": code}}
        super().__init__(message)


class Completions:
    """Answers, and counts what it bills. Usable from any number of threads."""

    def __init__(self, faults: Faults, *, idempotent: bool = True) -> None:
        self.faults = faults
        self.billed: Counter[str] = Counter()
        self.requests = 0
        self._idempotent = idempotent
        self._kept: dict[str, dict[str, Any]] = {}
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def _hit(self, body: Mapping[str, Any], what: str, share: float) -> bool:
        return share > 0 and random.Random(f"{what} {self.faults.seed} {_digest(body)}").random() < share

    def drops(self, body: Mapping[str, Any]) -> bool:
        """Whether the line goes dead after this answer: at the first attempt of those that are hit."""
        return self._attempts[_digest(body)] == 1 and self._hit(body, "dropped", self.faults.dropped)

    def cuts(self, body: Mapping[str, Any]) -> bool:
        """Whether the stream ends before its end."""
        return self._attempts[_digest(body)] == 1 and self._hit(body, "cut", self.faults.cut)

    def answer(self, body: Mapping[str, Any], *, key: str | None) -> dict[str, Any]:
        """A chat completion. Raises Mishap."""
        digest = _digest(body)
        with self._lock:
            self.requests += 1
            self._attempts[digest] += 1
            attempt = self._attempts[digest]
            if self._idempotent and key and key in self._kept:
                return self._kept[key]
        if attempt == 1 and self._hit(body, "busy", self.faults.busy):
            message = "Rate limit reached. Please try again."
            raise Mishap(429, message, code="rate_limit_exceeded", retry_after=self.faults.retry_after)
        if attempt == 1 and self._hit(body, "failing", self.faults.failing):
            raise Mishap(500, "The server had an error.", code="server_error")
        if self.faults.seconds:
            time.sleep(self.faults.seconds)
        answer = self._made(body)
        with self._lock:
            self.billed[key or digest] += 1
            if key:
                self._kept[key] = answer
        return answer

    def _made(self, body: Mapping[str, Any]) -> dict[str, Any]:
        rng = random.Random(f"answer {self.faults.seed} {_digest(body)}")
        error = rng.choice(self.faults.kinds) if rng.random() < self.faults.errors else None
        text, done = write(body["messages"][-1]["content"], _shape(body), rng, error=error)
        refusal, finish = None, "stop"
        if self._hit(body, "refused", self.faults.refused):
            text, refusal = "", "I'm sorry, I cannot assist with that request."
        elif self._hit(body, "malformed", self.faults.malformed):
            text = text[:-1] + rng.choice((",", "'", "} }"))
        elif self._hit(body, "truncated", self.faults.truncated):
            text, finish = text[: len(text) // 2], "length"
        limit = int(body.get("max_completion_tokens") or body.get("max_tokens") or 4096) * 4
        if len(text) > limit:
            text, finish = text[:limit], "length"
        usage = {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": len(text) // 4 + 1}
        return {
            "id": f"chatcmpl-{_digest(body)[:20]}", "object": "chat.completion", "created": int(time.time()),
            "model": body["model"], "system_fingerprint": f"fake-{done}",
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                         "message": {"role": "assistant", "content": text or None, "refusal": refusal}}],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }  # fmt: skip

    def pieces(self, answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The answer as a stream gives it: the text in parts, the reason it ended, the usage."""
        common = {key: answer[key] for key in ("id", "created", "model", "system_fingerprint")}
        common["object"] = "chat.completion.chunk"
        choice = answer["choices"][0]
        text, refusal = choice["message"]["content"] or "", choice["message"]["refusal"]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": text[start : start + 40]} for start in range(0, len(text), 40)]
        deltas += [{"refusal": refusal}] if refusal else []
        for delta in deltas:
            yield {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}
        yield {
            **common,
            "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}],
            "usage": None,
        }
        yield {**common, "choices": [], "usage": answer["usage"]}


def _digest(body: Mapping[str, Any]) -> str:
    kept = [body.get("messages"), body.get("seed"), body.get("model")]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _shape(body: Mapping[str, Any]) -> str:
    form = (body.get("response_format") or {}).get("json_schema")
    if form:
        return str(form["name"])
    shown = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
    example = json.loads(shown[0]) if shown else {"rounds": []}
    return next((shape for key, shape in SHAPES.items() if key in example), "Dialogue")
