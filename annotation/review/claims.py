"""Leases: who has which item open, for how long, and which items are free.

Does not know decisions. A lease is a courtesy between people: what counts in a decision is the version of the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from annotation.review.filters import Filter, Order
from annotation.review.queries import meant, sorted_by
from annotation.review.rows import live
from annotation.review.tables import leases, opinions, states

__all__ = ["Claimed", "claim", "held", "held_by", "lease", "release", "renew"]


class Claimed(NamedTuple):
    """An item that was just leased, in the version it is at."""

    item: str
    version: int
    second: bool


def claim(
    connection: Connection, reviewer: str, *, filters: Filter, order: Order, count: int, now: float, seconds: float
) -> list[Claimed]:
    """Lease up to ``count`` free items: second opinions that are due first, then drafts, then what others skipped."""
    taken: list[Claimed] = []
    for second, condition in _pools(reviewer, filters, now):
        wanted = count - len(taken)
        if wanted <= 0:
            break
        found = select(states.c.item, states.c.version).where(condition, not_(held(now)))
        found = found.order_by(*(() if second else sorted_by(order))).limit(wanted)
        rows = connection.execute(found.with_for_update(skip_locked=True, of=states)).all()
        granted = lease(connection, [row.item for row in rows], reviewer, second=second, now=now, seconds=seconds)
        taken += [Claimed(row.item, row.version, second) for row in rows if row.item in granted]
    return taken


def renew(connection: Connection, reviewer: str, ids: Iterable[str], *, now: float, seconds: float) -> list[str]:
    """Begin these leases anew; those that still were the reviewer's. One that ran out but was not taken is revived."""
    own = update(leases).where(leases.c.item.in_(list(ids)), leases.c.holder == reviewer)
    rows = connection.execute(own.values(since=now, until=now + seconds).returning(leases.c.item))
    return [row.item for row in rows]


def release(connection: Connection, reviewer: str, ids: Iterable[str]) -> list[str]:
    """Give these leases back; those that were the reviewer's."""
    own = delete(leases).where(leases.c.item.in_(list(ids)), leases.c.holder == reviewer)
    return [row.item for row in connection.execute(own.returning(leases.c.item))]


def held_by(connection: Connection, reviewer: str, *, now: float) -> list[tuple[str, bool]]:
    """What a reviewer has open, the longest first, and whether for a second opinion."""
    own = select(leases.c.item, leases.c.second).where(leases.c.holder == reviewer, live(now))
    return [(row.item, bool(row.second)) for row in connection.execute(own.order_by(leases.c.since, leases.c.item))]


def held(now: float) -> ColumnElement[bool]:
    """The condition on the state table that somebody has the item open."""
    return exists().where(leases.c.item == states.c.item, live(now))


def _pools(reviewer: str, filters: Filter, now: float) -> Iterator[tuple[bool, ColumnElement[bool]]]:
    """Where to look, in turn; each condition lies along an index, so that a million items cost no more than ten."""
    if filters.status:
        yield False, meant(filters, now)
        return
    common = meant(filters, now)
    # Two ranges instead of one inequality, which no index serves.
    for others in (states.c.decided_by < reviewer, states.c.decided_by > reviewer):
        yield True, and_(states.c.second == "wanted", others, common)
    # Whoever gave the second opinion first is not asked for the first one too.
    gave = exists().where(opinions.c.item == states.c.item, opinions.c.actor == reviewer)
    yield False, and_(states.c.status == "draft", or_(states.c.blind == 0, not_(gave)), common)
    yield False, and_(states.c.status == "skipped", states.c.decided_by != reviewer, common)


def lease(
    connection: Connection, ids: Sequence[str], reviewer: str, *, second: bool, now: float, seconds: float
) -> set[str]:
    """The items among these whose lease could be had: PostgreSQL may have shown some that were leased meanwhile."""
    if not ids:
        return set()
    values: list[dict[str, Any]] = [
        {"item": one, "holder": reviewer, "since": now, "until": now + seconds, "second": int(second)} for one in ids
    ]
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = insert(leases).values(values)
    put = new.on_conflict_do_update(
        index_elements=[leases.c.item],
        set_={name: new.excluded[name] for name in ("holder", "since", "until", "second")},
        where=not_(live(now)),
    )
    return {row.item for row in connection.execute(put.returning(leases.c.item))}
