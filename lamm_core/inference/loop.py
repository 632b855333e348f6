"""The loop over tokens of one answer: choose, stop or go on.

Does not know how a model computes logits; `Group` hides that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from lamm_core.inference.sampling import Generation, Sampler

__all__ = ["Group", "StopSignal", "decode_one"]


class StopSignal(Protocol):
    """What ends a computation early; ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Group(Protocol):
    """Sequences in progress under the same adapters, one a row, advanced together; rows come and go at any time."""

    @property
    def full(self) -> bool:
        """Whether no further row can join."""
        ...

    def join(self, prompt: Tensor, stop: StopSignal) -> Tensor | None:
        """Read a prompt ``(L, H)`` as the new last row; the logits ``(1, V)`` of what comes next.

        None where it was stopped on the way: there is no new row then.
        """
        ...

    def advance(self, tokens: Sequence[int]) -> Tensor:
        """Append one token to each row; the logits ``(B, V)`` of what comes next."""
        ...

    def leave(self, row: int) -> None:
        """Drop one row; those behind it move up."""
        ...


def decode_one(
    group: Group, prompt: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
) -> Iterator[int]:
    """Tokens after a prompt ``(L, H)`` in a group of its own, without the one that ends the answer."""
    sampler = Sampler(settings, prompt.device)
    logits = group.join(prompt, stop)
    if logits is None:
        return
    try:
        for produced in range(1, settings.max_new_tokens + 1):
            (token,) = sampler(logits)
            if token in stop_ids:
                return
            yield token
            if produced == settings.max_new_tokens or stop.is_set():
                return
            logits = group.advance([token])
    finally:
        group.leave(0)
