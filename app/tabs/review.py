"""The tab of the review queue: layout, and the one door through which the browser's side asks the service.

Does not know the queue: app/reviews/desk.py answers, assets/js/review*.js asks and draws.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from app.access import MACHINE
from app.reviews.keeping import Keeper
from app.services import Services
from app.widgets_review import review_desk

__all__ = ["build", "keeping_view"]

_LOOK_SECONDS = 4.0


def build(services: Services) -> None:
    """Lay the tab out and connect it."""

    def review(asked: Any) -> dict[str, Any]:
        asker = services.access.asker
        return services.desk.answer(asked, username="" if asker.name == MACHINE else asker.name)

    if services.keeper is not None or not services.settings.disk_lasts:
        banner = gr.HTML(keeping_view(services.keeper), elem_id="review-keeping")
        gr.Timer(_LOOK_SECONDS).tick(
            lambda: keeping_view(services.keeper), outputs=banner, queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
    review_desk(review)


def keeping_view(keeper: Keeper | None) -> str:
    """Whether decisions outlive a restart, in words; red where some would not."""
    if keeper is None:
        words = (
            "The disk of this Space does not last: decisions are lost when it restarts. Deploy it with --keep to keep "
            "them in a data set or a mounted folder."
        )
        return f'<p class="keeping bad" role="alert">{words}</p>'
    standing = keeper.standing()
    where = escape(standing.name)
    if standing.problem:
        words = (
            f"Decisions are not kept now: {escape(standing.problem)} {standing.waiting:,} would be lost by a restart."
        )
        return f'<p class="keeping bad" role="alert">{words}</p>'
    if standing.waiting:
        words = (
            f"The disk here does not last. Kept in {where} up to event {standing.kept:,}; {standing.waiting:,} newer"
        )
        return f'<p class="keeping bad" role="status">{words} are on their way and would be lost by a restart now.</p>'
    return f'<p class="keeping" role="status">The disk here does not last. Everything is kept in {where}.</p>'
