"""Rows of the database as items, events and states, and back.

Does not know which rows are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Double, Row, Select, and_, bindparam, select

from annotation.review.folding import Opinion, State
from annotation.review.forms import boxes_from, checks_from, dump, turns_from
from annotation.review.items import Event, Item
from annotation.review.tables import events, items, leases, opinions, states

__all__ = [
    "FULL_ITEMS",
    "LIVE",
    "NOW",
    "event_of",
    "event_row",
    "item_of",
    "opinion_of",
    "opinion_row",
    "state_of",
    "state_row",
    "with_state",
]

SKEW_SECONDS = 60.0  # by which the clocks of two machines may differ


NOW: BindParameter[float] = bindparam("now", type_=Double())
LIVE = and_(leases.c.until > NOW, leases.c.since <= NOW + SKEW_SECONDS)
"""Leases that hold at the time ``now``. One that began later was taken by a clock that has been put back since."""

FULL_ITEMS: Select[Any] = (
    select(
        items,
        states.c.version,
        states.c.status,
        states.c.added,
        states.c.event,
        states.c.turns.label("edited_turns"),
        states.c.boxes,
        states.c.reason,
        states.c.note,
        states.c.decided_by,
        states.c.decided,
        states.c.blind,
        leases.c.holder,
        leases.c.until,
        leases.c.second.label("held_for_second"),
    )
    .join(states, states.c.item == items.c.id)
    .outerjoin(leases, and_(leases.c.item == items.c.id, LIVE))
)
"""Everything an `Item` is made of, for a WHERE to follow."""


def item_of(row: Row[Any], *, second: bool = False) -> Item:
    """The item of a row of `FULL_ITEMS`; for a ``second`` opinion without what the first decision left."""
    draft = turns_from(json.loads(row.turns))
    waiting = second or row.status == "draft"
    held = row.holder is not None
    edited = None if second or row.edited_turns is None else turns_from(json.loads(row.edited_turns))
    return Item(
        id=row.id,
        version=row.version,
        status="draft" if second else "claimed" if waiting and held and not row.held_for_second else row.status,
        kind=row.kind,
        source=row.source,
        turns=draft if edited is None else edited,
        draft_turns=draft,
        annotation=json.loads(row.annotation),
        checks=checks_from(json.loads(row.checks)),
        prompt_hash=row.prompt_hash,
        generator=row.generator,
        expected_error=row.expected_error,
        created=row.created,
        added=row.added,
        event=row.event,
        source_id=row.source_id,
        boxes=None if second or row.boxes is None else boxes_from(json.loads(row.boxes)),
        reason="" if second else row.reason,
        note="" if second else row.note,
        decided_by="" if second else row.decided_by,
        decided=None if second else row.decided,
        blind=bool(row.blind),
        second=second,
        holder=row.holder or "",
        held_until=row.until,
    )


def with_state(item: Item, state: State | Opinion) -> Item:
    """The item as another state of it, or one of two opinions, has it."""
    changed = replace(
        item,
        status=state.status,
        turns=item.draft_turns if state.turns is None else turns_from(state.turns),
        boxes=None if state.boxes is None else boxes_from(state.boxes),
        reason=state.reason,
        note=state.note,
        event=state.event,
    )
    if isinstance(state, Opinion):
        return replace(changed, decided_by=state.actor, decided=state.at)
    return replace(changed, version=state.version, decided_by=state.decided_by, decided=state.decided)


def event_of(row: Row[Any]) -> Event:
    """The event of a row."""
    return Event(
        row.number,
        row.item,
        row.actor,
        row.at,
        row.action,
        row.from_version,
        row.to_version,
        row.reason,
        row.seconds,
        json.loads(row.payload),
    )


def event_row(event: Event, *, batch: str = "") -> dict[str, Any]:
    """The values of an event, without the number, which the database gives."""
    return {
        events.c.item.name: event.item,
        events.c.actor.name: event.actor,
        events.c.at.name: event.at,
        events.c.action.name: event.action,
        events.c.from_version.name: event.from_version,
        events.c.to_version.name: event.to_version,
        events.c.reason.name: event.reason,
        events.c.seconds.name: event.seconds,
        events.c.payload.name: dump(event.payload),
        events.c.batch.name: batch,
    }


def state_of(row: Row[Any], opinion: Opinion | None) -> State:
    """The state of a row of the state table."""
    return State(
        added=row.added,
        event=row.event,
        version=row.version,
        status=row.status,
        turns=None if row.turns is None else json.loads(row.turns),
        boxes=None if row.boxes is None else json.loads(row.boxes),
        reason=row.reason,
        note=row.note,
        decided_by=row.decided_by,
        decided=row.decided,
        blind=bool(row.blind),
        settled=row.second == "settled",
        opinion=opinion,
    )


def state_row(state: State) -> dict[str, Any]:
    """The values of a state that change."""
    return {
        "version": state.version,
        "status": state.status,
        "added": state.added,
        "event": state.event,
        "turns": _optional(state.turns),
        "boxes": _optional(state.boxes),
        "reason": state.reason,
        "note": state.note,
        "decided_by": state.decided_by,
        "decided": state.decided,
        "blind": int(state.blind),
        "second": state.second,
    }


def opinion_of(row: Row[Any] | None) -> Opinion | None:
    """The second opinion of a row."""
    if row is None:
        return None
    return Opinion(
        row.actor,
        row.event,
        row.at,
        row.status,
        row.reason,
        row.note,
        None if row.turns is None else json.loads(row.turns),
        None if row.boxes is None else json.loads(row.boxes),
    )


def opinion_row(item: str, opinion: Opinion) -> Mapping[str, Any]:
    """The values of a second opinion."""
    return {
        opinions.c.item.name: item,
        "actor": opinion.actor,
        "event": opinion.event,
        "at": opinion.at,
        "status": opinion.status,
        "reason": opinion.reason,
        "note": opinion.note,
        "turns": _optional(opinion.turns),
        "boxes": _optional(opinion.boxes),
    }


def _optional(value: Any) -> str | None:
    return None if value is None else dump(value)
