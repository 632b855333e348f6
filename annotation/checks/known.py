"""What the notes of a source settle: how many of each kind, where, in which colours, and what they say in words.

Does not know texts to be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from annotation.checks.mentions import canonical, mentions
from annotation.review.items import Box, Draft
from annotation.sources.source import Source

__all__ = ["COLOURS", "READ", "Known", "Placed", "answers", "colours_in", "known_of"]

COLOURS = (
    "red",
    "blue",
    "green",
    "yellow",
    "white",
    "black",
    "brown",
    "orange",
    "purple",
    "pink",
    "grey",
    "beige",
    "turquoise",
)
READ = 12_000  # characters of an answer that are looked at; its length is found wrong anyway
_COLOUR = re.compile(rf"\b({'|'.join((*COLOURS, 'gray', 'violet'))})\b", re.IGNORECASE)
_SAME_COLOUR = {"gray": "grey", "violet": "purple"}


@dataclass(frozen=True)
class Placed:
    """One object: kind, centre (x, y[, z]) and the box as it is drawn; ``colours`` where they are noted."""

    kind: str
    label: str
    centre: tuple[float, ...]
    box: Box
    count: int
    colours: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """``text`` is all that is noted in words, ``named`` the kinds that occur in it; ``labels`` are as the set has them.

    ``listed``: things are listed one by one, so that what is not listed is likely not there.
    """

    source: Source | None
    objects: tuple[Placed, ...]
    counts: dict[str, int]
    named: frozenset[str]
    labels: tuple[str, ...]
    text: str
    flat: bool

    @property
    def listed(self) -> bool:
        return bool(self.objects)

    def of(self, kind: str) -> list[Placed]:
        """The objects of a kind."""
        return [one for one in self.objects if one.kind == kind]


def known_of(source: Source | None) -> Known:
    """What a source's notes settle; nothing where the source is not known."""
    if source is None:
        return Known(None, (), {}, frozenset(), (), "", True)
    objects = [
        Placed(canonical(box.label), box.label, ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2),
               Box(box.label, (box.x1, box.y1, box.x2, box.y2)), box.count, _colours(box.attributes))
        for box in source.boxes
    ]  # fmt: skip
    objects += [
        Placed(canonical(thing.label), thing.label, thing.centre or (),
               Box(thing.label, (*(thing.centre or ()), *(thing.size or ()))), 1, _colours(thing.attributes))
        for thing in source.things
    ]  # fmt: skip
    counts: dict[str, int] = {}
    for one in objects:
        counts[one.kind] = counts.get(one.kind, 0) + one.count
    said = [
        *source.captions, *(f"{one.subject} {one.predicate} {one.object}" for one in source.relations),
        *(word.text for word in source.words), *(f"{one.text} {one.answer}" for one in source.questions),
        source.label or "", *source.label_path, source.knowledge or "",
    ]  # fmt: skip
    text = " . ".join(part for part in said if part)
    labels = tuple(dict.fromkeys([*(one.label for one in objects), *([source.label] if source.label else [])]))
    named = frozenset(mention.kind for mention in mentions(text, labels)) | frozenset(map(canonical, source.label_path))
    return Known(source, tuple(objects), counts, named, labels, text.lower(), source.modality == "image")


def _colours(attributes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(colour for attribute in attributes for _, colour in colours_in(attribute))


def colours_in(text: str) -> Iterator[tuple[int, str]]:
    """Where a text names a colour, and which."""
    for match in _COLOUR.finditer(text):
        word = match[0].lower()
        yield match.start(), _SAME_COLOUR.get(word, word)


def answers(draft: Draft) -> Iterator[tuple[int, str]]:
    """Number and text of each answer, of a run-away only its beginning."""
    for number, turn in enumerate(draft.turns):
        if turn.role == "assistant":
            yield number, turn.text[:READ]
