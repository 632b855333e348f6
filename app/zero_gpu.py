"""The engine of a Space on ZeroGPU, where a card is lent for one answer at a time.

Does not know how it is lent: the Hub's package `spaces` runs what it decorates in a forked process that has the card.
A fork has none of the page's threads, so each such process computes with an engine of its own, over the model that lay
in memory when it was forked. Outside ZeroGPU the package does nothing, and all of this happens in the page's process.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from time import perf_counter
from weakref import WeakValueDictionary

import gradio as gr
import spaces
import torch

from lamm_core.conversation import Turn
from lamm_core.errors import EngineStoppedError, LammError
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.protocol import Load, Piece
from lamm_core.inference.sampling import Generation
from lamm_core.model.lamm import LammModel

__all__ = ["ZeroGpuEngine"]

START_SECONDS, TOKENS_A_SECOND, MOST_SECONDS = 20, 8, 120  # how long to ask for a card: the shorter, the sooner

_numbers = itertools.count()
_waiting: WeakValueDictionary[int, LammModel] = WeakValueDictionary()  # by number, in the processor's memory
_engines: dict[int, LocalEngine] = {}  # in a process that has a card: by the same number, on the card


def _seconds(number: int, turns: Sequence[Turn], settings: Generation, adapter: str | None) -> int:
    return min(MOST_SECONDS, START_SECONDS + settings.max_new_tokens // TOKENS_A_SECOND)


# The package looks for something decorated when the page starts, so this stands here and not in the engine.
@spaces.GPU(duration=_seconds)
def _computed(
    number: int, turns: Sequence[Turn], settings: Generation, adapter: str | None
) -> Generator[Piece | LammError, None, None]:
    """The pieces of an answer, and at most one error of ours as the last; others reach the caller without a message."""
    try:
        if number not in _engines:
            if number not in _waiting:
                raise EngineStoppedError("The card still holds the model of before. Try again in a minute.")
            torch.set_num_threads(1)  # the other threads of the processor's libraries did not come along
            _engines[number] = LocalEngine(_waiting[number].to("cuda" if torch.cuda.is_available() else "cpu"))
        yield from _engines[number].stream(turns, settings, adapter=adapter)
    except LammError as error:
        yield error


class ZeroGpuEngine:
    """Answers with a model that lies in the processor's memory until a card is lent, computing where it is called."""

    def __init__(self, model: LammModel) -> None:
        self._model = model  # kept here alone
        self._closed = False
        self._running = 0
        self._lock = threading.Lock()
        self._number = next(_numbers)  # no model after it has this one, as it may have its address
        _waiting[self._number] = model

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Generator[Piece, None, None]:
        """As the protocol says, but who waits is served by the Hub; a stop is noticed with the next piece.

        The first piece raises EngineStoppedError too, where the Hub lends no card; it says why.
        """
        asked, started = perf_counter(), 0.0
        with self._lock:
            self._running += 1
        pieces = _computed(self._number, tuple(turns), settings or Generation(), adapter)
        try:
            for piece in pieces:
                if isinstance(piece, LammError):
                    raise piece
                if self._closed or (stop is not None and stop.is_set()):
                    yield replace(piece, text="", done=True, ended="cancelled")
                    return
                started = started or perf_counter() - asked  # with the time until there was a card
                yield replace(piece, first_token_seconds=started)
        except gr.Error as error:
            raise EngineStoppedError(f"ZeroGPU: {error.message}") from error
        finally:
            pieces.close()
            with self._lock:
                self._running -= 1

    def load(self) -> Load:
        """How many answers are computed or wait for a card; the line is the Hub's."""
        with self._lock:
            return Load(self._running, 0, most_running=64, most_waiting=0)

    def close(self) -> None:
        """Give up the model. Answers that are still computed end as cancelled."""
        self._closed = True
        _waiting.pop(self._number, None)
