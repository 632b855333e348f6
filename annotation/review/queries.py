"""Reading the queue: which items a filter means, in which order, how many.

Does not know how anything comes to be or changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, not_, or_, select

from annotation.review.filters import Filter, Order, Page
from annotation.review.folding import Opinion
from annotation.review.items import Event, Item
from annotation.review.rows import event_of, item_of, items_with_states, live, opinion_of
from annotation.review.tables import events, findings, items, leases, opinions, states, texts
from lamm_core.errors import AnnotationError

__all__ = ["by_ids", "counts", "disagreeing", "head", "history", "meant", "search", "sorted_by"]

COUNTED = {
    "status": states.c.status,
    "kind": states.c.kind,
    "source": states.c.source,
    "reviewer": states.c.decided_by,
}
DAY_SECONDS = 86_400


def meant(filters: Filter, now: float) -> ColumnElement[bool]:
    """The condition on the state table that a filter stands for."""
    held = exists().where(leases.c.item == states.c.item, leases.c.second == 0, live(now))
    conditions: list[ColumnElement[bool]] = []
    if filters.status:
        plain = [one for one in filters.status if one != "claimed"]
        either: list[ColumnElement[bool]] = [states.c.status.in_(plain)] if plain else []
        if "claimed" in filters.status and "draft" not in filters.status:
            either.append(and_(states.c.status == "draft", held))
        elif "draft" in filters.status and "claimed" not in filters.status:
            conditions.append(or_(states.c.status != "draft", not_(held)))
        conditions.append(or_(*either))
    if filters.kind:
        conditions.append(states.c.kind == filters.kind)
    if filters.source:
        conditions.append(states.c.source == filters.source)
    if filters.reviewer:
        conditions.append(states.c.decided_by == filters.reviewer)
    if filters.check:
        conditions.append(exists().where(findings.c.name == filters.check, findings.c.item == states.c.item))
    for word in filters.text.casefold().replace("\0", " ").split():
        found = texts.c.text.contains(word, autoescape=True)
        conditions.append(exists().where(texts.c.item == states.c.item, found))
    return and_(*conditions) if conditions else ~false()


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
    condition = meant(filters, now)
    if after is not None:
        condition = and_(condition, _beyond(order, after))
    chosen = select(states.c.item).where(condition).order_by(*sorted_by(order)).limit(limit + 1)
    ids = [row.item for row in connection.execute(chosen)]
    found = by_ids(connection, ids[:limit], now=now)
    return Page(found, _key(order, found[-1]) if len(ids) > limit else None)


def by_ids(connection: Connection, ids: Sequence[str] | Mapping[str, bool], *, now: float) -> list[Item]:
    """These items in this order; those that are not there are left out. A mapping says which for a second opinion."""
    second = ids if isinstance(ids, Mapping) else {}
    rows = {row.id: row for row in connection.execute(items_with_states(now).where(items.c.id.in_(list(ids))))}
    return [item_of(rows[one], second=second.get(one, False)) for one in ids if one in rows]


def counts(connection: Connection, filters: Filter, *, by: str, now: float) -> dict[str, int]:
    """How many items a filter means, by status, kind, source, reviewer or day of the decision (UTC)."""
    column: ColumnElement[Any]
    if by == "day":
        column = func.floor(states.c.decided / DAY_SECONDS)
    elif by in COUNTED:
        column = COUNTED[by]
    else:
        raise AnnotationError(f"Items are not counted by {by!r}; known: {', '.join((*COUNTED, 'day'))}.")
    query: Select[Any] = select(column.label("value"), func.count().label("many")).where(meant(filters, now))
    if by in ("reviewer", "day"):
        query = query.where(states.c.decided_by != "")
    rows = connection.execute(query.group_by(column).order_by(column)).all()
    found = {str(int(row.value)) if by == "day" else str(row.value): int(row.many) for row in rows}
    if by == "day":
        return {_day(int(number)): count for number, count in found.items()}
    if by == "status" and "draft" in found:
        held = select(func.count()).select_from(leases.join(states, states.c.item == leases.c.item))
        held = held.where(states.c.status == "draft", leases.c.second == 0, live(now), meant(filters, now))
        claimed = connection.execute(held).scalar_one()
        if claimed and not filters.status:
            found |= {"draft": found["draft"] - claimed, "claimed": claimed}
    return found


def history(connection: Connection, item: str) -> list[Event]:
    """What happened to an item, in order."""
    rows = connection.execute(select(events).where(events.c.item == item).order_by(events.c.number))
    return [event_of(row) for row in rows]


def head(connection: Connection) -> int:
    """The number of the last event once all that have begun are settled; 0 before the first."""
    if connection.dialect.name == "postgresql":
        # Waits for writers: a lower number may still be on its way into the table after a higher one is seen.
        connection.exec_driver_sql(f"LOCK TABLE {events.name} IN SHARE MODE")
    return connection.execute(select(func.coalesce(func.max(events.c.number), 0))).scalar_one()


def disagreeing(connection: Connection, *, limit: int, after: str | None) -> dict[str, Opinion]:
    """The second opinions of items that two people thought differently of, by item in the order of ids."""
    query = select(opinions).join(states, states.c.item == opinions.c.item).where(states.c.second == "disagreed")
    if after is not None:
        query = query.where(opinions.c.item > after)
    rows = connection.execute(query.order_by(opinions.c.item).limit(limit))
    return {row.item: opinion for row in rows if (opinion := opinion_of(row)) is not None}


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
