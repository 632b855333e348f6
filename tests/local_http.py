"""What servers that stand for others share: answers in JSON, silence, and running while a block lasts.

Does not know what is answered.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TypeVar

__all__ = ["NONE", "Answering", "running"]

Server = TypeVar("Server", bound=ThreadingHTTPServer)
NONE: Mapping[str, str] = MappingProxyType({})


class Answering(BaseHTTPRequestHandler):
    """Requests that are answered with a whole body; a HEAD gets only its headers."""

    def answer(self, value: object, *, status: int = 200, headers: Mapping[str, str] = NONE) -> None:
        """Something as JSON."""
        self.send(json.dumps(value).encode(), "application/json", status=status, headers=headers)

    def send(self, body: bytes, kind: str, *, status: int = 200, headers: Mapping[str, str] = NONE) -> None:
        """Bytes of a content type."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keeps quiet."""


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, answering until the block ends."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
