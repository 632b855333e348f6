"""Check: objects named that the notes lack.

Does not know the picture: where a set boxes only some kinds of things, what it names beside them may still be there.
"""

from __future__ import annotations

from collections.abc import Iterator

from annotation.checks.known import Known, answers
from annotation.checks.mentions import mentions
from annotation.review.items import Check, Draft, Span
from lamm_core.names import OBJECTS

__all__ = ["check"]

ANNOTATED = frozenset(OBJECTS[:80])  # kinds that detection sets box wherever they are
SUPPORTS = ("dining table", "desk")  # what things of a scan stand on is seldom an object of its own
SCORES = {"annotated": 0.85, "listed": 0.6, "captioned": 0.45}


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """One finding for each kind that is named without ground, at its first mention."""
    if known.source is None or draft.kind == "C2" or not (known.listed or known.source.captions):
        return  # facts about a class speak of other things
    seen = set(known.counts) | known.named
    for turn, text in answers(draft):
        for one in mentions(text, known.labels):
            if one.kind in seen or (not known.flat and one.kind in SUPPORTS):
                continue
            seen.add(one.kind)
            strength = "captioned" if not known.listed else "annotated" if one.kind in ANNOTATED else "listed"
            span = Span(turn, one.start, one.end)
            yield Check("object", SCORES[strength], f"The notes have no {text[one.start : one.end]}.", span)
