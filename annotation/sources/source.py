"""A source: one picture or scan with everything that is known about it, whatever set it came from.

Does not know how a set stores it, nor what will be made of it; standard library only. Places in pictures are shares of
width and height, those in scans are metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media
from lamm_core.errors import DataError

__all__ = ["Box", "Broken", "Joint", "Question", "Relation", "Source", "Thing", "Word", "from_record", "to_record"]


@dataclass(frozen=True)
class Box:
    """A labelled rectangle, corners in [0, 1]. ``count`` is how many objects it holds, where a set boxes groups."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float
    count: int = 1
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relation:
    """Two labelled things and what joins them: cup, on, table."""

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True)
class Joint:
    """A named place on one person; ``person`` numbers the people of the picture from 1."""

    name: str
    x: float
    y: float
    person: int = 1


@dataclass(frozen=True)
class Word:
    """Text in the picture, with its box [x1, y1, x2, y2] where that is known."""

    text: str
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Question:
    """A question that the set asks, with the answer it takes for right."""

    text: str
    answer: str


@dataclass(frozen=True)
class Thing:
    """An object of a scan; centre and full sizes in metres, None where the set does not say."""

    label: str
    centre: tuple[float, float, float] | None = None
    size: tuple[float, float, float] | None = None
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One picture or scan; which fields are filled depends on the set.

    ``label_path`` runs from the broadest class to ``label``. ``knowledge`` is text about the class. ``terms`` are those
    the set is given under, in a few words.
    """

    id: str
    dataset: str
    media: tuple[Media, ...]
    terms: str
    width: int | None = None
    height: int | None = None
    captions: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    relations: tuple[Relation, ...] = ()
    joints: tuple[Joint, ...] = ()
    words: tuple[Word, ...] = ()
    questions: tuple[Question, ...] = ()
    label: str | None = None
    label_path: tuple[str, ...] = ()
    knowledge: str | None = None
    things: tuple[Thing, ...] = ()

    @property
    def modality(self) -> str:
        """That of the first medium."""
        return self.media[0].modality if self.media else "text"


@dataclass(frozen=True)
class Broken:
    """An item that could not be read: where it stands and why."""

    place: str
    reason: str


_PARTS: Mapping[str, Any] = {
    "boxes": Box, "relations": Relation, "joints": Joint, "words": Word, "questions": Question, "things": Thing,
}  # fmt: skip
_TEXTS = ("captions", "label_path")


def to_record(source: Source) -> dict[str, Any]:
    """The source as JSON holds it; what is empty is left out."""
    record: dict[str, Any] = {
        "media": [{"modality": medium.modality, "path": str(medium.path)} for medium in source.media]
    }
    for field in fields(source):
        value = getattr(source, field.name)
        if field.name in _PARTS and value:
            record[field.name] = [_slim(part) for part in value]
        elif field.name != "media" and value not in (None, ()):
            record[field.name] = list(value) if isinstance(value, tuple) else value
    return record


def from_record(record: Mapping[str, Any]) -> Source:
    """The source that ``to_record`` wrote; further keys are passed over. Raises DataError naming what does not fit."""
    known = {field.name for field in fields(Source)}
    values = {key: value for key, value in record.items() if key in known}
    try:
        values["media"] = tuple(Media(one["modality"], Path(one["path"])) for one in values.get("media", ()))
        for name, kind in _PARTS.items():
            values[name] = tuple(kind(**_tupled(part)) for part in values.get(name, ()))
        for name in _TEXTS:
            values[name] = tuple(values.get(name, ()))
        return Source(**values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"The source {record.get('id', '?')!r} is not as sources are written: {error}.") from error


def _slim(part: Any) -> dict[str, Any]:
    return {
        key: value for key, value in asdict(part).items() if value not in (None, ()) and (key, value) != ("count", 1)
    }


def _tupled(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}
