"""The notes of a query read back from its text.

Does not know answers. The forms are those that ``generation/facts.py`` writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from annotation.generation import facts

__all__ = ["Noted", "Notes", "read_notes"]

_NUMBER = r"(-?[\d.]+)"
_BOX = re.compile(rf"^(.*?) \[{', '.join([_NUMBER] * 4)}\](?: \((\d+) of them\))?(?:, (.*))?$")
_THING = re.compile(rf"^(.*?) at \[{', '.join([_NUMBER] * 3)}\] size \[{', '.join([_NUMBER] * 3)}\](?:, (.*))?$")


@dataclass(frozen=True)
class Noted:
    """One object: ``across`` from 0 (left) to 1 in pictures, in metres in scans; ``numbers`` as noted."""

    label: str
    across: float
    numbers: tuple[float, ...]
    count: int = 1
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notes:
    """What a query says about its source."""

    medium: str = "picture"
    captions: tuple[str, ...] = ()
    objects: tuple[Noted, ...] = ()
    further: tuple[tuple[str, int], ...] = ()
    relations: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    knowledge: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind, in the order noted."""
        counts: dict[str, int] = {}
        for one in self.objects:
            counts[one.label] = counts.get(one.label, 0) + one.count
        for label, count in self.further:
            counts[label] = counts.get(label, 0) + count
        return counts


def read_notes(text: str) -> Notes:
    """The notes; what is written otherwise is passed over."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("- "):
            found.setdefault(heading, []).append(line[2:])
        elif line.startswith((facts.CLASS, facts.KNOWLEDGE)):
            name, _, rest = line.partition(": ")
            found[name] = [rest]
        elif line.startswith(facts.MORE):
            found["further"] = line.removeprefix(facts.MORE).strip(" )").split(", ")
        else:
            heading = line
    things = [_thing(line) for line in found.get(facts.THINGS, [])]
    boxes = [one for line in found.get(facts.BOXES, []) if (one := _box(line))]
    path = found.get("Class", [""])[0]
    return Notes(
        "scan" if things else "picture",
        tuple(found.get(facts.CAPTIONS, ())), tuple(boxes or things),
        tuple(_further(part) for part in found.get("further", ())), tuple(found.get(facts.RELATIONS, ())),
        tuple(found.get(facts.WORDS, ())), tuple(part for part in path.split(" > ") if part),
        found.get("Knowledge", [""])[0],
    )  # fmt: skip


def _box(line: str) -> Noted | None:
    match = _BOX.match(line)
    if not match:
        return None
    x1, y1, x2, y2 = (float(match[number]) for number in range(2, 6))
    return Noted(match[1], (x1 + x2) / 2, (x1, y1, x2, y2), int(match[6] or 1), _attributes(match[7]))


def _thing(line: str) -> Noted:
    match = _THING.match(line)
    if not match:
        label, *attributes = line.split(", ")
        return Noted(label, 0.0, (), 1, tuple(attributes))
    return Noted(match[1], float(match[2]), tuple(float(match[n]) for n in range(2, 8)), 1, _attributes(match[8]))


def _further(text: str) -> tuple[str, int]:
    count, _, label = text.partition(" × ")
    return label, int(count)


def _attributes(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
