"""The few statements every act is made of: lock the item, append an event, put the state that follows.

Does not know which acts there are. The order matters: the item's row is locked before the event gets its number, so
the events of one item are numbered in the order in which they took effect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from annotation.review.folding import State
from annotation.review.forms import plain_text, turns_from
from annotation.review.items import Event
from annotation.review.rows import event_row, opinion_of, opinion_row, state_of, state_row
from annotation.review.tables import events, items, opinions, states, texts
from lamm_core.errors import AnnotationError

__all__ = ["append", "append_all", "locked", "locked_all", "put"]

ITEM_IDS: BindParameter[str] = bindparam("ids", expanding=True)
LOCKED = select(states).where(states.c.item.in_(ITEM_IDS)).order_by(states.c.item).with_for_update()
SECOND = select(opinions).where(opinions.c.item.in_(ITEM_IDS))
APPENDED = insert(events).returning(events.c.number, events.c.item)
PUT = update(states).where(states.c.item == bindparam("id"))


def locked(connection: Connection, item: str) -> State:
    """The state of an item that nobody else changes before this transaction ends. Raises AnnotationError."""
    found = locked_all(connection, [item])
    if item not in found:
        raise AnnotationError(f"There is no item {item!r} in the queue. Claim another one.")
    return found[item]


def locked_all(connection: Connection, ids: Sequence[str]) -> dict[str, State]:
    """The states of these items, locked in the order of their ids."""
    rows = connection.execute(LOCKED, {"ids": list(ids)}).all()
    blind = [row.item for row in rows if row.blind]
    second = {}
    if blind:
        second = {row.item: row for row in connection.execute(SECOND, {"ids": blind})}
    return {row.item: state_of(row, opinion_of(second.get(row.item))) for row in rows}


def append(connection: Connection, event: Event, *, batch: str = "") -> Event:
    """The event with the number that it was given."""
    return append_all(connection, [event], batch=batch)[0]


def append_all(connection: Connection, happened: Sequence[Event], *, batch: str = "") -> list[Event]:
    """These events, of as many items, with the numbers that they were given."""
    if not happened:
        return []
    rows = connection.execute(APPENDED, [event_row(event, batch=batch) for event in happened])
    numbers = {row.item: row.number for row in rows}
    return [replace(event, number=numbers[event.item]) for event in happened]


def put(connection: Connection, item: str, *, before: State, after: State) -> None:
    """Make ``after`` the state of an item: its row, its second opinion, the text that is searched."""
    connection.execute(PUT, {"id": item, **state_row(after)})
    if before.opinion != after.opinion:
        connection.execute(delete(opinions).where(opinions.c.item == item))
        if after.opinion is not None:
            connection.execute(insert(opinions).values(opinion_row(item, after.opinion)))
    if before.turns != after.turns:
        said: Sequence[Mapping[str, Any]] | None = after.turns
        if said is None:
            said = json.loads(connection.execute(select(items.c.turns).where(items.c.id == item)).scalar_one())
        text = plain_text(turns_from(said))
        connection.execute(update(texts).where(texts.c.item == item).values(text=text))
