"""The tab of the review queue: layout, and the one door through which the browser's side asks the service.

Does not know the queue: app/reviews/desk.py answers, assets/js/review*.js asks and draws.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.services import Services
from app.widgets_review import review_desk

__all__ = ["build"]


def build(services: Services) -> None:
    """Lay the tab out and connect it."""

    def review(asked: Any, request: gr.Request) -> dict[str, Any]:
        return services.desk.answer(asked, username=getattr(request, "username", None))

    review_desk(review)
