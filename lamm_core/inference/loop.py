"""The loop over tokens: choose, stop or go on; for one sequence and for many at once.

Does not know how a model computes logits; `Rows` hides that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from lamm_core.inference.sampling import Generation, Sampler

__all__ = ["Rows", "StopSignal", "decode_many", "decode_one"]


class StopSignal(Protocol):
    """What ends a computation early; ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Rows(Protocol):
    """Sequences in progress, one a row, with the keys and values computed so far."""

    def start(self, prompts: Sequence[Tensor], stop: StopSignal) -> Tensor | None:
        """Read prompts ``(L_i, H)``; the logits ``(B, V)`` of what comes next, None where stopped on the way."""
        ...

    def advance(self, tokens: Sequence[int]) -> Tensor:
        """Append one token to each row; the logits ``(B, V)`` of what comes next."""
        ...

    def keep(self, rows: Sequence[int]) -> bool:
        """Drop all rows but these. False: cannot, all rows are still there."""
        ...


def decode_one(
    rows: Rows, prompt: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
) -> Iterator[int]:
    """Tokens after a prompt ``(L, H)``, without the one that ends the answer."""
    sampler = Sampler(settings, prompt.device)
    logits = rows.start([prompt], stop)
    if logits is None:
        return
    for produced in range(1, settings.max_new_tokens + 1):
        (token,) = sampler(logits)
        if token in stop_ids:
            return
        yield token
        if produced == settings.max_new_tokens or stop.is_set():
            return
        logits = rows.advance([token])


def decode_many(
    rows: Rows, prompts: Sequence[Tensor], settings: Generation, stop_ids: Collection[int], stop: StopSignal
) -> list[list[int]]:
    """Tokens after each prompt ``(L_i, H)``. Ends when every row has; rows that ended are dropped by halves."""
    answers: list[list[int]] = [[] for _ in prompts]
    sampler = Sampler(settings, prompts[0].device)
    logits = rows.start(prompts, stop)
    if logits is None:
        return answers
    present = list(range(len(prompts)))  # which answer each row belongs to
    open_answers = set(present)
    for produced in range(1, settings.max_new_tokens + 1):
        tokens = sampler(logits)
        for answer, token in zip(present, tokens, strict=True):
            if answer not in open_answers:
                continue
            if token in stop_ids:
                open_answers.discard(answer)
            else:
                answers[answer].append(token)
        if not open_answers or produced == settings.max_new_tokens or stop.is_set():
            break
        if 2 * len(open_answers) <= len(present):
            left = [row for row, answer in enumerate(present) if answer in open_answers]
            if rows.keep(left):
                present, tokens = [present[row] for row in left], [tokens[row] for row in left]
        logits = rows.advance(tokens)
    return answers
