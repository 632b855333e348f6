"""Deliberate errors: each kind put into an answer once, so that the machine checks can be measured against them.

Does not know the checks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from annotation.fake.notes import Notes
from annotation.fake.wording import NUMBERS
from annotation.visual_tasks.wordings import plural
from lamm_core.names import OBJECTS

__all__ = ["ERRORS", "spoil"]

Rounds = list[dict[str, str]]
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "orange", "purple", "pink", "grey")
_COLOUR = re.compile(rf"\b({'|'.join((*COLOURS, 'gray'))})\b", re.IGNORECASE)
_COUNT = re.compile(rf"\b({'|'.join(NUMBERS[1:])}|\d+)\b(?= [a-z])")
_SIDE = re.compile(r"\b(left|right)\b")


def spoil(rounds: Rounds, notes: Notes, rng: random.Random, *, error: str, whole: bool) -> str:
    """Put the error into the rounds; its name, or ``clean`` where there was no occasion. ``whole``: a description."""
    return error if ERRORS[error](rounds, notes, rng, whole) else "clean"


def _any(rounds: Rounds, rng: random.Random) -> dict[str, str]:
    return rng.choice(rounds)


def _object(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    text = " ".join([*notes.captions, *notes.relations, *notes.path, notes.knowledge, *notes.counts]).lower()
    absent = [name for name in OBJECTS[:80] if not any(word in text for word in name.split())]
    if not absent or not notes.objects:
        return False
    name = rng.choice(absent)
    rounds[0]["answer"] += rng.choice(
        (f" There is also a {name}.", f" Next to it is a {name}.", f" I can see a {name} too.")
    )
    return True


def _missing(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    if not whole or len(notes.counts) < 2:
        return False
    label = rng.choice(list(notes.counts))
    names = f"(?:{re.escape(plural(label))}|{re.escape(label)})"
    kept = [part for part in re.split(r"(?<=\.) ", rounds[0]["answer"]) if not re.search(rf"\b{names}\b", part)]
    listed = [name for name in notes.counts if name != label]
    rounds[0]["answer"] = " ".join([*kept, f"It shows {' and '.join(f'the {name}' for name in listed[:6])}."])
    return not re.search(rf"\b{names}\b", rounds[0]["answer"])


def _count(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    return _swap(rounds, rng, _COUNT, lambda word: NUMBERS[_other(word, rng)])


def _other(word: str, rng: random.Random) -> int:
    value = int(word) if word.isdigit() else NUMBERS.index(word)
    return rng.choice([count for count in range(2, 10) if count != value])


def _place(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    return _swap(rounds, rng, _SIDE, lambda word: "right" if word == "left" else "left")


def _colour(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    known = " ".join([*notes.captions, *(word for one in notes.objects for word in one.attributes)]).lower()
    free = [colour for colour in COLOURS if colour not in known and not (colour == "grey" and "gray" in known)]
    return bool(free) and _swap(rounds, rng, _COLOUR, lambda word: rng.choice(free))


def _swap(rounds: Rounds, rng: random.Random, pattern: re.Pattern[str], put: Callable[[str], str]) -> bool:
    fitting = [(one, match) for one in rounds for match in pattern.finditer(one["answer"])]
    if not fitting:
        return False
    one, match = rng.choice(fitting)
    one["answer"] = one["answer"][: match.start()] + put(match[0]) + one["answer"][match.end() :]
    return True


def _coordinates(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    boxed = [one for one in notes.objects if len(one.numbers) == 4]
    if not boxed:
        return False
    one = rng.choice(boxed)
    x = 0.02 if one.across > 0.5 else 0.8
    _any(rounds, rng)["answer"] += f" The {one.label} is at [{x:.2f}, 0.02, {x + 0.15:.2f}, 0.12]."
    return True


def _length(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    if rng.random() < 0.5:
        for one in rounds:
            one["answer"] = rng.choice(("Yes.", "It is.", "Nice."))
    else:
        rounds[-1]["answer"] += " It is really a very interesting thing to look at from every side." * 40
    return True


def _repeat(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    if whole:
        rounds[0]["answer"] += " " + rounds[0]["answer"]
    else:
        rounds.append(dict(rounds[-1]))
    return True


def _leak(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    one = _any(rounds, rng)
    lead = rng.choice(
        ("According to the captions provided, ", "Based on the bounding boxes, ", "In the list of objects, ")
    )
    one["answer"] = lead + one["answer"][:1].lower() + one["answer"][1:]
    return True


def _refusal(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    _any(rounds, rng)["answer"] = rng.choice((
        "I'm sorry, but I cannot see the picture.", "As an AI language model, I am unable to view images.",
        "I'm sorry, I can't help with that.",
    ))  # fmt: skip
    return True


def _markup(rounds: Rounds, notes: Notes, rng: random.Random, whole: bool) -> bool:
    _any(rounds, rng)["answer"] += rng.choice((
        " <img src=x onerror=alert(1)>", " <script>alert(1)</script>", " [here](javascript:alert(1))",
        " ![more](http://example.com/pixel.png)", " <b>Look</b>",
    ))  # fmt: skip
    return True


ERRORS: dict[str, Callable[[Rounds, Notes, random.Random, bool], bool]] = {
    "object": _object,
    "missing": _missing,
    "count": _count,
    "place": _place,
    "coordinates": _coordinates,
    "colour": _colour,
    "length": _length,
    "repeat": _repeat,
    "leak": _leak,
    "refusal": _refusal,
    "markup": _markup,
}
