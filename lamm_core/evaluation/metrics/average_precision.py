"""Average precision of labelled boxes, by the rules of Pascal VOC and of COCO.

Does not know what a box is: overlaps come from a function, so the same rules serve two and three dimensions.

Matching never looks beyond one picture, so it is done once a picture; `average_precision` then only sorts and adds up,
which is what makes resampling it a thousand times affordable. An answer in words carries no confidence. Where a box has
none, its place in the answer stands for it: what is named first is ranked first. Boxes of one rank cannot be told apart
by any threshold, so they enter the curve together and the order of the pictures is no matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

__all__ = ["Found", "Judged", "Rule", "average_precision", "judge_boxes"]

Rule = Literal["voc", "coco"]


class Found(NamedTuple):
    """One box of an answer; ``score`` is None where the answer carries no confidence."""

    label: str
    box: Any
    score: float | None = None


class Judged(NamedTuple):
    """What one picture adds: for each box found its label, rank and whether it hit; the number of true ones a label."""

    boxes: list[tuple[str, float, bool]]
    true: dict[str, int]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Judged:
        """From what `as_record` wrote, as it comes back from JSON."""
        return cls([(label, rank, bool(hit)) for label, rank, hit in record["boxes"]], dict(record["true"]))

    def as_record(self) -> dict[str, Any]:
        """In lists and mappings that JSON can hold."""
        return {"boxes": [list(box) for box in self.boxes], "true": self.true}


def judge_boxes(
    found: Sequence[Found], true: Sequence[tuple[str, Any]], *,
    overlap: Callable[[Any, Any], float], threshold: float, rule: Rule = "voc",
) -> Judged:  # fmt: skip
    """Which boxes of one picture hit, taken from the highest score down.

    VOC: a box belongs to the true box of its class that it overlaps most, hits if by *more* than the threshold, and is
    a miss if that one was hit before. COCO: it takes the best of those *not yet hit*, if by *at least* the threshold.
    """
    ranked = sorted(enumerate(found), key=lambda item: -_rank(item[1], item[0]))
    taken: set[int] = set()
    boxes = []
    for place, one in ranked:
        best, most = None, -1.0
        for index, (label, box) in enumerate(true):
            if label != one.label or (rule == "coco" and index in taken):
                continue
            shared = overlap(one.box, box)
            # COCO's own loop goes on while the overlap is not smaller, so that of equals the last is taken.
            if shared > most or (rule == "coco" and shared == most):
                best, most = index, shared
        hit = best is not None and best not in taken and (most > threshold if rule == "voc" else most >= threshold)
        if hit and best is not None:
            taken.add(best)
        boxes.append((one.label, _rank(one, place), hit))
    counts: dict[str, int] = defaultdict(int)
    for label, _ in true:
        counts[label] += 1
    return Judged(boxes, dict(counts))


def _rank(one: Found, place: int) -> float:
    return float(-place) if one.score is None else one.score


def average_precision(pictures: Sequence[Judged], *, rule: Rule = "voc") -> float | None:
    """Mean over the classes that occur of the area under precision against recall; None where none occurs.

    VOC: all points of the envelope. COCO: the mean of the envelope at 101 recalls.
    """
    possible: dict[str, int] = defaultdict(int)
    ranks: dict[str, list[float]] = defaultdict(list)
    hits: dict[str, list[bool]] = defaultdict(list)
    for picture in pictures:
        for label, count in picture.true.items():
            possible[label] += count
        for label, rank, hit in picture.boxes:
            ranks[label].append(rank)
            hits[label].append(hit)
    if not possible:
        return None
    areas = [
        _area(np.array(ranks[label]), np.array(hits[label], bool), count, rule) for label, count in possible.items()
    ]
    return float(np.mean(areas))


def _area(ranks: Any, hits: Any, possible: int, rule: Rule) -> float:
    if not hits.any():
        return 0.0
    order = np.argsort(-ranks, kind="stable")
    gained = np.cumsum(hits[order])
    ends = np.flatnonzero(np.append(np.diff(ranks[order]) != 0, True))  # the last box of each rank
    recall = gained[ends] / possible
    precision = gained[ends] / (ends + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if rule == "voc":
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    places = np.searchsorted(recall, np.linspace(0.0, 1.0, 101), side="left")
    return float(np.mean(np.append(envelope, 0.0)[places]))
