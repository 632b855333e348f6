"""Answers in progress: from logits to tokens to the pieces their readers get, and those that are computed together.

Does not know where a prompt comes from or who is next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from lamm_core.inference.detokenize import TextStream
from lamm_core.inference.loop import Group
from lamm_core.inference.protocol import Ended, Piece
from lamm_core.inference.request import Request
from lamm_core.inference.sampling import Generation, Sampler

__all__ = ["Prompt", "Table", "Writing"]


@dataclass(frozen=True)
class Prompt:
    """A conversation ready to be continued."""

    embeds: Tensor  # (L, H)
    adapters: frozenset[str]
    settings: Generation


class Writing:
    """One answer in progress: it takes logits and gives pieces to whoever reads it."""

    def __init__(self, request: Request, prompt: Prompt, text: TextStream, stop_ids: Collection[int]) -> None:
        self.request = request
        self.token = 0  # the newest
        self.began = time.perf_counter()
        self._prompt = prompt
        self._text = text
        self._stop_ids = stop_ids
        self._sampler = Sampler(prompt.settings, prompt.embeds.device)
        self._tokens = 0
        self._first = self._now = 0.0

    def take(self, logits: Tensor) -> Ended | None:
        """Choose the next token from logits (1, V); how the answer ended, if it did."""
        (token,) = self._sampler(logits)
        return self.add(token)

    def add(self, token: int) -> Ended | None:
        """Take the next token; how the answer ended, if it did."""
        self.token = token
        if self.token in self._stop_ids:
            return "stop"
        self._now = time.perf_counter()
        self._first = self._first or self._now
        self._tokens += 1
        if new := self._text.add(self.token):
            self.request.channel.put(self._piece(new))
        if self._text.ended:
            return "stop"
        return "length" if self._tokens >= self._prompt.settings.max_new_tokens else None

    def finish(self, ended: Ended) -> None:
        """Give the last piece."""
        self.request.channel.put(replace(self._piece(self._text.finish()), done=True, ended=ended))

    def _piece(self, new: str) -> Piece:
        speed = (self._tokens - 1) / (self._now - self._first) if self._tokens > 1 else None
        waited = self._first - self.request.asked if self._tokens else None
        return Piece(new, False, self._tokens, len(self._prompt.embeds), waited, speed)


class Table:
    """Answers that share their adapters and are computed together. ``ended`` is told of each that ends."""

    def __init__(self, adapters: frozenset[str], group: Group, ended: Callable[[Writing], None]) -> None:
        self.adapters = adapters
        self.group = group
        self.writing: list[Writing] = []  # in the order of the group's rows
        self._ended = ended

    def join(self, writing: Writing, prompt: Tensor) -> None:
        """Read a prompt (L, H) and choose the first token of its answer."""
        logits = self.group.join(prompt, writing.request)
        if logits is None:
            writing.finish("cancelled")
            return
        self.writing.append(writing)
        self._take([logits], first=len(self.writing) - 1)

    def advance(self) -> None:
        """One more token of each answer; those that nobody wants any more leave before it is computed."""
        for row in reversed(range(len(self.writing))):
            if self.writing[row].request.is_set():
                self._leave(row, "cancelled")
        if self.writing:
            logits = self.group.advance([writing.token for writing in self.writing])
            self._take(logits.split(1), first=0)

    def fail(self, error: BaseException) -> None:
        """Everybody here gets the error."""
        while self.writing:
            self.writing.pop().request.channel.put(error)

    def _take(self, logits: Sequence[Tensor], *, first: int) -> None:
        ended = [writing.take(one) for writing, one in zip(self.writing[first:], logits, strict=True)]
        for row in reversed(range(len(ended))):
            if (how := ended[row]) is not None:
                self._leave(first + row, how)

    def _leave(self, row: int, how: Ended) -> None:
        self.group.leave(row)
        writing = self.writing.pop(row)
        writing.finish(how)
        self._ended(writing)
