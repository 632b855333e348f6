"""The addresses the viewer fetches from: its script, and the clouds of whoever asks.

Does not know Gradio; ``launch(app_kwargs={"routes": ...})`` takes the routes in. A cloud needs its session's key in a
header: an address that got into a log or a history opens nothing.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.viewer.shelf import CloudShelf

__all__ = ["KEY_HEADER", "script_address", "viewer_routes"]

KEY_HEADER = "X-Lamm-Key"
_SCRIPT = Path(__file__).parent / "pcviewer.mjs"


def viewer_routes(shelf: CloudShelf) -> list[Route]:
    """The routes over one shelf of clouds."""

    def bytes_of(part: Callable[[str, str], bytes | None]) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            content = part(request.path_params["name"], request.headers.get(KEY_HEADER, ""))
            if content is None:
                return Response(status_code=404)
            return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

        return respond

    return [
        Route("/lamm/clouds/{name}", bytes_of(shelf.points)),
        Route("/lamm/clouds/{name}/normals", bytes_of(shelf.normals)),
        Route("/lamm/viewer/{version}/pcviewer.mjs", _script),
    ]


def script_address() -> str:
    """Where the script is, without the page's root; another script has another address."""
    return f"/lamm/viewer/{_packed_script()[0]}/pcviewer.mjs"


def _script(request: Request) -> Response:
    version, packed = _packed_script()
    if request.path_params["version"] != version:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "gzip"}
    return Response(packed, media_type="text/javascript", headers=headers)


@lru_cache(maxsize=1)
def _packed_script() -> tuple[str, bytes]:
    content = _SCRIPT.read_bytes()
    return hashlib.sha256(content).hexdigest()[:16], gzip.compress(content, 6)
