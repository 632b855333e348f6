"""Check: boxes and points written out against those noted.

Does not know wording; a box is looked for among those of the label before it, then among all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from annotation.checks.known import Known, answers
from annotation.checks.mentions import canonical
from annotation.review.items import Box, Check, Draft, Span
from lamm_core.grounding import Box3D, box_overlap, box_overlap_3d, find_boxes, find_points

__all__ = ["check"]

GOOD_OVERLAP = 0.7  # two decimals cost a box of a tenth of the picture about a tenth of its overlap
NEAR = 0.03
SURE = 0.95
_NUMBERS = re.compile(r"\[\s*(-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?)+)\s*\]")


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each bracket of numbers that is no place noted."""
    for turn, text in answers(draft):
        boxes = {box.span[1]: box for box in find_boxes(text) if box.span}
        points = {point.span[1]: point for point in find_points(text) if point.span}
        for match in _NUMBERS.finditer(text):
            numbers = [float(number) for number in match[1].split(",")]
            span = Span(turn, match.start(), match.end())
            if len(numbers) == 6 and not known.flat:
                score = _wrong_3d(numbers, known)
            elif len(numbers) == 4 and match.end() in boxes:
                box = boxes[match.end()]
                score = _wrong_box((box.x1, box.y1, box.x2, box.y2), box.label, known)
            elif len(numbers) == 2 and match.end() in points:
                point = points[match.end()]
                score = _wrong_point(point.x, point.y, point.label, known)
            else:
                yield Check("coordinates", SURE, "These numbers are no place.", span)
                continue
            if score > 0.05:
                shown = Box("", tuple(numbers)) if len(numbers) in (2, 4, 6) else None
                yield Check("coordinates", score, "No place noted is like this one.", span, shown)


def _chosen(label: str, known: Known) -> list[Box]:
    kind = canonical(label)
    named = [one.box for one in known.objects if one.kind == kind or one.label.lower() in label.lower()]
    return named or [one.box for one in known.objects]


def _score(overlap: float) -> float:
    return 0.0 if overlap >= GOOD_OVERLAP else SURE * (1 - overlap / GOOD_OVERLAP)


def _wrong_box(corners: tuple[float, float, float, float], label: str, known: Known) -> float:
    if not known.objects:
        return 0.3  # nothing noted to hold it against
    near = [
        max(0.0, 1 - max(abs(a - b) for a, b in zip(corners, box.values, strict=True)) / NEAR)
        for box in _chosen(label, known)
        if len(box.values) == 4
    ]
    if max(near, default=0.0) >= 0.6:  # small boxes lose much overlap to two decimals
        return 0.0
    return _score(max((box_overlap(corners, one.values) for one in _chosen(label, known)), default=0.0))


def _wrong_3d(numbers: Sequence[float], known: Known) -> float:
    boxes = [one.box.values for one in known.objects if len(one.box.values) == 6]
    if not boxes:
        return 0.3
    near = min(max(abs(a - b) for a, b in zip(numbers, box, strict=True)) for box in boxes)
    best = max(box_overlap_3d(Box3D.of(numbers), Box3D.of(box)) for box in boxes)
    return 0.0 if near <= 0.005 else _score(best)


def _wrong_point(x: float, y: float, label: str, known: Known) -> float:
    joints = known.source.joints if known.source else ()
    named = [joint for joint in joints if joint.name in label.lower()] or list(joints)
    if any(max(abs(joint.x - x), abs(joint.y - y)) <= NEAR for joint in named):
        return 0.0
    inside = any(
        len(box.values) == 4 and box.values[0] - NEAR <= x <= box.values[2] + NEAR
        and box.values[1] - NEAR <= y <= box.values[3] + NEAR
        for box in _chosen(label, known)
    )  # fmt: skip
    return 0.0 if inside and not named else SURE if (known.objects or joints) else 0.3
