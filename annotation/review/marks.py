"""Answers that somebody marked in a chat or a benchmark, as drafts: the question, what a model said, what is right.

Does not know who marked them or why. A line of the file is a record: ``task``, ``id``, ``prompt``, ``target``,
``answers`` by the name of the model, ``media`` of ``{modality, path}``, ``detail``, ``marked_by``, ``created``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from annotation.review.items import Box, Check, Draft
from annotation.sources import json_items
from annotation.sources.source import Broken
from lamm_core.conversation import Media, Role, Turn
from lamm_core.errors import DataError

__all__ = ["chat_draft", "marked_draft", "marked_drafts", "marks_lock", "take_out"]

ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
DIFFERS = "differs from the target"


def marks_lock(path: Path) -> FileLock:
    """Held by whoever adds records to a file of marked answers or takes them out, in this process or another."""
    return FileLock(path.with_name(f".{path.name}.lock"))


def take_out(path: Path) -> None:
    """Empty a file whose drafts are in the queue now, under `marks_lock`; lines that are no record are kept beside."""
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.strip()]
    unread = [line for line in lines if not _is_record(line, path.parent)]
    if unread:
        with path.with_suffix(".broken.jsonl").open("ab") as beside:
            beside.writelines(line if line.endswith(b"\n") else line + b"\n" for line in unread)
    path.write_bytes(b"")


def _is_record(line: bytes, root: Path) -> bool:
    try:
        marked_draft(json.loads(line), root=root)
    except (ValueError, DataError):
        return False
    return True


def marked_drafts(path: Path, root: Path) -> Iterator[Draft | Broken]:
    """The drafts of a file of marked answers, one for each model that answered; broken lines with why."""
    for number, record in json_items.lines(path):
        place = f"{path.name}, line {number}"
        if isinstance(record, Broken):
            yield record
            continue
        try:
            yield from marked_draft(record, root=root)
        except DataError as error:
            yield Broken(place, str(error))


def marked_draft(record: Mapping[str, Any], *, root: Path) -> list[Draft]:
    """One draft for each answer of a record. Raises DataError saying what it lacks."""
    if not isinstance(record, Mapping):
        raise DataError("not an object with keys")
    prompt, answers, detail = record.get("prompt"), record.get("answers"), record.get("detail") or {}
    if not isinstance(prompt, str) or not prompt.strip():
        raise DataError("'prompt' is missing or empty")
    if not isinstance(answers, Mapping) or not answers:
        raise DataError("'answers' is missing or empty")
    if not isinstance(detail, Mapping):
        raise DataError("'detail' is not an object with keys")
    media = [_medium(one, root) for one in record.get("media") or ()]
    earlier = [_earlier(one) for one in detail.get("earlier") or ()]
    target = record.get("target")
    drafts = []
    for model, answer in answers.items():
        if not isinstance(answer, str):
            raise DataError(f"the answer of {model!r} is no text")
        facts = {
            "task": record.get("task"),
            "target": target,
            "marked_by": record.get("marked_by"),
            **_facts(detail, model),
        }
        drafts.append(
            chat_draft(
                [*earlier, Turn("user", prompt)],
                answer if answer.strip() else "(no answer)",
                media=media,
                model=str(model),
                source=str(record.get("task") or "marked"),
                source_id=str(record.get("id") or ""),
                facts={key: value for key, value in facts.items() if value is not None},
            )
        )
    return drafts


def chat_draft(
    asked: Sequence[Turn],
    answer: str,
    *,
    model: str,
    media: Sequence[Media] = (),
    source: str = "chat",
    source_id: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Draft:
    """A conversation up to a question, and the answer that a person doubts.

    Media that no turn has are shown with the first question. Where ``facts`` has a ``target`` that the answer does not
    contain, a check says so.
    """
    turns = list(asked)
    if media and not any(turn.media for turn in turns):
        first = next(number for number, turn in enumerate(turns) if turn.role == "user")
        turns[first] = Turn("user", turns[first].text, tuple(media))
    known = dict(facts or {})
    checks: tuple[Check, ...] = ()
    targets = known.get("target")
    wanted = targets if isinstance(targets, list) else [targets]  # several: any of them will do
    words = [str(one) for one in wanted if isinstance(one, str | int | float)]
    if words and len(words) == len(wanted) and not any(one.casefold() in answer.casefold() for one in words):
        checks = (Check(DIFFERS, 0.9, f"The target is {' or '.join(words)}."),)
    return Draft(
        "other",
        source,
        (*turns, Turn("assistant", answer)),
        annotation=known,
        checks=checks,
        generator=model,
        source_id=source_id,
        expected_error=None if checks else 0.5,  # somebody doubted it
    )


def _medium(one: Any, root: Path) -> Media:
    if not isinstance(one, Mapping) or not isinstance(one.get("modality"), str) or not isinstance(one.get("path"), str):
        raise DataError("'media' has an entry without modality and path")
    return Media(one["modality"], root / one["path"])


def _earlier(one: Any) -> Turn:
    if not isinstance(one, Mapping) or one.get("role") not in ROLES or not isinstance(one.get("text"), str):
        raise DataError("'detail' has an earlier turn without role and text")
    return Turn(ROLES[one["role"]], one["text"])


def _facts(detail: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The rest of the detail, with the boxes of this model's answer as objects that are drawn."""
    facts = {key: value for key, value in detail.items() if key not in ("answer_boxes", "earlier")}
    every = detail.get("answer_boxes")
    own = every.get(model) if isinstance(every, Mapping) else None
    boxes = [box for one in own or () if isinstance(one, Mapping) and (box := _box(one)) is not None]
    if boxes:
        facts["objects"] = [{"label": box.label, "bbox": list(box.values)} for box in boxes]
    return json.loads(json.dumps(facts, default=str))


def _box(one: Mapping[str, Any]) -> Box | None:
    place = one.get("place") or [*(one.get("centre") or ()), *(one.get("size") or ())]
    if not isinstance(place, list | tuple) or len(place) not in (2, 4, 6):
        return None
    return Box(str(one.get("label", "")), tuple(float(value) for value in place))
