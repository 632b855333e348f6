"""How long people take for a decision.

Does not know what they decide.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from annotation.review.items import DECISIONS
from annotation.review.tables import events

__all__ = ["pace"]

LATELY = 20_000  # acts that are looked at: what somebody needed a year ago says little


def pace(connection: Connection) -> dict[str, tuple[int, float]]:
    """By person: how many of the latest decisions said how long they took, and the seconds of all of them together.

    Decisions about a whole filter took no time of their own and do not count.
    """
    begin = select(func.coalesce(func.max(events.c.number), 0) - LATELY).scalar_subquery()
    query = select(events.c.actor, func.count(), func.sum(events.c.seconds)).group_by(events.c.actor)
    query = query.where(
        events.c.number > begin, events.c.action.in_((*DECISIONS, "second")), events.c.seconds > 0, events.c.batch == ""
    )
    return {str(actor): (int(many), float(seconds)) for actor, many, seconds in connection.execute(query)}
