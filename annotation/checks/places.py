"""Check: left, right, top, bottom, in front and behind against the places noted.

Does not know which of several things of a kind is meant: a place is wrong only where none of them is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from annotation.checks.known import Known, Placed, answers, colours_in
from annotation.checks.mentions import Mention, mentions, unbracketed
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

SURE, LIKELY = 0.85, 0.6
SIDE = re.compile(
    r"^[^.;,]{0,30}?\b(?:(?:on|at|to|in|near|towards) the (?:far |very |upper |lower )?"
    r"(left|right|top|bottom|middle|centre|center)\b"
    r"(?! of (?!(?:the |this )?(?:picture|image|photo|scene|frame|scan))))",
    re.IGNORECASE,
)
RELATED = re.compile(
    r"^ (?:\w+ ){0,3}?(?:(?:to|on) the (left|right)(?: side)? of|(above|below|beneath|under|behind|in front of)) "
    r"(?:the |a |an |one )",
    re.IGNORECASE,
)
MOST_TO = re.compile(r"\bfurthest to the (left|right)\b|\b(left|right)most\b", re.IGNORECASE)
EDGE, MARGIN = 0.05, 0.02
AFTER = 120  # characters after a name in which its place is said


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each place that no thing of the kind is at."""
    if not known.listed:
        return
    for turn, text in answers(draft):
        plain = unbracketed(text)
        found = list(mentions(text, known.labels))
        for number, one in enumerate(found):
            things = _meant(known, one, plain)
            if not things:
                continue
            rest = plain[one.end : one.end + AFTER]
            related = RELATED.match(rest)
            after = found[number + 1] if number + 1 < len(found) else None
            if related and after and after.start == one.end + related.end():
                yield from _relative(things, known, after, plain, related, turn, one)
            elif known.flat and (side := SIDE.match(rest)):
                end = one.end + side.end()
                yield from _absolute(things, side[1].lower(), Span(turn, one.start, end), text[one.start : end])
        yield from _extreme(known, found, text, turn)


def _meant(known: Known, one: Mention, text: str) -> list[Placed]:
    """The things a mention may speak of; a colour right before it picks among them."""
    things = [thing for thing in known.of(one.kind) if len(thing.centre) >= 2]
    lead = text[max(0, one.start - 14) : one.start]
    colours = [colour for start, colour in colours_in(lead) if lead[start:].split()[1:] == []]
    chosen = [thing for thing in things if colours and colours[-1] in thing.colours]
    return chosen or things


def _absolute(things: list[Placed], side: str, span: Span, said: str) -> Iterator[Check]:
    across = [(thing.centre[0], thing.centre[1]) for thing in things]
    fits = {
        "left": any(x < 0.5 + EDGE for x, _ in across),
        "right": any(x > 0.5 - EDGE for x, _ in across),
        "top": any(y < 0.5 + EDGE for _, y in across),
        "bottom": any(y > 0.5 - EDGE for _, y in across),
    }.get(side, any(0.2 < x < 0.8 for x, _ in across))
    if not fits:
        score = SURE if side in ("left", "right") else LIKELY
        yield Check("place", score, f"“{said}” is not where it is noted.", span, things[0].box)


def _relative(
    things: list[Placed], known: Known, other: Mention, text: str, how: re.Match[str], turn: int, one: Mention
) -> Iterator[Check]:
    others = [thing for thing in _meant(known, other, text) if len(thing.centre) >= 2]
    word = (how[1] or how[2]).lower()
    pairs = [(a, b) for a in things for b in others if a is not b]
    if not pairs or len(pairs) > 60:
        return
    if not any(_holds(word, a, b, flat=known.flat) for a, b in pairs):
        span = Span(turn, one.start, other.end)
        score = SURE if word in ("left", "right") else LIKELY
        yield Check("place", score, f"“{text[one.start : other.end]}” is not as noted.", span, things[0].box)


def _holds(word: str, a: Placed, b: Placed, *, flat: bool) -> bool:
    ax, ay, *az = a.centre
    bx, by, *bz = b.centre
    if word == "left":
        return ax < bx + MARGIN
    if word == "right":
        return ax > bx - MARGIN
    if flat:  # in a picture depth is not noted, and what is lower often stands in front
        return ay < by + EDGE if word == "above" else ay > by - EDGE if word in ("below", "beneath", "under") else True
    if word in ("behind", "in front of"):
        return ay > by - MARGIN if word == "behind" else ay < by + MARGIN
    return not az or not bz or (az[0] > bz[0] - MARGIN if word == "above" else az[0] < bz[0] + MARGIN)


def _extreme(known: Known, found: list[Mention], text: str, turn: int) -> Iterator[Check]:
    """What is said to be furthest to one side."""
    placed = [thing for thing in known.objects if len(thing.centre) >= 2]
    for match in MOST_TO.finditer(text):
        stop = text.find(".", match.end())
        named = [one for one in found if match.start() <= one.start and (stop < 0 or one.start < stop)]
        things = _meant(known, named[0], text) if named else []
        if not things or not placed:
            continue
        side = (match[1] or match[2]).lower()
        edge = (min if side == "left" else max)(thing.centre[0] for thing in placed)
        if not any(abs(thing.centre[0] - edge) <= MARGIN for thing in things):
            span = Span(turn, match.start(), named[0].end)
            yield Check("place", SURE, f"Another thing is further to the {side}.", span, things[0].box)
