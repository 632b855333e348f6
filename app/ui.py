"""The page as a whole: header, tabs, endpoints, and how it is served.

Does not know what is in a tab.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from app.access import Quota
from app.endpoints import build_endpoints
from app.endpoints3d import build_scene_endpoint
from app.header import build_header
from app.login import UploadGate, needs_a_space, sign_in
from app.reviews.routes import review_routes
from app.services import Services
from app.sessions import PICTURE_BYTES, SCAN_BYTES
from app.settings import REPOSITORY
from app.tabs import TABS
from app.theme import build_theme, css_variables
from app.viewer.routes import viewer_routes
from app.visitors import Visitors
from lamm_core.deploy.people import People

__all__ = ["build_ui", "launch", "launch_options"]

_ASSETS = REPOSITORY / "assets"
_SCRIPTS = (
    "studio.js", "stage.js", "compare.js", "scene.js", "talk.js", "bench.js", "bench_sample.js",
    "review.js", "review_desk.js", "review_stage.js", "review_boxes.js", "review_text.js", "review_sides.js",
    "review_browse.js", "review_overview.js", "review_data.js",
)  # fmt: skip
_STYLES = ("frame.css", "chat.css", "scene.css", "bench.css", "review.css", "train.css")


def build_ui(services: Services) -> gr.Blocks:
    """The page; ``queue`` and ``launch`` are the caller's. Raises ConfigError for a sign-in that is none here."""
    if services.settings.login:
        needs_a_space()
    with gr.Blocks(
        title="LAMM Studio", analytics_enabled=False, fill_width=True, delete_cache=(86_400, 86_400)
    ) as page:
        build_header(services)
        with gr.Tabs(elem_id="tabs"):
            for title, build in TABS:
                with gr.Tab(title, id=title):
                    build(services)
        build_endpoints(services)
        build_scene_endpoint(services)
    return page


def launch_options(services: Services) -> dict[str, Any]:
    """How the page is served: our look, our scripts, nothing from elsewhere, no file outside two folders."""
    settings = services.settings
    limits = f"window.lammLimits = {{picture: {PICTURE_BYTES}, scan: {SCAN_BYTES}}};\n"
    script = limits + "\n".join(_read(_ASSETS / "js" / name) for name in _SCRIPTS)
    return {
        "server_name": settings.host,
        "server_port": settings.port,
        "theme": build_theme(),
        "css": css_variables() + "\n".join(_read(_ASSETS / "css" / name) for name in _STYLES),
        "head": f'<meta name="viewport" content="width=device-width, initial-scale=1"><script>{script}</script>',
        "favicon_path": str(_ASSETS / "icons" / "lamm.svg"),
        "footer_links": [],
        "share": False,
        "ssr_mode": False,
        # Gradio would ask its own page for an answer within three seconds and give up on a machine that is busy.
        "_frontend": False,
        "max_file_size": SCAN_BYTES,  # pictures may have less, which is looked at where they are taken in
        "app_kwargs": {
            "routes": [*viewer_routes(services.clouds), *review_routes(services.review_media)],
            "middleware": [
                Middleware(Visitors, idle_seconds=settings.session_seconds, file_seconds=settings.upload_minutes * 60),
                Middleware(
                    UploadGate,
                    quota=Quota(None if settings.upload_mb is None else settings.upload_mb * 10**6, 86_400),
                    folder=settings.uploads,
                    most_bytes=settings.upload_space_mb * 10**6,
                ),
            ],
        },
        "auth": sign_in(People(settings.people), services.access.audit)
        if settings.people and settings.signs_in_here
        else None,
        "auth_message": "LAMM Studio. Ask an admin for a name and a password.",
        # Session folders carry names nobody can guess; Gradio copies from them what a conversation shows.
        "allowed_paths": [str(settings.sessions), str(settings.demo)],
    }


def launch(services: Services) -> None:
    """Serve the page until it is interrupted."""
    page = build_ui(services).queue(default_concurrency_limit=4, max_size=64)
    end = services.scenes.sessions.keep_sweeping()
    try:
        page.launch(**launch_options(services))
    finally:
        end()


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
