"""Drafts from answers, and drafts as lines of a file.

Does not know who answered or who reviews.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.generation.answers import Description, Dialogue
from annotation.generation.slotting import Pair
from annotation.review.forms import checks_from, checks_to, turns_from, turns_to
from annotation.review.items import Draft
from annotation.sources.source import Source, from_record, to_record
from lamm_core.conversation import Media, Turn
from lamm_core.errors import DataError

__all__ = ["annotation_of", "from_line", "make", "pairs_of", "read_drafts", "source_of", "to_line"]

TYPES = {
    ("C1", "image"): "conversation",
    ("C1", "pointcloud"): "conversation3d",
    ("C2", "image"): "commomsenseqa",  # as LAMM's records spell it
    ("C2", "pointcloud"): "commomsenseqa3d",
    ("C3", "image"): "description",
    ("C3", "pointcloud"): "description3d",
}


def pairs_of(answer: object) -> list[Pair]:
    """The question and answer pairs of a dialogue or a description."""
    if isinstance(answer, Dialogue):
        return [Pair(one.question, one.answer) for one in answer.rounds]
    assert isinstance(answer, Description)
    return [Pair(answer.instruction, answer.description)]


def annotation_of(source: Source, task_type: str, **more: Any) -> dict[str, Any]:
    """What reviewers see of the source: its record, the kind of task, and ``objects``, which are drawn."""
    drawn = [{"label": box.label, "bbox": [box.x1, box.y1, box.x2, box.y2]} for box in source.boxes]
    drawn += [
        {"label": thing.label, "bbox": [*thing.centre, *thing.size]}
        for thing in source.things
        if thing.centre and thing.size
    ]
    return {**to_record(source), "task_type": task_type, "objects": drawn, **more}


def make(
    source: Source,
    kind: str,
    pairs: Sequence[Pair],
    *,
    prompt_hash: str,
    generator: str,
    task_type: str | None = None,
    **more: Any,
) -> Draft:
    """A draft; its first question shows the medium."""
    turns: list[Turn] = []
    media = tuple(Media(medium.modality, medium.path.resolve()) for medium in source.media)
    for number, pair in enumerate(pairs):
        turns += [Turn("user", pair.question, media if number == 0 else ()), Turn("assistant", pair.answer)]
    return Draft(
        kind, source.dataset, tuple(turns),
        annotation=annotation_of(source, task_type or TYPES[kind, source.modality], **more),
        prompt_hash=prompt_hash, generator=generator, source_id=source.id,
    )  # fmt: skip


def source_of(annotation: Mapping[str, Any]) -> Source | None:
    """The source that an item was made from; None where its annotation does not hold one."""
    try:
        return from_record(annotation)
    except DataError:
        return None


def to_line(draft: Draft) -> str:
    """A draft as one line of JSON."""
    return json.dumps({
        "kind": draft.kind, "source": draft.source, "source_id": draft.source_id, "turns": turns_to(draft.turns),
        "annotation": draft.annotation, "checks": checks_to(draft.checks), "prompt_hash": draft.prompt_hash,
        "generator": draft.generator, "expected_error": draft.expected_error,
    }, ensure_ascii=False)  # fmt: skip


def from_line(line: str) -> Draft:
    """A draft from its line. Raises DataError saying what is wrong."""
    try:
        values = json.loads(line)
        values["turns"] = turns_from(values["turns"])
        values["checks"] = checks_from(values["checks"])
        return Draft(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"This is no line of drafts.jsonl: {error}.") from error


def read_drafts(path: Path) -> Iterator[Draft]:
    """The drafts of a drafts.jsonl. Raises DataError naming the line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield from_line(line)
            except DataError as error:
                raise DataError(f"{path}, line {number}: {error}") from error
