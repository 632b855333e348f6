"""A server in a thread over an engine that speaks from a script and can be held back.

Does not know what is tested.
"""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
import uvicorn

from lamm_core.conversation import Turn
from lamm_core.errors import EngineBusyError
from lamm_core.inference.protocol import Load, Piece
from lamm_core.inference.sampling import Generation
from lamm_core.serving.api import build_api, names_of
from lamm_core.serving.gate import Rules
from lamm_core.serving.remote import Remote


class HeldEngine:
    """Says ``words`` one by one, those from number ``held`` on once ``go`` is set; remembers what it was asked."""

    def __init__(self) -> None:
        self.words = ["There", " is", " a", " dog", "."]
        self.go = threading.Event()
        self.held = len(self.words)
        self.busy = self.closed = False
        self.stopped = ""
        self.broken: Exception | None = None
        self.asked: list[tuple[Sequence[Turn], Generation, str | None, str]] = []
        self.shown: list[bytes] = []
        self.ended: list[str] = []
        self.most_waiting = 4

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Iterator[Piece]:
        if self.busy:
            raise EngineBusyError(7, retry_seconds=2.3)
        self.asked.append((tuple(turns), settings or Generation(), adapter, client))
        self.shown += [medium.path.read_bytes() for turn in turns for medium in turn.media]
        return self._pieces(settings or Generation(), stop or threading.Event())

    def _pieces(self, settings: Generation, stop: threading.Event) -> Iterator[Piece]:
        said = 0
        for word in self.words[: settings.max_new_tokens]:
            while said >= self.held and not self.go.wait(0.01) and not stop.is_set():
                pass
            if stop.is_set():
                self.ended.append("cancelled")
                yield Piece("", True, said, 10, ended="cancelled")
                return
            if self.broken is not None:
                raise self.broken
            said += 1
            yield Piece(word, False, said, 10, 0.1)
        ended = "length" if said < len(self.words) else "stop"
        self.ended.append(ended)
        yield Piece("", True, said, 10, 0.1, ended="length" if ended == "length" else "stop")

    def load(self) -> Load:
        return Load(0, 0, 1, self.most_waiting, self.stopped)

    def close(self) -> None:
        self.closed = True


@contextlib.contextmanager
def served(engine: Any, *, rules: Rules | None = None, remote: Remote | None = None) -> Iterator[str]:
    """The address of a server over an engine, as ``http://127.0.0.1:PORT``."""
    api = build_api(
        engine,
        names=names_of("tiny", ("image", "pointcloud")),
        modalities=frozenset({"image", "pointcloud"}),
        fetch=(remote or Remote()).fetch,
        rules=rules,
    )
    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def until(happened: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until something has happened."""
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, HeldEngine]]:
    engine = HeldEngine()
    with served(engine) as address:
        yield address, engine


@pytest.fixture
def engine(server: tuple[str, HeldEngine]) -> HeldEngine:
    """The server's engine, as if new."""
    closed = server[1].closed
    server[1].__init__()  # type: ignore[misc]
    assert not closed
    return server[1]


@pytest.fixture
def address(server: tuple[str, HeldEngine]) -> str:
    return server[0]


@pytest.fixture
def client(address: str, engine: HeldEngine) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=30)


def data_url(content: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


@pytest.fixture
def picture_url(picture: Path) -> str:
    return data_url(picture.read_bytes())
