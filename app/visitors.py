"""Forgets visitors: what Gradio keeps of a session goes once nobody has it open and nothing has been asked for a while.

Does not know what a session holds. Gradio 6.31 keeps some 350 kB of every session until ten thousand others came, also
of one that asked a single question through an endpoint; the callbacks of its values are called here as it goes. Its own
deletion of old uploads ends for good when an upload arrives while it looks, so old files are deleted here too.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Visitors"]

_BEAT = "/gradio_api/heartbeat/"
_LOOK_SECONDS = 15.0
_log = logging.getLogger(__name__)


class Visitors:
    """Stands before Gradio and counts who has a page open; every now and then it forgets those who left.

    ``idle_seconds`` is how long a session may rest that no browser has open: long enough for a network to come back.
    Files that Gradio took in or copied go after ``file_seconds``.
    """

    def __init__(
        self, app: ASGIApp, *, idle_seconds: float, file_seconds: float, look_seconds: float = _LOOK_SECONDS
    ) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._file_seconds = file_seconds
        self._look_seconds = look_seconds
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on. A heartbeat lasts as long as the page is open."""
        if scope["type"] == "lifespan":
            looking = asyncio.create_task(self._look(scope["app"]))
            try:
                await self._app(scope, receive, send)
            finally:
                looking.cancel()
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        session = scope["path"].partition(_BEAT)[2]
        if not session:
            await self._app(scope, receive, send)
            return
        self._open[session] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]

    async def _look(self, app: Any) -> None:
        """Every now and then, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                if await anyio.to_thread.run_sync(self.forget, app.state_holder):
                    await anyio.to_thread.run_sync(_give_back)
                await anyio.to_thread.run_sync(self.delete_files, app.get_blocks())
            except Exception:  # a callback that fails must not end the looking: the next look may succeed
                _log.exception("what visitors left could not be removed")

    def forget(self, holder: Any, *, now: datetime | None = None) -> int:
        """Drop the sessions that rest and are not open; how many. ``holder`` is Gradio's StateHolder."""
        now = now or datetime.now()
        rested = [
            session
            for session, used in list(holder.time_last_used.items())
            if session not in self._open and (now - used).total_seconds() > self._idle_seconds
        ]
        for session in rested:
            holder.delete_state(session)
            with holder.lock:
                holder.session_data.pop(session, None)
                holder.time_last_used.pop(session, None)
        return len(rested)

    def delete_files(self, blocks: Any, *, now: float | None = None) -> int:
        """Delete the files that are old and no component's own; how many. ``blocks`` is Gradio's page."""
        oldest = (time.time() if now is None else now) - self._file_seconds
        own = {file for part in blocks.blocks.values() for file in getattr(part, "keep_in_cache", ())}
        deleted = 0
        for known in blocks.temp_file_sets:
            for name in list(known):
                file = Path(name)
                try:
                    if name in own or file.lstat().st_ctime > oldest:
                        continue
                    file.unlink()
                    file.parent.rmdir()  # each upload has a folder, named by what is in it
                    deleted += 1
                except OSError:  # gone, or its folder holds another one
                    deleted += not file.exists()
                known.discard(name)
        return deleted


def _give_back() -> None:
    """Give the memory of what was forgotten back to the system: glibc keeps it."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:  # another C library gives back by itself
        return
