"""What lies in the queue and what happens to it: drafts, items, checks, boxes and events.

Does not know how they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from lamm_core.conversation import Media, Turn

__all__ = [
    "ACTIONS",
    "DECISIONS",
    "KINDS",
    "REASONS",
    "STATUSES",
    "USABLE",
    "Action",
    "Box",
    "Check",
    "Draft",
    "Event",
    "Item",
    "Seen",
    "Span",
    "Status",
    "expected_error",
]

Status = Literal["draft", "claimed", "accepted", "edited", "rejected", "flagged", "skipped"]
"""``edited`` is accepted with changes. ``claimed`` is a draft that somebody's lease holds at the moment."""

Action = Literal[
    "add", "claim", "release", "accept", "edit", "reject", "flag", "skip", "second", "adjudicate", "undo"
]  # fmt: skip

STATUSES: tuple[Status, ...] = ("draft", "claimed", "accepted", "edited", "rejected", "flagged", "skipped")
USABLE: tuple[Status, ...] = ("accepted", "edited")
ACTIONS: tuple[Action, ...] = (
    "add", "claim", "release", "accept", "edit", "reject", "flag", "skip", "second", "adjudicate", "undo",
)  # fmt: skip
DECISIONS: Mapping[Action, Status] = {
    "accept": "accepted",
    "edit": "edited",
    "reject": "rejected",
    "flag": "flagged",
    "skip": "skipped",
}
"""The acts by which a person decides, and the status each leads to."""

KINDS = ("C1", "C2", "C3", "C4", "other")
"""Daily dialogue, factual knowledge, detailed description, visual-task dialogue, and what was imported."""

REASONS: Mapping[str, str] = {
    "object": "Names an object that is not there",
    "missing": "Leaves out what was asked for",
    "count": "Wrong number",
    "place": "Wrong place or box",
    "attribute": "Wrong colour, size or other attribute",
    "fact": "Wrong fact",
    "unanswerable": "Cannot be answered from what is shown",
    "prompt": "Speaks of the prompt or the annotation",
    "duplicate": "Says the same as another pair",
    "style": "Badly written",
    "unsafe": "Unsafe or private",
    "other": "Something else (say what)",
}
"""Why a draft is rejected: the short name that is stored, and the words that are shown."""


class Span(NamedTuple):
    """Characters ``start`` to ``end`` of turn number ``turn``."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True)
class Box:
    """A labelled place on a medium.

    ``values`` are left, top, right, bottom as shares of a picture (4), a point across, down (2), or in a cloud
    cx, cy, cz, dx, dy, dz in metres (6).
    """

    label: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Check:
    """What a machine check found. ``score`` is how wrong it looks: 0 nothing found, 1 surely wrong."""

    name: str
    score: float
    message: str = ""
    span: Span | None = None
    box: Box | None = None


@dataclass(frozen=True)
class Draft:
    """A conversation that asks to be reviewed.

    ``annotation`` holds the facts of the source it was made from, as JSON values; where it has ``objects`` (``label``
    and ``bbox``: shares of the picture, or cx, cy, cz, dx, dy, dz), they are drawn. ``expected_error`` orders the
    queue; where it is None it follows from the checks.
    """

    kind: str
    source: str
    turns: tuple[Turn, ...]
    annotation: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    prompt_hash: str = ""
    generator: str = ""
    expected_error: float | None = None
    source_id: str = ""


class Seen(NamedTuple):
    """What a person had before them when they decided: which item, in which version, as a blind second opinion or not.

    A decision is refused when the item has moved on from this version.
    """

    id: str
    version: int
    second: bool = False


@dataclass(frozen=True)
class Item:
    """One item of the queue as it stands.

    ``turns`` are as the last edit left them, ``draft_turns`` as they came. ``boxes`` are None until a person edited
    them. ``created`` and ``decided`` are seconds since 1970 by the clock of the store; ``added`` is the number of the
    event that brought it and ``event`` of the last that changed it. ``second``: shown for a blind second opinion, so
    nothing of the first decision is in it. ``holder`` has it open until ``held_until``.
    """

    id: str
    version: int
    status: Status
    kind: str
    source: str
    turns: tuple[Turn, ...]
    draft_turns: tuple[Turn, ...]
    annotation: Mapping[str, Any]
    checks: tuple[Check, ...]
    prompt_hash: str
    generator: str
    expected_error: float
    created: float
    added: int
    event: int
    source_id: str = ""
    boxes: tuple[Box, ...] | None = None
    reason: str = ""
    note: str = ""
    decided_by: str = ""
    decided: float | None = None
    blind: bool = False
    second: bool = False
    holder: str = ""
    held_until: float | None = None

    @property
    def media(self) -> tuple[Media, ...]:
        """All media of the conversation in reading order."""
        return tuple(medium for turn in self.draft_turns for medium in turn.media)

    @property
    def seen(self) -> Seen:
        """What to hand back with a decision about this view of the item."""
        return Seen(self.id, self.version, self.second)


@dataclass(frozen=True)
class Event:
    """One act. ``number`` grows with every act and is never used twice; ``at`` is only for people to read.

    ``payload`` holds what the act brought: ``turns`` and ``boxes`` of an edit, the ``note``, the number that an undo
    ``undoes``, the ``status`` that a second opinion or an adjudication came to.
    """

    number: int
    item: str
    actor: str
    at: float
    action: Action
    from_version: int
    to_version: int
    reason: str = ""
    seconds: float = 0.0
    payload: Mapping[str, Any] = field(default_factory=dict)


def expected_error(checks: tuple[Check, ...]) -> float:
    """The chance that something is wrong, if each check erred on its own: 1 - product of (1 - score)."""
    clean = 1.0
    for check in checks:
        clean *= 1.0 - min(1.0, max(0.0, check.score))
    return 1.0 - clean
