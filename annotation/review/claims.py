"""Leases: who has which item open, for how long, and which items are free.

Does not know decisions. A lease is a courtesy between people: what counts in a decision is the version of the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from annotation.review.filters import Filter, Order
from annotation.review.queries import HELD, meant, sorted_by
from annotation.review.rows import LIVE
from annotation.review.tables import leases, opinions, states
from annotation.review.wording import Narrowed, narrow

__all__ = ["Claimed", "claim", "drop", "held_by", "lease", "release", "renew"]

IDS = leases.c.item.in_(bindparam("ids", expanding=True))
OWN = leases.c.holder == bindparam("reviewer")
HELD_BY = select(leases.c.item, leases.c.second).where(OWN, LIVE).order_by(leases.c.since, leases.c.item)
RENEW = (
    update(leases)
    .where(IDS, OWN)
    .values(since=bindparam("now"), until=bindparam("ends"))
    .returning(leases.c.item)
)  # fmt: skip
RELEASE = delete(leases).where(IDS, OWN).returning(leases.c.item)
DROP = delete(leases).where(leases.c.item == bindparam("id"), leases.c.second == bindparam("kind"))


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
    for second, found in _pools(narrow(connection, filters), order):
        wanted = count - len(taken)
        if wanted <= 0:
            break
        rows = connection.execute(found, {"reviewer": reviewer, "now": now, "wanted": wanted}).all()
        granted = lease(connection, [row.item for row in rows], reviewer, second=second, now=now, seconds=seconds)
        taken += [Claimed(row.item, row.version, second) for row in rows if row.item in granted]
    return taken


def lease(
    connection: Connection, ids: Sequence[str], reviewer: str, *, second: bool, now: float, seconds: float
) -> set[str]:
    """Give these items to the reviewer; those that were free. PostgreSQL may show some that were leased meanwhile."""
    if not ids:
        return set()
    values = [
        {"item": one, "holder": reviewer, "since": now, "until": now + seconds, "second": int(second)} for one in ids
    ]
    if connection.dialect.name == "sqlite":
        rows = [connection.execute(SQLITE_LEASE, value | {"now": now}).scalar_one_or_none() for value in values]
    else:
        rows = [connection.execute(POSTGRESQL_LEASE, value | {"now": now}).scalar_one_or_none() for value in values]
    return {row for row in rows if row is not None}


def renew(connection: Connection, reviewer: str, ids: Iterable[str], *, now: float, seconds: float) -> list[str]:
    """Begin these leases anew; those that still were the reviewer's. One that ran out but was not taken is revived."""
    values = {"ids": list(ids), "reviewer": reviewer, "now": now, "ends": now + seconds}
    return list(connection.execute(RENEW, values).scalars())


def release(connection: Connection, reviewer: str, ids: Iterable[str]) -> list[str]:
    """Give these leases back; those that were the reviewer's."""
    return list(connection.execute(RELEASE, {"ids": list(ids), "reviewer": reviewer}).scalars())


def drop(connection: Connection, item: str, *, second: bool) -> None:
    """End the lease of an item that has been decided, whoever held it."""
    connection.execute(DROP, {"id": item, "kind": int(second)})


def held_by(connection: Connection, reviewer: str, *, now: float) -> list[tuple[str, bool]]:
    """What a reviewer has open, the longest first, and whether for a second opinion."""
    return [(row.item, bool(row.second)) for row in connection.execute(HELD_BY, {"reviewer": reviewer, "now": now})]


@lru_cache(maxsize=256)
def _pools(narrowed: Narrowed, order: Order) -> Sequence[tuple[bool, Select[Any]]]:
    """Where to look, in turn; each condition lies along an index, so that a million items cost no more than ten."""
    # The indexes of kinds and sources are sorted by suspicion; for another order the index of that order is walked.
    common = meant(narrowed, few=order != "error")
    if narrowed.filters.status:
        return [(False, _free(common, order))]
    me: BindParameter[str] = bindparam("reviewer")
    # Two ranges instead of one inequality, which no index serves; and 'wanted' is written out, not a parameter, because
    # only then do databases see that their partial index serves.
    others = or_(states.c.decided_by < me, states.c.decided_by > me)
    due = and_(states.c.second == literal_column("'wanted'"), others, meant(narrowed, few=True))
    # Whoever gave the second opinion first is not asked for the first one too.
    gave = exists().where(opinions.c.item == states.c.item, opinions.c.actor == me)
    drafts = and_(states.c.status == "draft", or_(states.c.blind == 0, not_(gave)), common)
    skipped = and_(states.c.status == "skipped", states.c.decided_by != me, common)
    return [(True, _free(due, None)), (False, _free(drafts, order)), (False, _free(skipped, order))]


def _free(condition: ColumnElement[bool], order: Order | None) -> Select[Any]:
    found = select(states.c.item, states.c.version).where(condition, not_(HELD))
    if order is not None:
        found = found.order_by(*sorted_by(order))
    return found.limit(bindparam("wanted")).with_for_update(skip_locked=True, of=states)


def _upsert(insert: Any) -> Any:
    new = insert(leases)
    return new.on_conflict_do_update(
        index_elements=[leases.c.item],
        set_={name: new.excluded[name] for name in ("holder", "since", "until", "second")},
        where=not_(LIVE),
    ).returning(leases.c.item)


SQLITE_LEASE = _upsert(sqlite.insert)
POSTGRESQL_LEASE = _upsert(postgresql.insert)
