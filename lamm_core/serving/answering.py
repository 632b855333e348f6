"""One answer of the engine for one request, piece by piece, ended by whoever asked going away.

Does not know HTTP routes or the shapes of replies. The engine's iterator blocks, so each piece is awaited in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from lamm_core.inference.protocol import Answer, Piece
from lamm_core.serving.refusals import Refusal
from lamm_core.serving.replies import Finish
from lamm_core.serving.stops import StopText

__all__ = ["Said", "Telling", "watching"]


@dataclass(frozen=True)
class Said:
    """Text that can be shown; the last one says why the answer ended."""

    text: str
    piece: Piece
    finish: Finish | None = None


class Telling:
    """An answer under way. ``stop`` is the event that the engine was given for it."""

    def __init__(
        self, answer: Answer, stop: threading.Event, *, stops: tuple[str, ...], threads: CapacityLimiter
    ) -> None:
        self._answer, self._stop, self._threads = answer, stop, threads
        self._text = StopText(stops)

    async def next(self) -> Said:
        """What comes next; after one with a ``finish`` there is nothing. Raises what the engine raises, and Refusal."""
        while True:
            piece = await to_thread.run_sync(next, self._answer, limiter=self._threads, abandon_on_cancel=True)
            text = self._text.add(piece.text, last=piece.done)
            if self._text.found:
                self._stop.set()
                return Said(text, piece, "stop")
            if piece.ended == "cancelled":
                raise Refusal(503, "The answer was cancelled since the server is closing. Ask again.", "cancelled")
            if piece.done:
                return Said(text, piece, "length" if piece.ended == "length" else "stop")
            if text:
                return Said(text, piece)


@asynccontextmanager
async def watching(request: Request, stop: threading.Event) -> AsyncIterator[None]:
    """Set ``stop`` when the program that asked closes its connection meanwhile."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        stop.set()

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
