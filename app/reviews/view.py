"""What an item looks like as values for the browser.

Does not know how they are drawn. All words are plain text; the browser sets them as text and never as markup. Places
in texts are counted as JavaScript counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.review.evidence import shown_boxes
from annotation.review.items import REASONS, Box, Event, Item
from app.reviews.service import Looked
from lamm_core.conversation import Turn
from lamm_core.grounding import find_boxes, find_objects, find_points

__all__ = ["card_view", "event_view", "item_view"]

_MOST_FACTS, _MOST_LETTERS = 40, 4_000
_MOST_READ = 200_000  # letters of a text that are searched for places


def item_view(looked: Looked, *, edit: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything that is shown of one item."""
    item = looked.item
    return {
        "id": item.id,
        "version": item.version,
        "second": item.second,
        "status": item.status,
        "kind": item.kind,
        "source": item.source,
        "sourceId": item.source_id,
        "generator": item.generator,
        "prompt": item.prompt_hash,
        "error": item.expected_error,
        "created": item.created,
        "by": item.decided_by,
        "decided": item.decided,
        "reason": REASONS.get(item.reason, item.reason),
        "note": item.note,
        "holder": item.holder,
        "turns": _turns(item.turns),
        "draft": _turns(item.draft_turns),
        "media": [_medium(number, medium) for number, medium in enumerate(item.media)],
        "boxes": [_box(box) for box in shown_boxes(item)],
        "boxesEdited": item.boxes is not None,
        "mentions": _mentions(item.turns),
        "checks": [_check(item, number) for number in range(len(item.checks))],
        "facts": _facts(item.annotation),
        "history": [event_view(event) for event in looked.history],
        "edit": None if edit is None else dict(edit),
    }


def card_view(item: Item) -> dict[str, Any]:
    """What the grid shows of an item."""
    answers = [turn.text for turn in item.turns if turn.role == "assistant"]
    questions = [turn.text for turn in item.turns if turn.role == "user"]
    return {
        "id": item.id,
        "version": item.version,
        "status": item.status,
        "kind": item.kind,
        "source": item.source,
        "error": item.expected_error,
        "by": item.decided_by,
        "holder": item.holder,
        "question": questions[0][:200] if questions else "",
        "answer": answers[0][:300] if answers else "",
        "checks": sum(check.score > 0 for check in item.checks),
        "media": [_medium(number, medium) for number, medium in enumerate(item.media[:1])],
    }


def event_view(event: Event) -> dict[str, Any]:
    """One line of the history."""
    status = event.payload.get("status")
    return {
        "number": event.number,
        "who": event.actor,
        "at": event.at,
        "action": event.action,
        "reason": REASONS.get(event.reason, event.reason),
        "note": str(event.payload.get("note", "")),
        "status": status if isinstance(status, str) else "",
        "undoes": event.payload.get("undoes"),
        "seconds": event.seconds,
        "version": event.to_version,
    }


def _turns(turns: Iterable[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "text": turn.text} for turn in turns]


def _medium(number: int, medium: Any) -> dict[str, Any]:
    path = Path(medium.path)
    gone = "" if path.is_file() else f"{path.name} is not there any more: {path}"
    return {"number": number, "modality": medium.modality, "name": path.name, "gone": gone}


def _box(box: Box) -> dict[str, Any]:
    return {"label": box.label, "values": list(box.values)}


def _mentions(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The places that the answers name: boxes and points on the picture, numbers of objects in the cloud."""
    found: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        text = turn.text[:_MOST_READ]
        placed: list[tuple[Any, list[float], int | None]] = []
        placed += [(box, [box.x1, box.y1, box.x2, box.y2], None) for box in find_boxes(text)]
        placed += [(point, [point.x, point.y], None) for point in find_points(text)]
        placed += [(mention, [], mention.number) for mention in find_objects(text)]
        for thing, values, named in placed:
            start, end = thing.span
            found.append(
                {"turn": number, "start": _script_place(text, start), "end": _script_place(text, end),
                 "label": thing.label, "values": values, "number": named}
            )  # fmt: skip
    return found


def _check(item: Item, number: int) -> dict[str, Any]:
    check = item.checks[number]
    view: dict[str, Any] = {
        "name": check.name,
        "score": check.score,
        "message": check.message,
        "span": None,
        "box": None if check.box is None else _box(check.box),
    }
    if check.span is not None and 0 <= check.span.turn < len(item.draft_turns):
        text = item.draft_turns[check.span.turn].text
        start, end = _script_place(text, check.span.start), _script_place(text, check.span.end)
        view["span"] = {"turn": check.span.turn, "start": start, "end": end}
    return view


def _script_place(text: str, place: int) -> int:
    """The place in UTF-16 units, which is how JavaScript counts."""
    return len(text[: max(0, place)].encode("utf-16-le", "surrogatepass")) // 2


def _facts(annotation: Mapping[str, Any]) -> list[list[str]]:
    """The annotation as rows of a name and words."""
    rows = []
    for name, value in list(annotation.items())[:_MOST_FACTS]:
        if name == "media" or value in (None, "", [], {}):
            continue
        words = _words(_rounded(value))
        rows.append([str(name), words if len(words) <= _MOST_LETTERS else f"{words[:_MOST_LETTERS]} …"])
    return rows


def _rounded(value: Any) -> Any:
    """The same with four digits of every number that has more: what people read."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return "\n".join(str(one) for one in value)
    if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        return "\n".join(_line(one) for one in value)
    return json.dumps(value, ensure_ascii=False)


def _line(record: Mapping[str, Any]) -> str:
    """One object, relation or word of an annotation on a line: its values, with the names where they say something."""
    plain = {"label", "name", "text", "subject", "predicate", "object"}
    parts = []
    for key, value in record.items():
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(words if key in plain else f"{key} {words}")
    return "  ".join(parts)
