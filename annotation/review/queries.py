"""Reading the queue: which items a filter means, in which order, how many.

Does not know how anything comes to be or changes. Statements are built once for each filter and take what changes from
call to call (the time, the reviewer, the page) as parameters: building them costs more than running them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)

from annotation.review.filters import Filter, Order, Page
from annotation.review.folding import Opinion
from annotation.review.items import Event, Item
from annotation.review.rows import FULL_ITEMS, LIVE, event_of, item_of, opinion_of
from annotation.review.tables import events, findings, items, leases, opinions, states
from annotation.review.wording import Narrowed, narrow, says
from lamm_core.errors import AnnotationError

__all__ = ["HELD", "by_ids", "counts", "disagreeing", "head", "history", "meant", "search", "sorted_by"]

DAY_SECONDS = 86_400
COUNTED: Mapping[str, ColumnElement[Any]] = {
    "status": states.c.status,
    "kind": states.c.kind,
    "source": states.c.source,
    "check": findings.c.name,
    "reviewer": states.c.decided_by,
    "day": func.floor(states.c.decided / DAY_SECONDS),
}

HELD = exists().where(leases.c.item == states.c.item, LIVE)
"""That somebody has the item open at the time ``now``."""

HELD_AS_DRAFT = exists().where(leases.c.item == states.c.item, leases.c.second == 0, LIVE)
CHOSEN = FULL_ITEMS.where(items.c.id.in_(bindparam("ids", expanding=True)))
HISTORY = select(events).where(events.c.item == bindparam("item")).order_by(events.c.number)


@lru_cache(maxsize=256)
def meant(narrowed: Narrowed, *, few: bool = False) -> ColumnElement[bool]:
    """The condition on the state table, at the time ``now``, that a filter stands for, its words looked up.

    With ``few`` it is tested on each of few rows that something else finds: databases are kept from walking along the
    index of a kind or source, which may hold a quarter of a million items.
    """
    filters = narrowed.filters
    kind, source = (states.c.kind.concat(""), states.c.source.concat("")) if few else (states.c.kind, states.c.source)
    conditions: list[ColumnElement[bool]] = []
    if filters.status:
        conditions.append(_of_status(filters.status))
    if filters.kind:
        conditions.append(kind == filters.kind)
    if filters.source:
        conditions.append(source == filters.source)
    if filters.reviewer:
        conditions.append(states.c.decided_by == filters.reviewer)
    if filters.check:
        conditions.append(exists().where(findings.c.name == filters.check, findings.c.item == states.c.item))
    return and_(true(), says(narrowed), *conditions)


def sorted_by(order: Order) -> tuple[ColumnElement[Any], ...]:
    """The columns an order goes by; each ends in one that no two items share."""
    return {
        "error": (states.c.expected_error.desc(), states.c.added.asc()),
        "oldest": (states.c.added.asc(),),
        "newest": (states.c.added.desc(),),
        "shuffled": (states.c.item.asc(),),
    }[order]


def search(connection: Connection, filters: Filter, *, order: Order, limit: int, after: str | None, now: float) -> Page:
    """One page of a filter, beginning after the key that the page before ended with."""
    condition = meant(narrow(connection, filters))
    if after is not None:
        condition = and_(condition, _beyond(order, after))
    chosen = select(states.c.item).where(condition).order_by(*sorted_by(order)).limit(limit + 1)
    ids = list(connection.execute(chosen, {"now": now}).scalars())
    found = by_ids(connection, ids[:limit], now=now)
    return Page(found, _key(order, found[-1]) if len(ids) > limit else None)


def by_ids(connection: Connection, ids: Sequence[str] | Mapping[str, bool], *, now: float) -> list[Item]:
    """These items in this order; those that are not there are left out. A mapping says which for a second opinion."""
    second = ids if isinstance(ids, Mapping) else {}
    rows = {row.id: row for row in connection.execute(CHOSEN, {"ids": list(ids), "now": now})}
    return [item_of(rows[one], second=second.get(one, False)) for one in ids if one in rows]


def counts(connection: Connection, filters: Filter, *, by: str, now: float) -> dict[str, int]:
    """How many items a filter means, by status, kind, source, check that complained, reviewer, or day (UTC)."""
    if by not in COUNTED:
        raise AnnotationError(f"Items are not counted by {by!r}; known: {', '.join(COUNTED)}.")
    column: ColumnElement[Any] = COUNTED[by]
    condition = meant(narrow(connection, filters))
    query: Select[Any] = select(column.label("value"), func.count().label("many")).where(condition)
    if by == "check":
        query = query.join_from(states, findings, findings.c.item == states.c.item)
    if by in ("reviewer", "day"):
        query = query.where(states.c.decided_by != "")
    rows = connection.execute(query.group_by(column).order_by(column), {"now": now}).all()
    if by == "day":
        return {_day(int(row.value)): int(row.many) for row in rows}
    found = {str(row.value): int(row.many) for row in rows}
    if by == "status" and "draft" in found and not filters.status:
        held = select(func.count()).select_from(leases.join(states, states.c.item == leases.c.item))
        held = held.where(states.c.status == "draft", leases.c.second == 0, LIVE, condition)
        claimed = connection.execute(held, {"now": now}).scalar_one()
        found |= {"draft": found["draft"] - claimed, "claimed": claimed}
    return found


def history(connection: Connection, item: str) -> list[Event]:
    """What happened to an item, in order."""
    return [event_of(row) for row in connection.execute(HISTORY, {"item": item})]


def head(connection: Connection) -> int:
    """The number of the last event once all that have begun are settled; 0 before the first."""
    if connection.dialect.name == "postgresql":
        # Waits for writers: a lower number may still be on its way into the table after a higher one is seen.
        connection.exec_driver_sql(f"LOCK TABLE {events.name} IN SHARE MODE")
    return connection.execute(select(func.coalesce(func.max(events.c.number), 0))).scalar_one()


def disagreeing(connection: Connection, *, limit: int, after: str | None) -> dict[str, Opinion]:
    """The second opinions of items that two people thought differently of, by item in the order of ids."""
    # Written out, not a parameter: only then do databases see that their partial index serves.
    query = select(opinions).join(states, states.c.item == opinions.c.item)
    query = query.where(states.c.second == literal_column("'disagreed'"))
    if after is not None:
        query = query.where(states.c.item > after)
    rows = connection.execute(query.order_by(states.c.item).limit(limit))
    return {row.item: opinion for row in rows if (opinion := opinion_of(row)) is not None}


def _of_status(wanted: Sequence[str]) -> ColumnElement[bool]:
    """Items of these; ``claimed`` are the drafts that somebody has open, ``draft`` those that nobody has."""
    plain = [one for one in wanted if one not in ("claimed", "draft")]
    either: list[ColumnElement[bool]] = [states.c.status.in_(plain)] if plain else []
    drafts = states.c.status == "draft"
    if "claimed" in wanted and "draft" in wanted:
        either.append(drafts)
    elif "claimed" in wanted:
        either.append(and_(drafts, HELD_AS_DRAFT))
    elif "draft" in wanted:
        either.append(and_(drafts, not_(HELD_AS_DRAFT)))
    return or_(*either)


def _beyond(order: Order, after: str) -> ColumnElement[bool]:
    try:
        key = json.loads(after)
        if order == "error":
            error, added = float(key[0]), int(key[1])
            return and_(
                states.c.expected_error <= error,
                or_(states.c.expected_error < error, states.c.added > added),
            )
        if order == "shuffled":
            return states.c.item > str(key[0])
        return states.c.added > int(key[0]) if order == "oldest" else states.c.added < int(key[0])
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise AnnotationError(f"{after!r} is no place in the order {order!r}; begin at the first page.") from error


def _key(order: Order, item: Item) -> str:
    if order == "error":
        return json.dumps([item.expected_error, item.added])
    return json.dumps([item.id if order == "shuffled" else item.added])


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY_SECONDS, UTC).date().isoformat()
