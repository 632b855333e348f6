"""Check: things noted that a text which should name all of them leaves out.

Does not know small things from large ones beyond the area of their boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

from annotation.checks.known import Known, answers
from annotation.checks.mentions import mentions
from annotation.review.items import Check, Draft

__all__ = ["check"]

COMPLETE = {"description", "description3d"}  # kinds of task whose answer should name every kind of thing
SMALLEST = 0.01  # share of the picture: smaller things may go unsaid
SURE, SMALL = 0.8, 0.35


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """One finding for each kind left out; its box lights up."""
    if draft.annotation.get("task_type") not in COMPLETE or not known.listed:
        return
    text = " ".join(answer for _, answer in answers(draft))
    named = {one.kind for one in mentions(text, known.labels)}
    for kind in known.counts:
        largest = max(known.of(kind), key=lambda one: _area(one.box.values))
        if kind in named:
            continue
        score = SMALL if known.flat and _area(largest.box.values) < SMALLEST else SURE
        box = largest.box if len(largest.box.values) in (4, 6) else None
        count = known.counts[kind]
        yield Check("missing", score, f"Nothing is said of the {largest.label} ({count} noted).", box=box)


def _area(values: tuple[float, ...]) -> float:
    return (values[2] - values[0]) * (values[3] - values[1]) if len(values) == 4 else 1.0
