"""Who is behind a request: the name of Gradio's log-in or of Hugging Face's, and the gate before uploads.

Does not know what anybody may do. Names come from cookies that the server gave out, never from what a page says.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from gradio.context import LocalContext
from gradio.utils import get_space
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import Asker, Quota
from app.audit import Audit
from lamm_core.deploy.people import People
from lamm_core.errors import ConfigError
from lamm_core.run_files import bytes_in

__all__ = ["UploadGate", "asker_of", "current_asker", "needs_a_space", "sign_in"]

_TRIES, _TRIES_SECONDS = 10, 600.0  # for each name: guessing a password takes longer than anybody lives


def current_asker() -> Asker | None:
    """Who asks, in a handler of the page; None in the program's own threads."""
    request = LocalContext.request.get(None)
    return None if request is None else asker_of(getattr(request, "request", request))


def asker_of(request: Any) -> Asker:
    """Who is behind an HTTP request. ``request`` is Starlette's."""
    scope: Scope = request.scope
    address = request.client.host if request.client else ""
    signed = scope.get("session", {}).get("oauth_info")
    if isinstance(signed, dict) and signed.get("expires_at", time.time() + 1) > time.time():
        name = signed.get("userinfo", {}).get("preferred_username")
        if isinstance(name, str) and name:
            return Asker(name, address)
    app = scope.get("app")
    cookie, tokens = getattr(app, "cookie_id", ""), getattr(app, "tokens", {})
    for start in ("access-token", "access-token-unsecure"):
        token = request.cookies.get(f"{start}-{cookie}")
        if token in tokens:
            return Asker(str(tokens[token]), address)
    return Asker("", address)


def needs_a_space() -> None:
    """Raises ConfigError where Gradio's sign-in with Hugging Face is none: outside a Space it lets everybody in as
    whoever's token lies on the machine, under a cookie that anybody can make.
    """
    if get_space() is None:
        raise ConfigError(
            "LAMM_LOGIN=huggingface works in a Space of the Hugging Face Hub alone. Elsewhere leave it empty and let "
            "people in by name and password: lamm people add NAME --file FILE, with LAMM_PEOPLE=FILE."
        )


def sign_in(people: People, audit: Audit) -> Callable[[str, str], Awaitable[bool]]:
    """What Gradio's log-in asks: whether a name and a password belong together."""
    tries = Quota(_TRIES, _TRIES_SECONDS)

    def checked(name: str, password: str) -> bool:
        fine = tries.take(name) == 0 and people.check(name, password)
        audit.write(name[:80], "sign in", on="", outcome="done" if fine else "refused")
        return fine

    async def check(name: str, password: str) -> bool:
        return await anyio.to_thread.run_sync(checked, name, password)

    return check


class UploadGate:
    """Refuses uploads past a person's share of a day, and any once the folder for uploads is full.

    Gradio writes what is uploaded before any handler of ours sees it, so this stands before Gradio.
    """

    def __init__(self, app: ASGIApp, *, quota: Quota, folder: Path, most_bytes: int) -> None:
        self._app = app
        self._quota = quota
        self._folder = folder
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let everything but uploads through as it comes."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith("/gradio_api/upload"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            await _refused(411, "Say how long the upload is (Content-Length).")(scope, receive, send)
            return
        size = int(length)
        if await anyio.to_thread.run_sync(bytes_in, self._folder) + size > self._most_bytes:
            words = "The space for uploads is full. What is in it goes by itself after a while; try again later."
            await _refused(507, words)(scope, receive, send)
            return
        asker = asker_of(request)
        if self._quota.take(asker.name or asker.address, size) > 0:
            most = (self._quota.most or 0) / 1e6
            await _refused(429, f"{most:,.0f} MB a day are each person's share of uploads here.")(scope, receive, send)
            return
        await self._app(scope, _at_most(receive, size), send)


def _refused(status: int, words: str) -> PlainTextResponse:
    return PlainTextResponse(words, status_code=status)


def _at_most(receive: Receive, size: int) -> Callable[[], Any]:
    """The body, cut where it turns out longer than was said."""
    seen = 0

    async def received() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > size:
            return {"type": "http.disconnect"}
        return message

    return received
