"""Which items say certain words, looked up in an index of three letters at a time where few items do.

Does not know other conditions. Words that many items say are not looked up: a page of those is soon found by reading.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, String, and_, column, exists, select, table, true

from annotation.review.filters import Filter
from annotation.review.forms import clean
from annotation.review.tables import events, states, texts

__all__ = ["Narrowed", "narrow", "says"]

FEW = 2_000
SHORTEST = 3  # letters of a word that the index knows
WORDS = table("words", column("rowid"))  # SQLite's; a row's number is that of the event that added its item


class Narrowed(NamedTuple):
    """A filter, and the items that say its words where these are few; None: whoever reads looks at each item."""

    filters: Filter
    items: tuple[str, ...] | None


def narrow(connection: Connection, filters: Filter) -> Narrowed:
    """Look the words of a filter up. Up to `FEW` items are named; what they say is tested again with the rest."""
    words = [word for word in _words(filters) if len(word) >= SHORTEST]
    if not words:
        return Narrowed(filters, None)
    if connection.dialect.name == "sqlite":
        quoted = " AND ".join('"' + word.replace('"', '""') + '"' for word in words)
        query = select(events.c.item).join(WORDS, WORDS.c.rowid == events.c.number)
        query = query.where(column("words", String).op("MATCH")(quoted))
    else:
        query = select(texts.c.item).where(*(texts.c.text.contains(word, autoescape=True) for word in words))
    found = list(connection.execute(query.limit(FEW + 1)).scalars())
    return Narrowed(filters, tuple(found) if len(found) <= FEW else None)


def says(narrowed: Narrowed) -> ColumnElement[bool]:
    """That an item of the state table says all words of the filter, somewhere in its turns, in whatever case."""
    conditions: list[ColumnElement[bool]] = []
    if narrowed.items is not None:
        conditions.append(states.c.item.in_(narrowed.items))
    for word in _words(narrowed.filters):
        # Not the column itself: a page is found by reading on, not by gathering all texts that an index names.
        found = texts.c.text.concat("").contains(word, autoescape=True)
        conditions.append(exists().where(texts.c.item == states.c.item, found))
    return and_(true(), *conditions)


def _words(filters: Filter) -> list[str]:
    return clean(filters.text).casefold().split()
