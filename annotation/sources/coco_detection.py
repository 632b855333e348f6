"""COCO detection: pictures with labelled boxes.

Does not know what is asked of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotation.sources import coco
from annotation.sources.json_items import Gathered
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Broken, Source

__all__ = ["READER"]


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each picture with boxes; crowds, which are no single objects, are left out."""
    path = files["instances"]
    keep = coco.boxed(coco.categories(path))

    def fill(image: Mapping[str, Any], notes: list[Any]) -> dict[str, Any]:
        return {"boxes": tuple(coco.box_of({"bbox": box}, image, name) for box, name, crowd in notes if not crowd)}

    with Gathered() as rows:
        yield from coco.gather(path, keep, rows)
        yield from coco.joined(path, files["images"], "coco-detection", fill, rows)


READER = Reader(
    "coco-detection",
    "COCO boxes",
    coco.TERMS,
    "image",
    ("C1", "C3", "C4"),
    (
        Expected("instances", "annotations/instances_train2017.json", "the boxes' JSON"),
        Expected("images", "train2017", "the folder of pictures"),
    ),
    read,
)
