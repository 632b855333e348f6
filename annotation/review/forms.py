"""JSON forms of turns, boxes and checks, the identity of a draft, and what makes a conversation well-formed.

Does not know where the JSON is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.review.items import Box, Check, Draft, Span
from lamm_core.conversation import Media, Turn
from lamm_core.errors import AnnotationError

__all__ = [
    "boxes_from",
    "boxes_to",
    "checks_from",
    "checks_to",
    "clean",
    "draft_id",
    "dump",
    "plain_text",
    "require_conversation",
    "turns_from",
    "turns_to",
]

PLACEHOLDERS = {"image": "<image>", "pointcloud": "<pointcloud>"}


def dump(value: Any) -> str:
    """JSON of one line in ASCII, always the same for the same value."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AnnotationError(
            f"An annotation holds what JSON cannot: {error}. Give text, numbers and lists."
        ) from error


def turns_to(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """Turns as JSON values."""
    forms = []
    for turn in turns:
        form: dict[str, Any] = {"role": turn.role, "text": clean(turn.text)}
        if turn.media:
            form["media"] = [{"modality": medium.modality, "path": str(medium.path)} for medium in turn.media]
        forms.append(form)
    return forms


def turns_from(forms: Iterable[Mapping[str, Any]]) -> tuple[Turn, ...]:
    """Turns from what `turns_to` made."""
    return tuple(
        Turn(
            form["role"],
            form["text"],
            tuple(Media(medium["modality"], Path(medium["path"])) for medium in form.get("media", ())),
        )
        for form in forms
    )


def boxes_to(boxes: Iterable[Box]) -> list[dict[str, Any]]:
    """Boxes as JSON values."""
    return [{"label": box.label, "values": list(box.values)} for box in boxes]


def boxes_from(forms: Iterable[Mapping[str, Any]]) -> tuple[Box, ...]:
    """Boxes from what `boxes_to` made."""
    return tuple(Box(form["label"], tuple(float(value) for value in form["values"])) for form in forms)


def checks_to(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Checks as JSON values."""
    return [
        {
            "name": check.name,
            "score": check.score,
            "message": check.message,
            "span": None if check.span is None else list(check.span),
            "box": None if check.box is None else boxes_to([check.box])[0],
        }
        for check in checks
    ]


def checks_from(forms: Iterable[Mapping[str, Any]]) -> tuple[Check, ...]:
    """Checks from what `checks_to` made."""
    return tuple(
        Check(
            form["name"],
            float(form["score"]),
            form["message"],
            None if form["span"] is None else Span(*form["span"]),
            None if form["box"] is None else boxes_from([form["box"]])[0],
        )
        for form in forms
    )


def draft_id(draft: Draft) -> str:
    """The same for the same conversation about the same media from the same source, whenever it comes."""
    said = [draft.kind, draft.source, draft.source_id, turns_to(draft.turns)]
    return hashlib.sha256(dump(said).encode()).hexdigest()[:24]


def clean(text: str) -> str:
    """The text without what databases and files refuse: a NUL, or half of a character, becomes a replacement mark."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain_text(turns: Iterable[Turn]) -> str:
    """What is said, for searching: in lower case."""
    return clean("\n".join(turn.text for turn in turns)).casefold()


def require_conversation(turns: Sequence[Turn], *, where: str) -> None:
    """Raise AnnotationError unless questions and answers alternate, none empty, each placeholder with its medium."""
    spoken = turns[1:] if turns and turns[0].role == "system" else turns
    if not spoken or len(spoken) % 2:
        raise AnnotationError(
            f"{where}: a conversation is questions with an answer each; this has {len(spoken)} turns."
        )
    for number, turn in enumerate(spoken):
        expected = "assistant" if number % 2 else "user"
        if turn.role != expected:
            raise AnnotationError(f"{where}: turn {number + 1} is from {turn.role!r} where {expected!r} is due.")
        if not turn.text.strip():
            raise AnnotationError(f"{where}: turn {number + 1} is empty. Write something, or reject the item.")
    for modality, mark in PLACEHOLDERS.items():
        marks = sum(turn.text.count(mark) for turn in spoken if turn.role == "user")
        shown = sum(medium.modality == modality for turn in spoken for medium in turn.media)
        if marks and shown and marks != shown:
            raise AnnotationError(f"{where}: the text has {marks} {mark} and {shown} media of that kind are shown.")
