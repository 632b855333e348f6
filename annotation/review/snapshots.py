"""The queue as it was at an event: every item in the state that followed from the events up to there.

Does not know what is done with the items. The same event number gives the same items for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from sqlalchemy import exists, select

from annotation.review.database import Database
from annotation.review.filters import Filter
from annotation.review.folding import fold
from annotation.review.forms import clean, plain_text
from annotation.review.items import Item
from annotation.review.rows import FULL_ITEMS, event_of, item_of, with_state
from annotation.review.tables import events, findings, items, states

__all__ = ["snapshot"]

CHUNK = 500


def snapshot(database: Database, filters: Filter, *, event: int) -> Iterator[Item]:
    """Items that the filter meant after that event, in the order of their ids, a few hundred in memory at a time.

    ``event`` must be settled, as `ReviewStore.head` gives it. Who has an item open is no part of the past: ``claimed``
    means nothing here, and drafts are drafts.
    """
    query = FULL_ITEMS.where(states.c.added <= event).order_by(items.c.id).limit(CHUNK)
    if filters.kind:
        query = query.where(items.c.kind == filters.kind)
    if filters.source:
        query = query.where(items.c.source == filters.source)
    if filters.check:
        query = query.where(exists().where(findings.c.name == filters.check, findings.c.item == items.c.id))
    after = ""
    while True:
        with database.reading() as connection:
            # A time before all leases: nobody has anything open.
            rows = connection.execute(query.where(items.c.id > after), {"now": float("-1e18")}).all()
            if not rows:
                return
            changed = [row.id for row in rows if row.event > event]
            past = select(events).where(events.c.item.in_(changed), events.c.number <= event)
            past = past.order_by(events.c.item, events.c.number)
            happened = [event_of(row) for row in connection.execute(past)] if changed else []
        earlier = {item: fold(list(own)) for item, own in groupby(happened, key=lambda one: one.item)}
        for row in rows:
            item = item_of(row)
            state = earlier.get(item.id)
            if state is not None:
                item = replace(with_state(item, state), blind=state.blind)
            if _fits(item, filters):
                yield item
        after = rows[-1].id


def _fits(item: Item, filters: Filter) -> bool:
    if filters.status and item.status not in filters.status:
        return False
    if filters.reviewer and item.decided_by != filters.reviewer:
        return False
    words = clean(filters.text).casefold().split()
    if words:
        said = plain_text(item.turns)
        return all(word in said for word in words)
    return True
