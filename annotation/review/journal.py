"""The queue as lines: every event in order, and with the event that brought an item the item itself.

Does not know where the lines are kept. The lines alone make the queue again, to the number of every event.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select

from annotation.review.consistency import rebuild
from annotation.review.database import Database
from annotation.review.forms import checks_from, dump
from annotation.review.tables import events, findings, items
from lamm_core.errors import AnnotationError

__all__ = ["Line", "last_event", "lines_after", "replay"]

CHUNK = 500


class Line(NamedTuple):
    """One event as it is kept, without a line break."""

    number: int
    text: str


def last_event(database: Database) -> int:
    """The number of the newest event; 0 for an empty queue."""
    with database.reading() as connection:
        return int(connection.execute(select(func.max(events.c.number))).scalar_one() or 0)


def lines_after(database: Database, number: int, *, most: int = CHUNK) -> list[Line]:
    """The next events after one, at most so many, in order."""
    with database.reading() as connection:
        query = select(events).where(events.c.number > number).order_by(events.c.number).limit(most)
        happened = [dict(row._mapping) for row in connection.execute(query)]
        brought = [event["item"] for event in happened if event["action"] == "add"]
        rows = connection.execute(select(items).where(items.c.id.in_(brought)))
        came = {row.id: dict(row._mapping) for row in rows}
    return [
        Line(
            event["number"],
            dump({"event": event, **({"item": came[event["item"]]} if event["action"] == "add" else {})}),
        )
        for event in happened
    ]


def replay(database: Database, lines: Iterable[str]) -> int:
    """Fill an empty queue from lines; how many events. Of two lines of one number the later counts.

    Raises AnnotationError where the queue is not empty or a line is no event.
    """
    if last_event(database):
        raise AnnotationError("The queue holds events already; lines are only read into an empty one.")
    known: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            known[values["event"]["number"]] = values  # of two, the one from whoever took the place over
        except (ValueError, KeyError, TypeError) as error:
            raise AnnotationError(f"Line {number} of what was kept is no event ({error!r}).") from error
    ordered = [known[number] for number in sorted(known)]
    with database.writing() as connection:
        for start in range(0, len(ordered), CHUNK):
            part = ordered[start : start + CHUNK]
            came = [values["item"] for values in part if "item" in values]
            if came:
                connection.execute(insert(items), came)
                found = [{"name": name, "item": item["id"]} for item in came for name in _complaints(item["checks"])]
                if found:
                    connection.execute(insert(findings), found)
            connection.execute(insert(events), [values["event"] for values in part])
    rebuild(database)
    return len(ordered)


def _complaints(checks: str) -> list[str]:
    return sorted({check.name for check in checks_from(json.loads(checks)) if check.score > 0})
