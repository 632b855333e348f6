"""What all COCO files share: pictures in one array, annotations of any order in another, put beside each other.

Does not know captions, boxes or keypoints: each reader says what to make of its annotations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from annotation.sources.json_items import Gathered, items
from annotation.sources.reader import number, share
from annotation.sources.source import Box, Broken, Source
from lamm_core.conversation import Media

__all__ = ["TERMS", "box_of", "boxed", "categories", "gather", "joined"]

TERMS = "annotations CC BY 4.0, photos under their owners' terms"
BROKEN_VALUES = (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError)

Fill = Callable[[Mapping[str, Any], list[Any]], dict[str, Any]]


def gather(path: Path, keep: Callable[[Any], Any], rows: Gathered) -> Iterator[Broken]:
    """Put what ``keep`` makes of each annotation into ``rows`` by its picture; what cannot be read comes out."""
    for index, note in enumerate(items(path, "annotations.item")):
        if isinstance(note, Broken):
            yield note
            continue
        try:
            rows.add(note["image_id"], keep(note))
        except BROKEN_VALUES as error:
            yield Broken(f"{path.name}, annotation {index}", problem(error))


def joined(path: Path, pictures: Path, dataset: str, fill: Fill, rows: Gathered) -> Iterator[Source | Broken]:
    """A source for each picture of the file that has annotations; ``fill`` gives the fields beside the common ones."""
    for index, image in enumerate(items(path, "images.item")):
        if isinstance(image, Broken):
            yield image
            continue
        place = f"{path.name}, picture {index}"
        try:
            notes = rows.take(image["id"])
            if not notes:
                continue  # COCO's own files hold pictures without annotations; there is nothing to make of them
            file = pictures / str(image["file_name"])
            width, height = int(image["width"]), int(image["height"])
            values = fill(image, notes)
            if not file.is_file():
                raise ValueError(f"its picture {file} does not exist")
            yield Source(f"{dataset}-{image['id']}", dataset, (Media("image", file),), TERMS, width, height, **values)
        except BROKEN_VALUES as error:
            yield Broken(place, problem(error))


def categories(path: Path) -> dict[Any, Mapping[str, Any]]:
    """The entries of ``categories`` by their id."""
    return {entry["id"]: entry for entry in items(path, "categories.item") if not isinstance(entry, Broken)}


def boxed(names: Mapping[Any, Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], tuple[Any, str, bool]]:
    """Keeps box, class name and whether it is a crowd; an annotation of an unknown class is a broken one."""

    def keep(note: Mapping[str, Any]) -> tuple[Any, str, bool]:
        if note["category_id"] not in names:
            raise ValueError(f"its category {note['category_id']!r} is not in the file's categories")
        return note["bbox"], names[note["category_id"]]["name"], bool(note.get("iscrowd"))

    return keep


def box_of(note: Mapping[str, Any], image: Mapping[str, Any], label: str) -> Box:
    """A COCO box (left, top, width, height in pixels) as corners in shares. Raises ValueError where it is none."""
    x, y, w, h = (number(value, "a side of the box") for value in note["bbox"])
    if w <= 0 or h <= 0:
        raise ValueError(f"the box of {label} has no area ({w:g} × {h:g})")
    width, height = number(image["width"], "the width"), number(image["height"], "the height")
    return Box(label, share(x, width), share(y, height), share(x + w, width), share(y + h, height))


def problem(error: Exception) -> str:
    """What is wrong, in words: a missing key is named as one."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    return " ".join(str(error).split()) or type(error).__name__
