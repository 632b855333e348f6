"""Check: numbers of things against the notes.

Does not know which of several things a number speaks of: two of three dogs may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from annotation.checks.known import Known, answers, colours_in
from annotation.checks.mentions import NUMBERS, mentions, number_before, unbracketed
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

MORE, FEWER, ASKED = 0.8, 0.5, 0.95
_ANY = re.compile(r"\b(?:" + "|".join(NUMBERS) + r"|\d{1,4})\b", re.IGNORECASE)
_HOW_MANY = re.compile(r"\b(?:how many|count|number of)\b", re.IGNORECASE)
_ABOUT = re.compile(
    r"\b(?:about|around|at least|more than|over|nearly|almost|several|one of|of the)\s*$", re.IGNORECASE
)


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each number that differs from how many are noted."""
    if not known.listed:
        return
    for turn, text in answers(draft):
        question = draft.turns[turn - 1].text if turn else ""
        asked = _asked(question, known) if _HOW_MANY.search(question) or _counting(draft) else None
        said = list(_said(text, known))
        if asked and not any(kind == asked for kind, *_ in said):
            said += _bare(text, asked)
        for kind, value, start, end in said:
            count = _counted(known, kind, text[start:end])
            if (
                value == count
                or _ABOUT.search(text[max(0, start - 20) : start])
                or text[start:end].lower() in known.text
            ):
                continue
            score = ASKED if kind == asked else MORE if value > count else FEWER
            label = known.of(kind)[0].label
            yield Check("count", score, f"{count} × {label} noted, {value} said.", Span(turn, start, end))


def _counted(known: Known, kind: str, said: str) -> int:
    """How many are meant: with a colour between number and name those of the colour, where colours are noted."""
    colours = [colour for _, colour in colours_in(said)]
    coloured = [one for one in known.of(kind) if one.colours]
    if not colours or not coloured:
        return known.counts[kind]
    return sum(one.count for one in coloured if colours[0] in one.colours)


def _counting(draft: Draft) -> bool:
    return draft.annotation.get("task_type") == "counting"


def _asked(question: str, known: Known) -> str | None:
    return next((one.kind for one in mentions(question, known.labels) if one.kind in known.counts), None)


def _said(text: str, known: Known) -> Iterator[tuple[str, int, int, int]]:
    for one in mentions(text, known.labels):
        found = number_before(text, one)
        if found and one.kind in known.counts:
            yield one.kind, found[0], found[1], one.end


def _bare(text: str, kind: str) -> Iterator[tuple[str, int, int, int]]:
    """The numbers of an answer that does not repeat what is counted."""
    for match in _ANY.finditer(unbracketed(text)):
        word = match[0].lower()
        yield kind, int(word) if word.isdigit() else NUMBERS[word], match.start(), match.end()
        return
