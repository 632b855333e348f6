"""What every request passes before anything reads it: host, key, type, size and time of the body, room in the queue.

Does not know chats. It also writes the line of the log, in which there is neither a header nor a body.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lamm_core.errors import EngineBusyError
from lamm_core.inference.protocol import Engine
from lamm_core.serving.keys import Keys
from lamm_core.serving.metrics import Metrics
from lamm_core.serving.refusals import Refusal, for_error

__all__ = ["Gate", "Rules"]

READ = ("POST", "/v1/chat/completions")  # the one request with a body
OPEN = ("/health",)  # what a load balancer may ask without a key
BODY_SECONDS = 60.0
RETRY_SECONDS = 5.0
PORT = re.compile(r":\d+$")
_log = logging.getLogger("lamm.serve")


@dataclass(frozen=True)
class Rules:
    """Who may come in, and with how much. ``hosts`` empty: under any name."""

    keys: Keys = field(default_factory=Keys)
    hosts: Collection[str] = ()
    body_bytes: int = 64_000_000


class Gate:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp, *, rules: Rules, engine: Engine, metrics: Metrics) -> None:
        self._app, self._rules, self._engine, self._metrics = app, rules, engine, metrics
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what is wrong."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            try:
                self._look(scope)
                if (scope["method"], scope["path"]) == READ:
                    await self._with_body(scope, receive, sending)
                else:
                    await self._app(scope, receive, sending)
            except Refusal as refusal:
                await answer(refusal)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.request(scope["path"], status=status, seconds=seconds)
            _log.info("%s %s %d %.2f s", scope["method"], ascii(scope["path"])[1:-1][:200], status, seconds)

    def _look(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = PORT.sub("", headers.get("host", ""))
        if self._rules.hosts and host not in self._rules.hosts:
            raise Refusal(421, "This server is not known by that name. Use the address it was started with.", "host")
        if not self._rules.keys or scope["path"] in OPEN:
            return
        kind, _, key = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self._rules.keys.admit(key.strip()):
            message = "The key is missing or wrong. Send the header  Authorization: Bearer KEY."
            raise Refusal(401, message, "invalid_api_key", headers={"WWW-Authenticate": "Bearer"})

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        # A page of another site can post plain text without asking first, JSON it cannot.
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "Send the header  Content-Type: application/json.", "unsupported_media_type")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "Send the body as it is, without Content-Encoding.", "unsupported_media_type")
        load = self._engine.load()
        if self._inside >= load.most_running + load.most_waiting:
            raise for_error(EngineBusyError(load.waiting, retry_seconds=RETRY_SECONDS))
        self._inside += 1
        try:
            body = await self._body(headers, receive)
            given = False

            async def again() -> Message:
                nonlocal given
                if given:
                    return await receive()
                given = True
                return {"type": "http.request", "body": body, "more_body": False}

            await self._app(scope, again, send)
        finally:
            self._inside -= 1

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        most = self._rules.body_bytes
        too_large = Refusal(
            413, f"The request is larger than {most / 1e6:,.0f} MB. Send smaller or fewer media.", "request_too_large"
        )
        if (length := headers.get("content-length", "")).isdecimal() and int(length) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "The connection ended before the request did.", "incomplete_request")
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            message_text = f"The request took longer than {BODY_SECONDS:.0f} s to arrive."
            raise Refusal(408, message_text, "request_timeout") from None


def answer(refusal: Refusal) -> JSONResponse:
    """The refusal as a response."""
    return JSONResponse(refusal.body, refusal.status, headers=dict(refusal.headers))
