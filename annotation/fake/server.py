"""The fake server: chat completions, streaming, files and batches over real HTTP, with faults when asked for.

Does not know clients. Standard library only. It bills every completion and answers a repeated Idempotency-Key from
memory without billing it again; ``GET /fake/bill`` tells what was billed. ``idempotent=False`` makes it as forgetful
as servers that do not know the header.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from annotation.fake.batches import Batches
from annotation.fake.completions import Completions, Faults, Mishap

__all__ = ["FakeServer", "Faults", "serving"]

WRONG_KEY = "wrong"  # any other key will do


class FakeServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 at a free port, or the one given."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, faults: Faults | None = None, *, port: int = 0, idempotent: bool = True) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.completions = Completions(faults or Faults(), idempotent=idempotent)
        self.batches = Batches(self.completions)

    @property
    def url(self) -> str:
        """What a client takes as its base address."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def billed(self) -> Counter[str]:
        """How often each request was billed, by its idempotency key or batch number."""
        return self.completions.billed

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving(faults: Faults | None = None, *, port: int = 0, idempotent: bool = True) -> Iterator[FakeServer]:
    """A server in a thread of its own for as long as the block runs."""
    server = FakeServer(faults, port=port, idempotent=idempotent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Routes of the protocol."""

    protocol_version = "HTTP/1.1"
    server: FakeServer

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Models, files, batches, the bill."""
        self._answer("GET", b"")

    def do_POST(self) -> None:
        """Completions, files, batches."""
        self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, method: str, content: bytes) -> None:
        path, _, query = self.path.partition("?")
        batches = self.server.batches
        try:
            if path == "/fake/bill":
                return self._json(200, {"billed": self.server.billed, "requests": self.server.completions.requests})
            key = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
            if key in ("", WRONG_KEY):
                raise Mishap(401, "Incorrect API key provided.", code="invalid_api_key")
            parts = [part for part in path.removeprefix("/v1").split("/") if part]
            routes: dict[tuple[str, str, int], Callable[[], Any]] = {
                ("GET", "models", 1): lambda: {"object": "list", "data": [{"id": "fake", "object": "model"}]},
                ("POST", "files", 1): lambda: batches.upload(self.headers["Content-Type"], content),
                ("GET", "files", 2): lambda: batches.file(parts[1]),
                ("POST", "batches", 1): lambda: batches.create(json.loads(content)),
                ("GET", "batches", 1): lambda: batches.listed(query),
                ("GET", "batches", 2): lambda: batches.retrieve(parts[1]),
            }
            if method == "POST" and parts == ["chat", "completions"]:
                return self._complete(json.loads(content))
            if method == "GET" and len(parts) == 3 and parts[::2] == ["files", "content"]:
                return self._send(200, "application/octet-stream", batches.content(parts[1]))
            route = routes.get((method, parts[0] if parts else "", len(parts)))
            if route is None:
                raise Mishap(404, f"There is no {method} {path}.", code="not_found")
            self._json(200, route())
        except Mishap as mishap:
            self._json(mishap.status, mishap.body, retry_after=mishap.retry_after)
        except (ValueError, KeyError, TypeError) as error:
            self._json(400, Mishap(400, f"The request cannot be read: {error!r}.", code="invalid").body)

    def _complete(self, body: dict[str, Any]) -> None:
        completions = self.server.completions
        answer = completions.answer(body, key=self.headers.get("Idempotency-Key"))
        if completions.drops(body):
            self.close_connection = True  # the answer is made and billed, and the line goes dead
            self.connection.close()
            return
        if body.get("stream"):
            self._stream(answer, cut=completions.cuts(body))
        else:
            self._json(200, answer)

    def _stream(self, answer: dict[str, Any], *, cut: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for piece in self.server.completions.pieces(answer):
            if cut and piece["choices"] and piece["choices"][0]["finish_reason"]:
                return
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def _json(self, status: int, value: Any, *, retry_after: float | None = None) -> None:
        self._send(status, "application/json", json.dumps(value).encode(), retry_after=retry_after)

    def _send(self, status: int, kind: str, content: bytes, *, retry_after: float | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(content)
