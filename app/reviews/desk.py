"""What the browser asks of the queue, and what it is told: one act in, plain values out.

Does not know Gradio nor how an item is drawn. An answer holds ``error`` (a title and words) where an act failed, and
``stale`` where somebody else decided first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from annotation.review.database import QueueUnavailable
from annotation.review.filters import ORDERS
from annotation.review.items import KINDS, REASONS, STATUSES, Item
from app.feedback import explain
from app.reviews.asked import Asked
from app.reviews.media import ReviewMedia
from app.reviews.service import Looked, Reviews
from app.reviews.view import card_view, item_view
from app.viewer.value import view_value
from lamm_core.errors import AnnotationError, LammError, StaleItem

__all__ = ["Act", "Allowed", "Desk"]

Answer = dict[str, Any]
Act = Callable[[str, Asked], Answer]
_PAGE = 60  # cards at a time
_CHANGING = {"decide", "undo", "settle", "accept_all", "undo_batch", "example"}


class Allowed(Protocol):
    """Carries an act out if whoever asks may; raises NotAllowedError. ``on`` is what the act is about, in words."""

    def __call__(self, act: str, work: Callable[[], Answer], *, on: str) -> Answer: ...


def _anybody(act: str, work: Callable[[], Answer], *, on: str) -> Answer:
    return work()


class Desk:
    """Answers one page's requests; ``more`` are further acts by name. ``acted`` is called after what changes items."""

    def __init__(
        self,
        reviews: Reviews,
        media: ReviewMedia,
        more: Mapping[str, Act] | None = None,
        *,
        allowed: Allowed | None = None,
        acted: Callable[[], None] = lambda: None,
    ) -> None:
        self._allowed = allowed or _anybody
        self._acted = acted
        self._reviews = reviews
        self._media = media
        self._acts: dict[str, Act] = {
            "open": self._open,
            "next": self._next,
            "decide": self._decide,
            "undo": self._undo,
            "look": self._look,
            "cloud": self._cloud,
            "renew": self._renew,
            "release": self._release,
            "keep": self._keep,
            "drop": self._drop,
            "counts": self._counts,
            "search": self._search,
            **(more or {}),
        }

    def answer(self, request: Any, *, username: str | None = None) -> Answer:
        """Carry out what the page asks. ``username`` is who signed in, where people sign in; else they say who."""
        try:
            if not isinstance(request, Mapping) or request.get("act") not in self._acts:
                raise AnnotationError("The page asked for something this program does not do. Load the page anew.")
            asked = Asked(request)
            who = username or asked.text("who", most=80).strip()
            if not who:
                raise AnnotationError("Say who you are first: a name is needed for what you decide.")
            act = str(request["act"])
            answer = self._allowed(act, lambda: self._acts[act](who, asked), on=str(request.get("name") or ""))
            if act in _CHANGING:
                self._acted()
            return answer
        except StaleItem as stale:
            return {"stale": self._stale(stale)}
        except LammError as error:
            later = isinstance(error, QueueUnavailable)  # the same act may succeed in a moment: the page tries again
            return {"error": {"title": "That was not done", "text": str(error), "later": later}}
        except Exception as error:  # a bug: explain() logs it, and the page says so instead of waiting for ever
            told = explain(error)
            return {"error": {"title": told.title, "text": told.text}}

    # The queue.

    def _open(self, who: str, asked: Asked) -> Answer:
        return {
            **self._next(who, asked),
            "who": who,
            "key": self._media.key,
            "reasons": dict(REASONS),
            "statuses": list(STATUSES),
            "kinds": list(KINDS),
            "orders": dict(ORDERS),
        }

    def _next(self, who: str, asked: Asked) -> Answer:
        have = asked.texts("have")
        items = self._reviews.upcoming(
            who, filters=asked.filters, order=asked.order, have=have, resume=asked.flag("resume")
        )
        return {"items": self._shown(who, [self._reviews.looked(item) for item in items])}

    def _decide(self, who: str, asked: Asked) -> Answer:
        item = self._reviews.decide(who, asked.decision)
        done = {"id": item.id, "status": item.status, "version": item.version, "event": item.event}
        answer: Answer = {"done": done, "items": []}
        try:
            answer |= self._next(who, asked)
        except LammError as error:  # the decision is saved, and that must not look as if it were not
            answer["note"] = str(error)
        return answer

    def _undo(self, who: str, asked: Asked) -> Answer:
        item = self._reviews.undo(who, asked.optional("event"))
        return {"items": self._shown(who, [self._reviews.looked(item)])}

    def _look(self, who: str, asked: Asked) -> Answer:
        return {"items": self._shown(who, [self._reviews.look(asked.text("id", most=200))])}

    def _renew(self, who: str, asked: Asked) -> Answer:
        return {"held": self._reviews.renew(who, asked.texts("ids"))}

    def _release(self, who: str, asked: Asked) -> Answer:
        return {"released": self._reviews.release(who, asked.texts("ids"))}

    # Edits that are begun.

    def _keep(self, who: str, asked: Asked) -> Answer:
        boxes = asked.boxes
        turns = [{"role": role, "text": text} for role, text in asked.spoken]
        edit: dict[str, Any] = {
            "version": asked.whole("version"),
            "at": asked.whole("at"),
            "turns": turns,
            "boxes": None,
        }
        if boxes is not None:
            edit["boxes"] = [{"label": box.label, "values": list(box.values)} for box in boxes]
        self._reviews.edits.keep(who, asked.text("id", most=200), edit)
        return {"kept": True}

    def _drop(self, who: str, asked: Asked) -> Answer:
        self._reviews.edits.forget(who, asked.text("id", most=200))
        return {"kept": False}

    # Looking around.

    def _cloud(self, who: str, asked: Asked) -> Answer:
        shown = self._media.cloud(asked.text("id", most=200), asked.whole("number"))
        return {"cloud": view_value(shown)}

    def _counts(self, who: str, asked: Asked) -> Answer:
        by = asked.texts("by", most=8)
        return {"counts": {name: self._reviews.counts(asked.filters, name) for name in by}}

    def _search(self, who: str, asked: Asked) -> Answer:
        after = asked.text("after", most=300) or None
        page = self._reviews.search(asked.filters, order=asked.order, limit=_PAGE, after=after)
        self._media.know(page.items)
        return {"cards": [card_view(item) for item in page.items], "after": page.after}

    def _shown(self, who: str, looked: Iterable[Looked]) -> list[Answer]:
        found = list(looked)
        items = [one.item for one in found]
        self._media.know(items)
        self._media.prepare(items)
        return [item_view(one, edit=self._reviews.edits.find(who, one.item.id)) for one in found]

    def _stale(self, stale: StaleItem) -> Answer:
        views = {}
        for name, item in (("seen", stale.seen), ("current", stale.current)):
            if isinstance(item, Item):
                views[name] = item_view(Looked(item, self._reviews.store.history(item.id)))
        return {"text": str(stale), **views}
