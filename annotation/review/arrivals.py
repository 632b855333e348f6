"""Drafts coming into the queue.

Does not know who brings them. A draft that is in the queue already, by its content, is counted and left alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from annotation.review.acts import append_all
from annotation.review.database import Database
from annotation.review.folding import State
from annotation.review.forms import checks_to, clean, draft_id, dump, plain_text, require_conversation, turns_to
from annotation.review.items import Draft, Event, expected_error
from annotation.review.rows import state_row
from annotation.review.tables import findings, items, states, texts
from lamm_core.errors import AnnotationError

__all__ = ["Added", "add"]

CHUNK = 500  # drafts a transaction: reviewers wait for no longer than one takes
REPORTED = 100  # broken drafts that are named; the rest are counted


class Added(NamedTuple):
    """How many drafts are new, how many were there already, how many broken, and the first of those with why."""

    added: int
    known: int
    broken: int
    reasons: list[str]


def add(
    database: Database, drafts: Iterable[Draft], *, actor: str, clock: Callable[[], float], blind_share: float
) -> Added:
    """Add drafts a few hundred at a time. Killed in between, the same call goes on where it stopped."""
    added = known = broken = 0
    reasons: list[str] = []
    waiting = iter(drafts)
    while chunk := list(islice(waiting, CHUNK)):
        rows = {}
        for draft in chunk:
            try:
                row = _row(draft, clock())
            except AnnotationError as error:
                broken += 1
                if len(reasons) < REPORTED:
                    reasons.append(str(error))
                continue
            known += row["id"] in rows
            rows[row["id"]] = (row, draft)
        if rows:
            with database.writing() as connection:
                new = _insert(connection, rows, actor=actor, now=clock(), blind_share=blind_share)
            added += new
            known += len(rows) - new
    return Added(added, known, broken, reasons)


def is_blind(item: str, share: float) -> bool:
    """Whether an item is among those given to two people: by its id, so that the choice is fair and never changes."""
    digest = hashlib.sha256(f"blind {item}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def _row(draft: Draft, now: float) -> dict[str, Any]:
    item = draft_id(draft)
    require_conversation(draft.turns, where=f"Draft {draft.source_id or item} of {draft.source}")
    named = draft.kind + draft.source + draft.source_id + draft.generator + draft.prompt_hash
    if clean(named) != named:
        raise AnnotationError(f"Draft {item}: its kind, source, generator or prompt holds what is no text.")
    error = expected_error(draft.checks) if draft.expected_error is None else draft.expected_error
    if not math.isfinite(error):
        raise AnnotationError(f"Draft {item} of {draft.source}: its expected error is {error}; give a share, 0 to 1.")
    return {
        "id": item,
        "kind": draft.kind,
        "source": draft.source,
        "source_id": draft.source_id,
        "turns": dump(turns_to(draft.turns)),
        "annotation": dump(draft.annotation),
        "checks": dump(checks_to(draft.checks)),
        "prompt_hash": draft.prompt_hash,
        "generator": draft.generator,
        "expected_error": error,
        "created": now,
    }


def _insert(
    connection: Connection, rows: dict[str, tuple[dict[str, Any], Draft]], *, actor: str, now: float, blind_share: float
) -> int:
    kind_of_insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    put = kind_of_insert(items).on_conflict_do_nothing(index_elements=[items.c.id]).returning(items.c.id)
    fresh = set(connection.execute(put, [row for row, _ in rows.values()]).scalars())
    ids = [item for item in rows if item in fresh]
    if not ids:
        return 0
    marks = {item: {"blind": True} if is_blind(item, blind_share) else {} for item in ids}
    happened = append_all(connection, [Event(0, item, actor, now, "add", 0, 1, payload=marks[item]) for item in ids])
    values = []
    for event in happened:
        row = rows[event.item][0]
        state = State(event.number, event.number, blind=bool(event.payload))
        own = {"item": event.item, "kind": row["kind"], "source": row["source"]}
        values.append({**own, "expected_error": row["expected_error"], **state_row(state)})
    connection.execute(insert(states), values)
    connection.execute(insert(texts), [{"item": item, "text": plain_text(rows[item][1].turns)} for item in ids])
    found = list(_findings(ids, rows))
    if found:
        connection.execute(insert(findings), found)
    return len(ids)


def _findings(ids: list[str], rows: dict[str, tuple[dict[str, Any], Draft]]) -> Iterator[dict[str, str]]:
    for item in ids:
        for name in sorted({check.name for check in rows[item][1].checks if check.score > 0}):
            yield {"name": name, "item": item}
