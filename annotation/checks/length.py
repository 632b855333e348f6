"""Check: answers too short to say anything, or too long to be read.

Does not know what is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from annotation.checks.known import Known, answers
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

SHORTEST = {"C1": 3, "C2": 3, "C3": 14}  # words; a round of a dialogue may be short, a description not
HARDLY = 6  # words of a description that are surely too few
LONGEST = {"C1": 120, "C2": 160, "C3": 300, "C4": 400}


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each answer outside the limits of its kind."""
    shortest, longest = SHORTEST.get(draft.kind, 1), LONGEST.get(draft.kind, 400)
    short = 0
    for turn, text in answers(draft):
        words = len(text.split())
        span = Span(turn, 0, min(len(text), 400))
        if words > longest:
            score = min(0.95, 0.5 + 0.5 * (words / longest - 1))
            yield Check("length", score, f"{words:,} words; {longest} are long for {draft.kind}.", span)
        elif words < shortest:
            short += 1
            score = (0.8 if words <= HARDLY else 0.4) if draft.kind == "C3" else 0.35 if short == 1 else 0.75
            yield Check("length", score, f"{words} word{'s' * (words != 1)} only.", span)
