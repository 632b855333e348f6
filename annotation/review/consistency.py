"""The state table against the events: whether it is what follows from them, and making it so.

Does not know any act; a state that differs was changed by something other than this program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from annotation.review.acts import locked_all, put
from annotation.review.database import Database
from annotation.review.folding import State, fold
from annotation.review.forms import plain_text, turns_from
from annotation.review.rows import event_of, state_row
from annotation.review.tables import events, items, opinions, states, texts
from lamm_core.errors import AnnotationError

__all__ = ["Difference", "differences", "rebuild"]

CHUNK = 500


class Difference(NamedTuple):
    """An item whose state is not what its events say."""

    item: str
    stored: State | None
    follows: State | None


def differences(database: Database) -> Iterator[Difference]:
    """Every item whose stored state does not follow from its events, a few hundred items at a time."""
    after = ""
    while True:
        with database.writing() as connection:
            ids = _next(connection, after)
            yield from _compared(connection, ids)
        if not ids:
            return
        after = ids[-1]


def rebuild(database: Database) -> int:
    """Make every state what follows from the events; how many were not."""
    mended = 0
    for wrong in list(differences(database)):
        with database.writing() as connection:
            for _, stored, follows in _compared(connection, [wrong.item]):
                if follows is None:
                    raise AnnotationError(f"Item {wrong.item} has no event that brought it: the events are incomplete.")
                if stored is None:
                    _restore(connection, wrong.item, follows)
                put(connection, wrong.item, before=stored or replace(follows, opinion=None, turns=()), after=follows)
                mended += 1
    return mended


def _restore(connection: Connection, item: str, state: State) -> None:
    row = connection.execute(select(items).where(items.c.id == item)).one()
    own = {"item": item, "kind": row.kind, "source": row.source, "expected_error": row.expected_error}
    connection.execute(insert(states).values({**own, **state_row(state)}))
    text = plain_text(turns_from(json.loads(row.turns)))
    connection.execute(delete(texts).where(texts.c.item == item))
    connection.execute(insert(texts).values(item=item, text=text))
    connection.execute(delete(opinions).where(opinions.c.item == item))


def _next(connection: Connection, after: str) -> list[str]:
    query = select(items.c.id).where(items.c.id > after).order_by(items.c.id).limit(CHUNK)
    return list(connection.execute(query).scalars())


def _compared(connection: Connection, ids: list[str]) -> list[Difference]:
    stored = locked_all(connection, ids)
    rows = connection.execute(select(events).where(events.c.item.in_(ids)).order_by(events.c.item, events.c.number))
    happened = {item: list(own) for item, own in groupby((event_of(row) for row in rows), key=lambda one: one.item)}
    follows = {item: fold(happened.get(item, ())) for item in ids}
    return [Difference(item, stored.get(item), follows[item]) for item in ids if stored.get(item) != follows[item]]
