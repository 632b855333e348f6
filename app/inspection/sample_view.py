"""One sample as values of the page: what is seen, what was asked and answered, and why it scored so.

Does not know how it is drawn; all words in it are shown as text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from app.inspection.comparison import Comparison, OpenSeries, Sample
from app.inspection.media import Shown, media_of, shown_media
from app.inspection.pairing import RIGHT
from app.inspection.word_diff import compared
from app.viewer.value import Kind, ViewBox
from lamm_core.errors import LammError
from lamm_core.evaluation.records import BROKEN, FAILED
from lamm_core.grounding import Box3D

__all__ = ["answers_value", "boxes_in_space", "seen", "stage_value"]

_MOST_MARKS = 300  # of one kind; more are a thicket
_LONGEST = 20_000  # characters of one answer on the page
_KIND: tuple[Kind, ...] = ("a", "b")


def seen(comparison: Comparison, sample: Sample) -> tuple[Shown, str]:
    """What the sample is about, and words on series that were shown something else.

    A blind series saw nothing and a shuffled one another picture, so theirs are looked at last.
    """
    order = sorted(range(len(sample.records)), key=lambda number: _strangeness(comparison.series[number]))
    media = [media_of(sample.records[number], comparison.series[number].run.folder) for number in order]
    own = next((found for found in media if found), [])
    told = []
    for number, found in zip(order, media, strict=True):
        letter = comparison.series[number].letter
        if not found and own:
            told.append(f"{letter} was asked without it.")
        elif found and found[0][1].name != own[0][1].name:
            told.append(f"{letter} was shown {found[0][1].name} instead.")
    return shown_media(own), " ".join(told)


def stage_value(comparison: Comparison, sample: Sample, shown: Shown, told: str) -> dict[str, Any]:
    """The picture with boxes and points, each with whose it is."""
    return {
        "kind": shown.kind,
        "source": shown.source,
        "name": shown.path.name if shown.path else "",
        "width": shown.width,
        "height": shown.height,
        "told": shown.told,
        "note": told,
        "series": [{"letter": one.letter, "who": _who(number)} for number, one in enumerate(comparison.series)],
        "marks": _marks(sample) if shown.kind == "picture" else [],
        "drawn": sorted({box.kind for box in boxes_in_space(sample)}) if shown.kind == "cloud" else [],
    }


def answers_value(comparison: Comparison, sample: Sample) -> dict[str, Any]:
    """Prompt, truth, and every series' answer with how it was read and why it scored so.

    The first two are compared word by word, further ones with the first.
    """
    texts = [str(record.get("text", ""))[:_LONGEST] for record in sample.records]
    pieces = [compared(texts[0], other)[1] for other in texts[1:]]
    first = compared(texts[0], texts[1])[0] if len(texts) > 1 else [{"text": texts[0], "only": False}]
    record = sample.records[0]
    metadata = record.get("metadata")
    return {
        "id": sample.id,
        "prompt": str(record.get("prompt", "")),
        "target": _words(record.get("target")),
        "group": "" if record.get("group") in (None, sample.id) else str(record.get("group")),
        "source": _words(metadata.get("source_dataset")) if isinstance(metadata, dict) else "",
        "answers": [
            _answer(one, record, number, parts)
            for number, (one, record, parts) in enumerate(
                zip(comparison.series, sample.records, [first, *pieces], strict=True)
            )
        ],
    }


def boxes_in_space(sample: Sample, origin: Sequence[float] = (0.0, 0.0, 0.0)) -> list[ViewBox]:
    """Truth, A's and B's boxes for the viewer; ``origin`` is where its zero lies in the records' coordinates."""
    boxes: list[ViewBox] = []
    for number, record in enumerate(sample.records):
        detail = record.get("detail")
        if not isinstance(detail, dict):
            continue
        if number == 0:
            boxes += _boxes(detail.get("truth_boxes"), "truth", "", origin)
        if number < len(_KIND):
            boxes += _boxes(detail.get("answer_boxes"), _KIND[number], f"{'AB'[number]} ", origin)
    return boxes


def _strangeness(one: OpenSeries) -> int:
    return (None, "shuffled", "blind").index(one.series.baseline)


