"""The state of an item as it follows from its events, and from nothing else.

Does not know the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from annotation.review.items import DECISIONS, Event, Status

__all__ = ["COMPARED", "UNDOABLE", "Opinion", "State", "advance", "fold", "standing"]

UNDOABLE = frozenset((*DECISIONS, "second", "adjudicate", "undo"))
COMPARED = ("accepted", "edited", "rejected", "flagged")  # of a skipped item nobody has an opinion


@dataclass(frozen=True)
class Opinion:
    """What the second of two people came to without knowing of the first."""

    actor: str
    event: int
    at: float
    status: Status
    reason: str = ""
    note: str = ""
    turns: Sequence[Any] | None = None
    boxes: Sequence[Any] | None = None


@dataclass(frozen=True)
class State:
    """Where an item stands.

    ``turns`` and ``boxes`` are JSON values of the last edit, None where there was none. ``second`` is empty for items
    of which no second opinion is wanted yet, then ``wanted``, and once it is there ``agreed``, ``disagreed`` or
    ``void`` (somebody had none); ``settled`` after adjudication.
    """

    added: int
    event: int
    version: int = 1
    status: Status = "draft"
    turns: Sequence[Any] | None = None
    boxes: Sequence[Any] | None = None
    reason: str = ""
    note: str = ""
    decided_by: str = ""
    decided: float | None = None
    blind: bool = False
    settled: bool = False
    opinion: Opinion | None = None

    @property
    def second(self) -> str:
        """How far the second opinion has got."""
        if self.settled:
            return "settled"
        if self.opinion is None:
            return "wanted" if self.blind and self.status in ("accepted", "edited", "rejected") else ""
        if self.status not in COMPARED or self.opinion.status not in COMPARED:
            return "void"
        return "agreed" if self.status == self.opinion.status else "disagreed"


def fold(events: Iterable[Event]) -> State | None:
    """The state after these events of one item, in the order of their numbers; None where it was not added yet."""
    happened = sorted(events, key=lambda event: event.number)
    state: State | None = None
    for event in standing(happened):
        if event.action == "add":
            state = State(event.number, event.number, event.to_version, blind=bool(event.payload.get("blind")))
        elif state is not None and event.action != "undo":
            state = advance(state, event)
    if state is None:
        return None
    changes = [event for event in happened if event.action in UNDOABLE or event.action == "add"]
    return replace(state, version=changes[-1].to_version, event=changes[-1].number)


def standing(events: Sequence[Event]) -> list[Event]:
    """The events, in order, that nobody took back. An undo can itself be taken back, and then what it undid stands."""
    undone: set[int] = set()
    kept = []
    for event in reversed(events):
        if event.number in undone:
            continue
        kept.append(event)
        if event.action == "undo":
            undone.add(int(event.payload["undoes"]))
    return kept[::-1]


def advance(state: State, event: Event) -> State:
    """The state after one more event, which is not an undo."""
    payload = event.payload
    if event.action == "second":
        return replace(state, opinion=_opinion(event, payload), event=event.number)
    if event.action not in DECISIONS and event.action != "adjudicate":
        return state
    turns, boxes = payload.get("turns", state.turns), payload.get("boxes", state.boxes)
    status: Status = payload["status"] if event.action == "adjudicate" else DECISIONS[event.action]
    if status == "accepted" and (turns is not None or boxes is not None):
        status = "edited"  # whoever accepts an edited text accepts the edit
    return replace(
        state,
        version=event.to_version,
        event=event.number,
        status=status,
        turns=turns,
        boxes=boxes,
        reason=event.reason,
        note=str(payload.get("note", "")),
        decided_by=event.actor,
        decided=event.at,
        settled=state.settled or event.action == "adjudicate",
    )


def _opinion(event: Event, payload: Mapping[str, Any]) -> Opinion:
    return Opinion(
        event.actor,
        event.number,
        event.at,
        payload["status"],
        event.reason,
        str(payload.get("note", "")),
        payload.get("turns"),
        payload.get("boxes"),
    )
