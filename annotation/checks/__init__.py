"""Machine checks of drafts: each finds one kind of error, with a score and the span it speaks of.

Do not know who wrote a draft. ``CHECKS`` is the list; a new check is one file and one line here. The checks see the
text and the notes of the source, never the picture: what the notes do not hold they cannot find wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from annotation.checks import (
    colours,
    coordinates,
    counts,
    leaks,
    length,
    markup,
    missing,
    places,
    refusals,
    repeats,
    unsupported,
)
from annotation.checks.calibration import Calibration, shipped
from annotation.checks.known import Known, known_of
from annotation.review.items import Check, Draft
from annotation.sources.source import Source

__all__ = ["CHECKS", "Calibration", "Checker", "Known"]

CHECKS: dict[str, Callable[[Draft, Known], Iterable[Check]]] = {
    "object": unsupported.check,
    "missing": missing.check,
    "count": counts.check,
    "place": places.check,
    "coordinates": coordinates.check,
    "colour": colours.check,
    "length": length.check,
    "leak": leaks.check,
    "refusal": refusals.check,
    "markup": markup.check,
}
MOST = 12  # findings of one check about one draft: a text of 100 kB must not bring a thousand


class Checker:
    """Checks drafts one after the other; it remembers their wording, to find those that are alike."""

    def __init__(self, calibration: Calibration | None = None) -> None:
        self._calibration = calibration or shipped()
        self._repeats = repeats.Repeats()

    def __call__(self, draft: Draft, source: Source | None) -> tuple[tuple[Check, ...], float]:
        """What was found, the worst first, and how likely it is that something is wrong."""
        known = known_of(source)
        found = [*self._repeats.check(draft)][:MOST]
        for check in CHECKS.values():
            some = sorted(check(draft, known), key=lambda one: -one.score)
            found += some[:MOST]
        found.sort(key=lambda one: -one.score)
        return tuple(found), self._calibration.expected_error(found)