def _who(number: int) -> str:
    return ("a", "b")[number] if number < 2 else "other"


def _answer(one: OpenSeries, record: dict[str, Any], number: int, pieces: Any) -> dict[str, Any]:
    score = record.get("score")
    facts = []
    if isinstance(record.get("tokens"), int):
        facts.append(f"{record['tokens']} tokens")
    latency = record.get("latency_seconds")
    if isinstance(latency, int | float) and math.isfinite(latency):
        facts.append(f"{latency:.2f} s")
    if record.get("cached") is True:
        facts.append("from the cache of answers")
    extraction = str(record.get("extraction") or "")
    state, verdict = _verdict(score, extraction)
    return {
        "letter": one.letter,
        "who": _who(number),
        "title": one.title,
        "pieces": pieces,
        "empty": not str(record.get("text", "")).strip(),
        "parsed": _words(record.get("parsed")),
        "extraction": extraction,
        "state": state,
        "verdict": verdict,
        "reason": str(record.get("reason", "")),
        "facts": " · ".join(facts),
    }


def _verdict(score: Any, extraction: str) -> tuple[str, str]:
    if extraction == FAILED:
        return "none", "no answer came; counted apart"
    if extraction == BROKEN:
        return "none", "its picture or cloud could not be opened; counted apart"
    if score is None:
        return "none", "could not be parsed; counted apart"
    words = (
        "right" if score >= 1 else "counts as right" if score >= RIGHT else "wrong" if score == 0 else "counts as wrong"
    )
    return "right" if score >= RIGHT else "wrong", f"{words} · score {score:.2f}".rstrip("0").rstrip(".")


def _words(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _marks(sample: Sample) -> list[dict[str, Any]]:
    """Boxes and points of the picture as shares of it. The truth is the first series': it is the same for all."""
    marks: list[dict[str, Any]] = []
    for number, record in enumerate(sample.records):
        detail = record.get("detail")
        if not isinstance(detail, dict):
            continue
        if number == 0:
            marks += _places(detail.get("truth_boxes"), detail.get("truth_points"), "truth", "truth")
        letter = chr(ord("A") + number)
        marks += _places(detail.get("answer_boxes"), detail.get("answer_points"), _who(number), letter)
    return marks


def _places(boxes: Any, points: Any, who: str, letter: str) -> list[dict[str, Any]]:
    found = []
    for one in boxes if isinstance(boxes, list) else ():
        place = _numbers(one.get("box") if isinstance(one, dict) else None, 4)
        if place:
            found.append({"who": who, "letter": letter, "label": str(one.get("label", ""))[:80], "place": place})
    for one in points if isinstance(points, list) else ():
        place, label = _numbers(one, 2), ""
        if isinstance(one, dict):
            place, label = _numbers(one.get("point"), 2), str(one.get("label", ""))[:80]
        if place:
            found.append({"who": who, "letter": letter, "label": label, "place": place})
    return found[:_MOST_MARKS]


def _numbers(values: Any, count: int) -> list[float]:
    """So many numbers, kept near the picture; empty where it is something else."""
    if not isinstance(values, list) or len(values) != count:
        return []
    if not all(type(value) in (int, float) and math.isfinite(value) for value in values):
        return []
    return [min(1.5, max(-0.5, float(value))) for value in values]


def _boxes(boxes: Any, kind: Kind, prefix: str, origin: Sequence[float]) -> list[ViewBox]:
    found = []
    for one in boxes if isinstance(boxes, list) else ():
        values = one.get("box") if isinstance(one, dict) else None
        if not isinstance(values, list) or len(values) != 6:
            continue
        try:
            centre = [float(value) - float(zero) for value, zero in zip(values[:3], origin, strict=True)]
            box = Box3D.of([*centre, *(float(value) for value in values[3:])])
        except (TypeError, ValueError, LammError):
            continue
        if all(math.isfinite(value) for value in (*box.centre, *box.size)):
            found.append(ViewBox(None, f"{prefix}{str(one.get('label', ''))[:60]}", box, kind))
    return found[:_MOST_MARKS]
