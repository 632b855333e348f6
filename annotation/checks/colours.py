"""Check: colours against those noted.

Does not know shades: neighbours on the colour circle count as half wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from annotation.checks.known import COLOURS, Known, answers, colours_in
from annotation.checks.mentions import Mention, mentions
from annotation.review.items import Box, Check, Draft, Span

__all__ = ["check"]

WRONG, NEIGHBOUR, UNKNOWN = 0.85, 0.4, 0.25
NEIGHBOURS = {
    frozenset(pair)
    for pair in (("red", "orange"), ("red", "pink"), ("red", "brown"), ("orange", "yellow"), ("orange", "brown"),
                 ("blue", "purple"), ("pink", "purple"), ("grey", "white"), ("grey", "black"), ("beige", "white"),
                 ("beige", "brown"), ("beige", "yellow"), ("turquoise", "blue"), ("turquoise", "green"))
}  # fmt: skip
_SAME_CLAUSE = re.compile(r"[.;]|, (?!" + "|".join(COLOURS) + r")")


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each colour that is not noted of the thing it is said of."""
    if known.source is None or draft.kind in ("C2", "C4"):
        return
    noted_in_words = {colour for _, colour in colours_in(known.text)}
    for turn, text in answers(draft):
        found = list(mentions(text, known.labels))
        for start, colour in colours_in(text):
            one = _bearer(text, start, found)
            if one is None or colour in noted_in_words:
                continue
            noted = {name for thing in known.of(one.kind) for name in thing.colours}
            if colour in noted:
                continue
            if not noted:
                score, message = UNKNOWN, f"No colour of the {text[one.start : one.end]} is noted."
            else:
                near = any(frozenset((colour, other)) in NEIGHBOURS for other in noted)
                score = NEIGHBOUR if near else WRONG
                message = f"Noted as {', '.join(sorted(noted))}."
            end = start + len(re.match(r"\w+", text[start:])[0])  # type: ignore[index]
            yield Check("colour", score, message, Span(turn, start, end), next(iter(_boxes(known, one)), None))


def _boxes(known: Known, one: Mention) -> list[Box]:
    return [thing.box for thing in known.of(one.kind) if len(thing.box.values) in (4, 6)]


def _bearer(text: str, start: int, found: list[Mention]) -> Mention | None:
    """The thing a colour is said of: the next one of the same clause, else the last before it."""
    after = [one for one in found if one.start > start and not _SAME_CLAUSE.search(text[start : one.start])]
    if after and len(text[start : after[0].start].split()) <= 4:
        return after[0]
    before = [one for one in found if one.end <= start and not _SAME_CLAUSE.search(text[one.end : start])]
    return before[-1] if before else None
