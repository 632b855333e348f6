"""Text as it comes, cut at the first of some texts that a program wants the answer to end at.

Does not know tokens or models.
"""

from __future__ import annotations

from collections.abc import Sequence

from lamm_core.inference.detokenize import overlap

__all__ = ["StopText"]


class StopText:
    """`add` passes text on, but for an ending that may become a stop; ``found`` turns true when one was written."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def add(self, text: str, *, last: bool = False) -> str:
        """What can be shown now; with ``last`` nothing is held back any more."""
        if self.found:
            return ""
        text, self._held = self._held + text, ""
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.found = True
            return text[: min(places)]
        kept = len(text) - (0 if last else max((overlap(text, stop) for stop in self._stops), default=0))
        self._held = text[kept:]
        return text[:kept]
