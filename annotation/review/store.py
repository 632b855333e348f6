"""The review queue: every act upon it, each one event that is never changed again.

Does not know how drafts are made nor how items are shown. Clocks are passed in; what came first is told by the number
of an event, never by its time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from annotation.review import bulk, claims, outcomes, queries
from annotation.review.acts import append, append_all, locked, put
from annotation.review.arrivals import Added, add
from annotation.review.bulk import Bulk
from annotation.review.database import Database
from annotation.review.filters import Filter, Order, Page, Preview
from annotation.review.folding import UNDOABLE, advance, fold, standing
from annotation.review.forms import boxes_to, clean, require_conversation, turns_to
from annotation.review.items import DECISIONS, REASONS, Action, Box, Draft, Event, Item, Seen, Status
from annotation.review.migrations import migrate
from annotation.review.pace import pace
from annotation.review.rows import event_of, with_state
from annotation.review.tables import events
from lamm_core.conversation import Turn
from lamm_core.errors import AnnotationError, StaleItem
from lamm_core.registry import nearest

__all__ = ["Disagreement", "ReviewStore"]

EVERYTHING = Filter()
TAKEN_BACK = (*DECISIONS, "second", "adjudicate")  # by undo without a number: an undo is redone by its number only


class Disagreement(NamedTuple):
    """An item of which two people thought differently, each view as that person left it."""

    first: Item
    second: Item


class ReviewStore:
    """The queue in the database at ``url`` (``sqlite:///FILE`` or ``postgresql://HOST/NAME``), created if need be.

    A claim holds for ``lease_seconds`` after the last activity. Of all drafts the share ``blind_share`` is given to two
    people who do not know of each other. ``clock`` gives seconds since 1970. Any number of threads and processes may
    use the same database. Every method raises AnnotationError, in words for the person, when the database is locked,
    gone or damaged; then nothing of the act was saved.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = time.time,
        lease_seconds: float = 600.0,
        blind_share: float = 0.1,
        patience: float = 30.0,
    ) -> None:
        self.database = Database(url, patience=patience)
        self.clock = clock
        self.lease_seconds = lease_seconds
        self.blind_share = blind_share
        with self.database.writing() as connection:
            migrate(connection)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Save everything this thread does in the block at once, or nothing of it: a decision and the next claim."""
        with self.database.writing():
            yield

    # What comes in.

    def add_drafts(self, drafts: Iterable[Draft], *, actor: str) -> Added:
        """Put drafts into the queue, as they come and in bounded memory. What is there already is not added again."""
        return add(self.database, drafts, actor=actor, clock=self.clock, blind_share=self.blind_share)

    # Whose turn it is.

    def claim(self, reviewer: str, filters: Filter = EVERYTHING, *, order: Order = "error") -> Item | None:
        """Give the reviewer the next free item for `lease_seconds`; None where none is left."""
        return next(iter(self.claim_many(reviewer, filters, order=order, count=1)), None)

    def claim_many(
        self, reviewer: str, filters: Filter = EVERYTHING, *, order: Order = "error", count: int = 2
    ) -> list[Item]:
        """The next free items at once, for a page that has the following one ready before it is asked for."""
        _require_name(reviewer)
        now = self.clock()
        with self.database.writing() as connection:
            taken = claims.claim(
                connection, reviewer, filters=filters, order=order, count=count, now=now, seconds=self.lease_seconds
            )
            append_all(
                connection,
                [
                    Event(0, one.item, reviewer, now, "claim", one.version, one.version, payload=_blind(one.second))
                    for one in taken
                ],
            )
            return self._views(connection, [(one.item, one.second) for one in taken], now)

    def held(self, reviewer: str) -> list[Item]:
        """What the reviewer has open, the longest first: after a reload the page goes on with these."""
        now = self.clock()
        with self.database.reading() as connection:
            return self._views(connection, claims.held_by(connection, reviewer, now=now), now)

    def renew(self, reviewer: str, ids: Sequence[str]) -> list[str]:
        """The reviewer is active: their leases begin anew. Those of ``ids`` that are still theirs."""
        with self.database.writing() as connection:
            return claims.renew(connection, reviewer, ids, now=self.clock(), seconds=self.lease_seconds)

    def release(self, reviewer: str, ids: Sequence[str]) -> list[str]:
        """Give items back undecided. Those of ``ids`` that were the reviewer's."""
        now = self.clock()
        with self.database.writing() as connection:
            given = claims.release(connection, reviewer, ids)
            versions = {one.id: one.version for one in queries.by_ids(connection, given, now=now)}
            append_all(
                connection,
                [Event(0, one, reviewer, now, "release", versions[one], versions[one]) for one in given],
            )
            return given

    # Deciding. Each returns the item as it stands then and raises StaleItem when it moved on from what was seen.

    def accept(self, reviewer: str, seen: Seen, *, seconds: float = 0.0) -> Item:
        """Good as it is."""
        return self._decide(reviewer, seen, "accept", seconds=seconds)

    def edit(
        self,
        reviewer: str,
        seen: Seen,
        *,
        turns: Sequence[Turn],
        boxes: Sequence[Box] | None = None,
        seconds: float = 0.0,
    ) -> Item:
        """Good with these turns, and with these boxes where they are given."""
        require_conversation(turns, where="The edit")
        payload: dict[str, Any] = {"turns": turns_to(turns)}
        if boxes is not None:
            payload["boxes"] = boxes_to(boxes)
        return self._decide(reviewer, seen, "edit", payload=payload, seconds=seconds)

    def reject(self, reviewer: str, seen: Seen, *, reason: str, note: str = "", seconds: float = 0.0) -> Item:
        """Not to be used, for one of `REASONS`."""
        _require_reason(reason, note)
        return self._decide(reviewer, seen, "reject", reason=reason, payload={"note": clean(note)}, seconds=seconds)

    def flag(self, reviewer: str, seen: Seen, *, note: str = "", seconds: float = 0.0) -> Item:
        """For somebody else to look at, who is told why."""
        return self._decide(reviewer, seen, "flag", payload={"note": clean(note)}, seconds=seconds)

    def skip(self, reviewer: str, seen: Seen, *, seconds: float = 0.0) -> Item:
        """No opinion: others are asked once the drafts are through."""
        return self._decide(reviewer, seen, "skip", seconds=seconds)

    def adjudicate(
        self,
        reviewer: str,
        seen: Seen,
        *,
        status: Status,
        turns: Sequence[Turn] | None = None,
        boxes: Sequence[Box] | None = None,
        reason: str = "",
        note: str = "",
        seconds: float = 0.0,
    ) -> Item:
        """Settle what two people thought differently of: ``accepted``, ``edited`` (with turns) or ``rejected``."""
        if seen.second:
            raise AnnotationError("Whoever settles sees both opinions: open the item among the disagreements.")
        if status not in ("accepted", "edited", "rejected") or (status == "edited") != (turns is not None):
            raise AnnotationError("Settle with accepted, with edited and the turns, or with rejected and a reason.")
        payload: dict[str, Any] = {"status": status, "note": clean(note)}
        if status == "rejected":
            _require_reason(reason, note)
        if status == "accepted":
            payload |= {"turns": None, "boxes": None}  # as it came, whatever the first of the two made of it
        if turns is not None:
            require_conversation(turns, where="The edit")
            payload["turns"] = turns_to(turns)
        if boxes is not None:
            payload["boxes"] = boxes_to(boxes)
        return self._decide(reviewer, seen, "adjudicate", reason=reason, payload=payload, seconds=seconds)

    def undo(self, reviewer: str, event: int | None = None) -> Item:
        """Take back the event of that number, or the reviewer's last decision that stands; the item as it is then.

        A later decision about the item stays. The undo is an event too, and is undone by its own number. The item is
        given to the reviewer where nobody else has it open.
        """
        _require_name(reviewer)
        now = self.clock()
        with self.database.writing() as connection:
            target = self._last_of(connection, reviewer) if event is None else self._event(connection, event)
            before = locked(connection, target.item)
            happened = queries.history(connection, target.item)
            if all(one.number != target.number for one in standing(happened)):
                raise AnnotationError(f"Event {target.number} has been undone already.")
            # A second opinion leaves the version alone, and so does taking it back.
            version = before.version + (target.action != "second")
            taken = Event(
                0, target.item, reviewer, now, "undo", before.version, version, payload={"undoes": target.number}
            )
            after = fold([*happened, append(connection, taken)])
            assert after is not None  # the event that added the item cannot be undone
            put(connection, target.item, before=before, after=after)
            second = target.action == "second"
            claims.lease(connection, [target.item], reviewer, second=second, now=now, seconds=self.lease_seconds)
            return self._views(connection, [(target.item, second)], now)[0]

    # Looking.

    def get(self, item: str) -> Item:
        """An item as it stands. Raises AnnotationError where there is none."""
        with self.database.reading() as connection:
            return self._view(connection, item, self.clock())

    def history(self, item: str) -> list[Event]:
        """What happened to an item, in order."""
        with self.database.reading() as connection:
            return queries.history(connection, item)

    def search(
        self, filters: Filter = EVERYTHING, *, order: Order = "error", limit: int = 50, after: str | None = None
    ) -> Page:
        """A page of items; the next one begins at the ``after`` of the one before."""
        with self.database.reading() as connection:
            return queries.search(connection, filters, order=order, limit=limit, after=after, now=self.clock())

    def counts(self, filters: Filter = EVERYTHING, *, by: str = "status") -> dict[str, int]:
        """How many items, by ``status``, ``kind``, ``source``, ``check``, ``reviewer`` or ``day`` of deciding (UTC)."""
        with self.database.reading() as connection:
            return queries.counts(connection, filters, by=by, now=self.clock())

    def pace(self) -> dict[str, tuple[int, float]]:
        """By person, of the latest decisions: how many said how long they took, and their seconds together."""
        with self.database.reading() as connection:
            return pace(connection)

    def head(self) -> int:
        """The number of the last event, all before it being settled: an export as of it is the same for ever."""
        with self.database.writing() as connection:
            return queries.head(connection)

    def disagreements(self, *, limit: int = 50, after: str | None = None) -> list[Disagreement]:
        """Items that two people thought differently of and nobody has settled, by id; the next ones after an id."""
        now = self.clock()
        with self.database.reading() as connection:
            found = queries.disagreeing(connection, limit=limit, after=after)
            firsts = self._views(connection, [(one, False) for one in found], now)
            return [Disagreement(first, with_state(first, found[first.id])) for first in firsts]

    def outcomes(self, filters: Filter = EVERYTHING) -> dict[str, dict[str, int]]:
        """How many items of each status, by kind: what `error_rates` takes."""
        with self.database.reading() as connection:
            return outcomes.outcomes(connection, filters, now=self.clock())

    def paired_opinions(self, filters: Filter = EVERYTHING) -> list[tuple[str, str]]:
        """First and second opinion of every item that has both: what `agreement` takes."""
        with self.database.reading() as connection:
            return outcomes.paired_opinions(connection, filters, now=self.clock())

    # Much at once.

    def preview(self, filters: Filter = EVERYTHING, *, order: Order = "error", limit: int = 20) -> Preview:
        """What `accept_all` with this filter would meet: how many items, the first of them, and as of which event."""
        return bulk.preview(self.database, filters, order=order, limit=limit, now=self.clock())

    def accept_all(self, reviewer: str, filters: Filter, *, event: int) -> Bulk:
        """Accept what the filter means, leaving out what changed since the preview's ``event`` or is open elsewhere."""
        _require_name(reviewer)
        return bulk.accept_all(self.database, reviewer, filters, event=event, now=self.clock())

    def undo_batch(self, reviewer: str, batch: str) -> int:
        """Take back a whole `accept_all`; on how many items."""
        _require_name(reviewer)
        return bulk.undo_batch(self.database, reviewer, batch, now=self.clock())

    # How it is done.

    def _decide(
        self,
        reviewer: str,
        seen: Seen,
        action: Action,
        *,
        reason: str = "",
        payload: dict[str, Any] | None = None,
        seconds: float,
    ) -> Item:
        _require_name(reviewer)
        now = self.clock()
        brought = {key: value for key, value in (payload or {}).items() if value != "" or key != "note"}
        if seen.second:
            action, brought = "second", {"status": DECISIONS[action], **brought}
        spent = seconds if math.isfinite(seconds) and seconds > 0 else 0.0
        with self.database.writing() as connection:
            before = locked(connection, seen.id)
            if seen.second and not before.blind:
                raise AnnotationError("No second opinion is wanted about this item.")
            if seen.second and before.decided_by == reviewer:
                raise AnnotationError("The first opinion about this item is yours; the second is for somebody else.")
            moved = before.opinion is not None if seen.second else before.version != seen.version
            if moved:
                raise self._stale(connection, seen, brought, now)
            version = before.version + (not seen.second)
            event = Event(0, seen.id, reviewer, now, action, before.version, version, reason, spent, brought)
            after = advance(before, append(connection, event))
            put(connection, seen.id, before=before, after=after)
            claims.drop(connection, seen.id, second=seen.second)
            return self._views(connection, [(seen.id, seen.second)], now)[0]

    def _stale(self, connection: Connection, seen: Seen, attempt: dict[str, Any], now: float) -> StaleItem:
        current = self._view(connection, seen.id, now)
        happened = queries.history(connection, seen.id)
        then = fold(_until(happened, seen.version))
        shown = current if then is None else with_state(current, then)
        last = next((one for one in reversed(happened) if one.action in UNDOABLE), happened[-1])
        by = "Somebody" if seen.second else last.actor
        return StaleItem(
            f"{by} decided about this item since you opened it: it is {current.status} in version {current.version}, "
            f"and you saw version {seen.version}. Your text is kept; compare both, then decide again or go on.",
            seen=shown,
            current=current,
            attempt=attempt,
        )

    def _view(self, connection: Connection, item: str, now: float) -> Item:
        found = self._views(connection, [(item, False)], now)
        if not found:
            raise AnnotationError(f"There is no item {item!r} in the queue. Claim another one.")
        return found[0]

    def _views(self, connection: Connection, wanted: Sequence[tuple[str, bool]], now: float) -> list[Item]:
        return queries.by_ids(connection, dict(wanted), now=now)

    def _event(self, connection: Connection, number: int) -> Event:
        row = connection.execute(select(events).where(events.c.number == number)).one_or_none()
        if row is None or row.action not in UNDOABLE:
            raise AnnotationError(f"Event {number} is no decision that could be undone.")
        return event_of(row)

    def _last_of(self, connection: Connection, reviewer: str) -> Event:
        own = select(events).where(events.c.actor == reviewer, events.c.action.in_(TAKEN_BACK))
        for row in connection.execute(own.order_by(events.c.number.desc()).limit(1000)):
            event = event_of(row)
            if any(one.number == event.number for one in standing(queries.history(connection, event.item))):
                return event
        raise AnnotationError("There is no decision of yours left to undo.")


def _until(happened: Sequence[Event], version: int) -> list[Event]:
    """The events before the first that went beyond a version."""
    kept: list[Event] = []
    for event in happened:
        if event.to_version > version:
            break
        kept.append(event)
    return kept


def _blind(second: bool) -> dict[str, Any]:
    return {"second": True} if second else {}


def _require_name(reviewer: str) -> None:
    if not reviewer.strip() or clean(reviewer) != reviewer:
        raise AnnotationError("Say who reviews: a name is needed.")


def _require_reason(reason: str, note: str) -> None:
    if reason not in REASONS:
        close = nearest(reason, REASONS)
        hint = f" Did you mean {close!r}?" if close else ""
        raise AnnotationError(f"{reason!r} is no reason to reject.{hint} Known: {', '.join(REASONS)}.")
    if reason == "other" and not note.strip():
        raise AnnotationError("For the reason 'other' say in the note what is wrong.")
