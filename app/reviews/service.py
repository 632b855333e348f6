"""What the review tab calls: the next items with those after them, decisions, undo, looking around.

Does not know the page. The database is opened when it is first needed, so that the page is up without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from annotation.review.filters import Filter, Order, Page
from annotation.review.forms import boxes_to, turns_to
from annotation.review.items import DECISIONS, Action, Box, Event, Item, Seen
from annotation.review.store import Disagreement, ReviewStore
from app.reviews.edits import EditBook
from lamm_core.conversation import Role, Turn
from lamm_core.errors import AnnotationError, StaleItem

__all__ = ["AHEAD", "Decision", "Looked", "Reviews"]

AHEAD = 4  # items a page has at hand: the one that is seen and those after it


@dataclass(frozen=True)
class Decision:
    """What a person decided about the view ``seen``. ``texts`` are the role and the text of every turn of an edit."""

    action: Action
    seen: Seen
    texts: tuple[tuple[Role, str], ...] = ()
    boxes: tuple[Box, ...] | None = None
    reason: str = ""
    note: str = ""
    seconds: float = 0.0


class Looked(NamedTuple):
    """An item with what happened to it; nothing of the first opinion where it is shown for a blind second one."""

    item: Item
    history: list[Event]


class Reviews:
    """The queue as reviewers in a browser use it. Every method raises AnnotationError in words for the person."""

    def __init__(self, open_store: Callable[[], ReviewStore], edits: EditBook) -> None:
        self._open_store = open_store
        self._store: ReviewStore | None = None
        self._opening = threading.Lock()
        self.edits = edits

    @property
    def store(self) -> ReviewStore:
        """The queue; opened now if it was not yet."""
        with self._opening:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    # Whose turn it is.

    def upcoming(self, who: str, *, filters: Filter, order: Order, have: Sequence[str], resume: bool) -> list[Item]:
        """Items for a page that has ``have`` at hand already, until it has AHEAD.

        With ``resume`` what the person has open comes first: a page that was loaded anew goes on where it was.
        """
        found: list[Item] = []
        if resume:
            found = [item for item in self.store.held(who) if item.id not in have]
            if filters != Filter():
                # What was open under another filter goes back into the queue.
                kept = {item.id for item in found if _meets(item, filters)}
                self.store.release(who, [item.id for item in found if item.id not in kept])
                found = [item for item in found if item.id in kept]
            if order == "error":
                found.sort(key=lambda item: (-item.expected_error, item.added))
            found = found[:AHEAD]
        wanted = AHEAD - len(have) - len(found)
        if wanted > 0:
            found += self.store.claim_many(who, filters, order=order, count=wanted)
        return found

    def look(self, item: str) -> Looked:
        """An item as it stands, whoever has it open."""
        return Looked(self.store.get(item), self.store.history(item))

    def looked(self, item: Item) -> Looked:
        """The same for an item that is at hand."""
        return Looked(item, [] if item.second else self.store.history(item.id))

    def renew(self, who: str, ids: Sequence[str]) -> list[str]:
        """The person is active: which of these items are still theirs."""
        return self.store.renew(who, ids)

    def release(self, who: str, ids: Sequence[str]) -> list[str]:
        """Give items back undecided."""
        return self.store.release(who, ids)

    # Deciding.

    def decide(self, who: str, decision: Decision) -> Item:
        """Carry a decision out; one that is told again, because the answer got lost, is carried out once.

        Raises StaleItem when the item moved on from what was seen.
        """
        try:
            item = self._decide(who, decision)
        except StaleItem as stale:
            if not self._is_done(who, decision):
                raise
            item = stale.current
        self.edits.forget(who, decision.seen.id)
        return item

    def undo(self, who: str, event: int | None = None) -> Item:
        """Take back the event of that number, or the person's last decision."""
        return self.store.undo(who, event)

    def _decide(self, who: str, decision: Decision) -> Item:
        store, seen, seconds = self.store, decision.seen, decision.seconds
        if decision.action == "accept":
            return store.accept(who, seen, seconds=seconds)
        if decision.action == "edit":
            turns = edited_turns(store.get(seen.id), decision.texts)
            return store.edit(who, seen, turns=turns, boxes=decision.boxes, seconds=seconds)
        if decision.action == "reject":
            return store.reject(who, seen, reason=decision.reason, note=decision.note, seconds=seconds)
        if decision.action == "flag":
            return store.flag(who, seen, note=decision.note, seconds=seconds)
        if decision.action == "skip":
            return store.skip(who, seen, seconds=seconds)
        raise AnnotationError(f"{decision.action!r} is no decision. Known: {', '.join(DECISIONS)}.")

    def _is_done(self, who: str, decision: Decision) -> bool:
        """Whether exactly this decision is the last thing that happened to the item."""
        happened = [event for event in self.store.history(decision.seen.id) if event.to_version > event.from_version]
        if decision.seen.second:
            happened = [event for event in self.store.history(decision.seen.id) if event.action == "second"]
        if not happened:
            return False
        last = happened[-1]
        action = DECISIONS[decision.action] if decision.seen.second else decision.action
        did = last.payload.get("status") if decision.seen.second else last.action
        same = (last.actor, did, last.from_version) == (who, action, decision.seen.version)
        return same and last.reason == decision.reason and self._brought(decision, last.payload)

    def _brought(self, decision: Decision, payload: Mapping[str, Any]) -> bool:
        if str(payload.get("note", "")) != decision.note:
            return False
        if decision.action != "edit":
            return True
        turns = turns_to(edited_turns(self.store.get(decision.seen.id), decision.texts))
        boxes = None if decision.boxes is None else boxes_to(decision.boxes)
        return payload.get("turns") == turns and payload.get("boxes") == boxes

    # Looking around.

    def search(self, filters: Filter, *, order: Order, limit: int, after: str | None) -> Page:
        """A page of items."""
        return self.store.search(filters, order=order, limit=limit, after=after)

    def counts(self, filters: Filter, by: str) -> dict[str, int]:
        """How many items, by ``status``, ``kind``, ``source``, ``check``, ``reviewer`` or ``day``."""
        return self.store.counts(filters, by=by)

    def disagreements(self, *, limit: int, after: str | None) -> list[Disagreement]:
        """Items of which two people thought differently."""
        return self.store.disagreements(limit=limit, after=after)


def edited_turns(item: Item, texts: Sequence[tuple[Role, str]]) -> tuple[Turn, ...]:
    """The turns of an edit: its texts with the media of the draft in their places."""
    media = {number: turn.media for number, turn in enumerate(item.draft_turns)}
    return tuple(replace(Turn(role, text), media=media.get(number, ())) for number, (role, text) in enumerate(texts))


def _meets(item: Item, filters: Filter) -> bool:
    """Whether an item that is at hand is meant, as far as the item alone says."""
    if filters.text or filters.check or filters.reviewer:
        return False
    status = not filters.status or item.status in filters.status
    return status and filters.kind in ("", item.kind) and filters.source in ("", item.source)
