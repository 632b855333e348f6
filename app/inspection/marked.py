"""A sample of a comparison as the review queue wants it: the question, the truth, and what each series answered.

Does not know the queue's file; app/marks.py writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.inspection.comparison import Comparison, Sample
from app.inspection.media import media_of
from app.marks import MarkedItem
from lamm_core.conversation import Media

__all__ = ["item_of"]


def item_of(comparison: Comparison, sample: Sample) -> MarkedItem:
    """The sample as an item. A picture or cloud that is gone is named in ``detail["missing"]`` and not in its media."""
    both = list(zip(comparison.series, sample.records, strict=True))
    media = next((found for one, record in both if (found := media_of(record, one.run.folder))), [])
    first = sample.records[0]
    detail = {name: value for name, value in _detail(first).items() if name != "answer_boxes"}
    return MarkedItem(
        task=comparison.series[0].run.task,
        id=sample.id,
        prompt=str(first.get("prompt", "")),
        target=first.get("target"),
        answers={one.name: str(record.get("text", "")) for one, record in both},
        media=[Media(modality, path) for modality, path in media if path.is_file()],
        detail={
            **detail,
            "answer_boxes": {one.name: _placed(_detail(record)) for one, record in both},
            "scores": {one.name: record.get("score") for one, record in both},
            "parsed": {one.name: record.get("parsed") for one, record in both},
            "missing": [str(path) for _, path in media if not path.is_file()],
        },
    )


def _detail(record: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = record.get("detail")
    return detail if isinstance(detail, dict) else {}


def _placed(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Boxes and points in the form of the queue's records."""
    found: list[dict[str, Any]] = []
    for one in detail.get("answer_boxes") or ():
        numbers = one.get("box") if isinstance(one, dict) else None
        if isinstance(numbers, list) and len(numbers) == 4:
            found.append({"label": str(one.get("label", "")), "place": numbers})
        elif isinstance(numbers, list) and len(numbers) == 6:
            label, identifier = str(one.get("label", "")), str(one.get("identifier", ""))
            found.append({"label": label, "identifier": identifier, "centre": numbers[:3], "size": numbers[3:]})
    for one in detail.get("answer_points") or ():
        numbers = one.get("point") if isinstance(one, dict) else one
        if isinstance(numbers, list) and len(numbers) == 2:
            found.append({"label": str(one.get("label", "")) if isinstance(one, dict) else "", "place": numbers})
    return found
