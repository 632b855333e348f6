"""What people came to: how many drafts of each kind, and pairs of opinions about the same item.

Does not know what is computed from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Connection, func, select

from annotation.review.filters import Filter
from annotation.review.folding import COMPARED, fold
from annotation.review.items import Event
from annotation.review.queries import meant
from annotation.review.rows import event_of
from annotation.review.tables import events, opinions, states
from annotation.review.wording import narrow

__all__ = ["outcomes", "paired_opinions"]

CHUNK = 500


def outcomes(connection: Connection, filters: Filter, *, now: float) -> dict[str, dict[str, int]]:
    """How many items of each status, by kind."""
    condition = meant(narrow(connection, filters))
    query = select(states.c.kind, states.c.status, func.count().label("many")).where(condition)
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query.group_by(states.c.kind, states.c.status), {"now": now}):
        found.setdefault(row.kind, {})[row.status] = int(row.many)
    return found


def paired_opinions(connection: Connection, filters: Filter, *, now: float) -> list[tuple[str, str]]:
    """First and second opinion, as statuses, of every item that has both; what was settled later does not count."""
    query = select(states.c.item, states.c.status, states.c.second, opinions.c.status.label("other"))
    condition = meant(narrow(connection, filters))
    query = query.join(opinions, opinions.c.item == states.c.item).where(condition).order_by(states.c.item)
    rows = connection.execute(query, {"now": now}).all()
    first = {row.item: row.status for row in rows}
    settled = iter([row.item for row in rows if row.second == "settled"])
    while chunk := list(islice(settled, CHUNK)):
        first |= dict(_before_settling(connection, chunk))
    return [(first[row.item], row.other) for row in rows if first[row.item] in COMPARED and row.other in COMPARED]


def _before_settling(connection: Connection, ids: list[str]) -> Iterator[tuple[str, str]]:
    happened: dict[str, list[Event]] = {}
    for row in connection.execute(select(events).where(events.c.item.in_(ids)).order_by(events.c.number)):
        happened.setdefault(row.item, []).append(event_of(row))
    for item, own in happened.items():
        state = fold([event for event in own if event.action != "adjudicate"])
        if state is not None:
            yield item, state.status
