"""Acts upon many items: the grid's bulk acceptance, disagreements and settling them, progress and agreement.

Does not know single decisions nor the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from annotation.review.agreement import agreement, error_rates
from annotation.review.filters import Filter
from annotation.review.items import Item, Status
from app.reviews.asked import Asked
from app.reviews.desk import Act, Answer
from app.reviews.media import ReviewMedia
from app.reviews.service import Looked, Reviews
from app.reviews.view import card_view, item_view
from lamm_core.errors import AnnotationError

__all__ = ["Overview"]

_LISTED = 20
_SETTLED: tuple[Status, ...] = ("accepted", "edited", "rejected")


class Overview:
    """The acts over one queue."""

    def __init__(self, reviews: Reviews, media: ReviewMedia) -> None:
        self._reviews = reviews
        self._media = media

    @property
    def acts(self) -> Mapping[str, Act]:
        """By name."""
        return {
            "preview": self._preview,
            "accept_all": self._accept_all,
            "undo_batch": self._undo_batch,
            "disagreements": self._disagreements,
            "settle": self._settle,
            "progress": self._progress,
        }

    def _preview(self, who: str, asked: Asked) -> Answer:
        found = self._reviews.store.preview(asked.filters, order=asked.order, limit=_LISTED)
        self._media.know(found.items)
        return {"total": found.total, "event": found.event, "cards": [card_view(item) for item in found.items]}

    def _accept_all(self, who: str, asked: Asked) -> Answer:
        done = self._reviews.store.accept_all(who, asked.filters, event=asked.whole("event"))
        return {"batch": done.batch, "done": done.done, "leftOut": done.left_out}

    def _undo_batch(self, who: str, asked: Asked) -> Answer:
        return {"undone": self._reviews.store.undo_batch(who, asked.text("batch", most=200))}

    def _disagreements(self, who: str, asked: Asked) -> Answer:
        after = asked.text("after", most=200) or None
        found = self._reviews.disagreements(limit=_LISTED, after=after)
        self._media.know(one.first for one in found)
        pairs = [
            {"first": item_view(Looked(one.first, [])), "second": item_view(Looked(one.second, []))} for one in found
        ]
        return {"pairs": pairs, "after": found[-1].first.id if len(found) == _LISTED else None}

    def _settle(self, who: str, asked: Asked) -> Answer:
        """Settle with what one of the two came to, with the draft as it came, or with a reason to reject it."""
        seen, take = asked.seen, asked.text("take", most=20)
        if take in ("first", "second"):
            chosen = self._chosen(seen.id, take)
            if chosen.status not in _SETTLED:
                raise AnnotationError(
                    f"{chosen.decided_by} {chosen.status} it, which settles nothing. Choose the other version or the "
                    "draft, or reject it with a reason."
                )
            edited = chosen.status == "edited"
            item = self._reviews.store.adjudicate(
                who,
                seen,
                status=chosen.status,
                turns=chosen.turns if edited else None,
                boxes=chosen.boxes if edited else None,
                reason=chosen.reason if chosen.status == "rejected" else "",
                note=chosen.note if chosen.status == "rejected" else asked.text("note"),
            )
        elif take == "draft":
            item = self._reviews.store.adjudicate(who, seen, status="accepted", note=asked.text("note"))
        else:
            reason = asked.text("reason", most=50)
            item = self._reviews.store.adjudicate(who, seen, status="rejected", reason=reason, note=asked.text("note"))
        return {"settled": {"id": item.id, "status": item.status}}

    def _chosen(self, item: str, take: str) -> Item:
        after = None
        while found := self._reviews.disagreements(limit=_LISTED, after=after):
            for pair in found:
                if pair.first.id == item:
                    return pair.first if take == "first" else pair.second
            after = found[-1].first.id
        raise AnnotationError("Nobody disagrees about this item any more. Load the list anew.")

    def _progress(self, who: str, asked: Asked) -> Answer:
        store, filters = self._reviews.store, asked.filters
        status = store.counts(filters, by="status")
        people = store.counts(filters, by="reviewer")
        days = {name: store.counts(replace(filters, reviewer=name), by="day") for name in list(people)[:50]}
        pace = store.pace()
        to_do = status.get("draft", 0) + status.get("claimed", 0)
        decided = sum(count for count, _ in pace.values())
        seconds = sum(spent for _, spent in pace.values())
        agreed = agreement(store.paired_opinions(filters))
        return {
            "status": status,
            "toDo": to_do,
            "people": [
                {"name": name, "decided": count, "days": days.get(name, {}), "pace": _pace(pace.get(name))}
                for name, count in sorted(people.items(), key=lambda one: -one[1])
            ],
            "secondsEach": seconds / decided if decided else None,
            "agreement": None if agreed is None else asdict(agreed),
            "rates": {kind: asdict(rate) for kind, rate in error_rates(store.outcomes(filters)).items()},
            "blindShare": store.blind_share,
            "disagreements": len(self._reviews.disagreements(limit=100, after=None)),
            "filtered": filters != Filter(),
        }


def _pace(spent: tuple[int, float] | None) -> float | None:
    return None if spent is None or not spent[0] else spent[1] / spent[0]
