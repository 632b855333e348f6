"""One decision about everything a filter means: looked at first, done in pieces, taken back as a whole.

Does not know decisions about single items. Each item gets an event of its own; a batch name joins them.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select

from annotation.review import queries
from annotation.review.acts import append_all, locked_all, put
from annotation.review.database import Database
from annotation.review.filters import Filter, Order, Preview
from annotation.review.folding import advance, fold, standing
from annotation.review.items import Event
from annotation.review.rows import event_of
from annotation.review.tables import events, states
from annotation.review.wording import narrow
from lamm_core.errors import AnnotationError

__all__ = ["Bulk", "accept_all", "preview", "undo_batch"]

CHUNK = 200  # items a transaction: reviewers wait for no longer than one takes
UNDECIDED = ("draft", "skipped", "flagged")


class Bulk(NamedTuple):
    """The name of the batch, how many items it accepted, and how many changed or were opened since the preview."""

    batch: str
    done: int
    left_out: int


def preview(database: Database, filters: Filter, *, order: Order, limit: int, now: float) -> Preview:
    """What `accept_all` with the same filter would meet now."""
    _require_undecided(filters)
    with database.writing() as connection:
        event = queries.head(connection)
    with database.reading() as connection:
        condition = _undecided(connection, filters)
        total = connection.execute(select(func.count()).select_from(states).where(condition), {"now": now}).scalar_one()
        chosen = select(states.c.item).where(condition).order_by(*queries.sorted_by(order)).limit(limit)
        found = queries.by_ids(connection, list(connection.execute(chosen, {"now": now}).scalars()), now=now)
    return Preview(total, found, event)


def accept_all(database: Database, reviewer: str, filters: Filter, *, event: int, now: float) -> Bulk:
    """Accept what the filter means and what has not changed since ``event``, the number that the preview gave.

    What somebody has open is left to them. Stopped half-way, what is done is done, and `undo_batch` takes it back.
    """
    _require_undecided(filters)
    batch, done, left_out, after = f"{reviewer}-{secrets.token_hex(6)}", 0, 0, ""
    while True:
        with database.writing() as connection:
            condition = and_(_undecided(connection, filters), states.c.item > after)
            chosen = select(states.c.item).where(condition).order_by(states.c.item).limit(CHUNK)
            ids = list(connection.execute(chosen, {"now": now}).scalars())
            if not ids:
                return Bulk(batch, done, left_out)
            before = locked_all(connection, ids)
            same = [one for one in ids if before[one].event <= event and before[one].status in UNDECIDED]
            free = _free(connection, same, now)
            happened = [
                Event(0, one, reviewer, now, "accept", before[one].version, before[one].version + 1) for one in free
            ]
            for act in append_all(connection, happened, batch=batch):
                put(connection, act.item, before=before[act.item], after=advance(before[act.item], act))
            done += len(free)
            left_out += len(ids) - len(free)
            after = ids[-1]


def undo_batch(database: Database, reviewer: str, batch: str, *, now: float) -> int:
    """Take back what a batch accepted, where nobody took it back already; on how many items."""
    undone, after = 0, 0
    while True:
        with database.writing() as connection:
            chosen = select(events).where(events.c.batch == batch, events.c.number > after)
            acts = [event_of(row) for row in connection.execute(chosen.order_by(events.c.number).limit(CHUNK))]
            if not acts:
                break
            before = locked_all(connection, [act.item for act in acts])
            for act in acts:
                happened = queries.history(connection, act.item)
                if act.action != "accept" or all(one.number != act.number for one in standing(happened)):
                    continue
                state = before[act.item]
                payload = {"undoes": act.number}
                taken = Event(0, act.item, reviewer, now, "undo", state.version, state.version + 1, payload=payload)
                follows = fold([*happened, *append_all(connection, [taken])])
                assert follows is not None  # the event that added the item stands
                put(connection, act.item, before=state, after=follows)
                undone += 1
            after = acts[-1].number
    if not after:
        raise AnnotationError(f"There is no batch {batch!r}.")
    return undone


def _undecided(connection: Connection, filters: Filter) -> ColumnElement[bool]:
    own = queries.meant(narrow(connection, filters))
    status = states.c.status.in_(("draft", "skipped")) if not filters.status else states.c.status.in_(UNDECIDED)
    return and_(own, status)


def _free(connection: Connection, ids: list[str], now: float) -> list[str]:
    query = select(states.c.item).where(states.c.item.in_(ids), not_(queries.HELD)).order_by(states.c.item)
    return list(connection.execute(query, {"now": now}).scalars())


def _require_undecided(filters: Filter) -> None:
    decided = [one for one in filters.status if one not in (*UNDECIDED, "claimed")]
    if decided:
        raise AnnotationError(
            f"Only what is undecided is accepted in bulk, and the filter asks for {', '.join(decided)}. "
            f"Choose among {', '.join(UNDECIDED)}."
        )
