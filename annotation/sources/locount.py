"""Locount: shelves in shops, where a box holds several pieces of one article.

Does not know what is asked of them. Beside each picture lies a text file of the same name with lines
``x1,y1,x2,y2,category,count`` in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.reader import Expected, Files, Reader, share
from annotation.sources.source import Box, Broken, Source
from lamm_core.conversation import Media

__all__ = ["READER"]

TERMS = "research"


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each text file, in the order of their names."""
    for path in sorted(files["labels"].glob("*.txt")):
        try:
            picture = files["images"] / f"{path.stem}.jpg"
            with Image.open(picture) as image:
                width, height = image.size
            boxes = tuple(_boxes(path, width, height))
            if not boxes:
                raise ValueError("it has no boxes")
            yield Source(
                f"locount-{path.stem}", "locount", (Media("image", picture),), TERMS, width, height, boxes=boxes
            )
        except (OSError, *BROKEN_VALUES) as error:
            yield Broken(path.name, problem(error))


def _boxes(path: Path, width: int, height: int) -> Iterator[Box]:
    for index, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split(",")]
        if len(parts) < 6:
            raise ValueError(f"line {index} has {len(parts)} fields and not x1,y1,x2,y2,category,count")
        x1, y1, x2, y2 = (float(part) for part in parts[:4])
        count = int(float(parts[-1]))
        if x2 <= x1 or y2 <= y1 or count < 1:
            raise ValueError(f"line {index} is a box without area or objects")
        label = ",".join(parts[4:-1]).lower()  # a category may hold a comma
        yield Box(label, share(x1, width), share(y1, height), share(x2, width), share(y2, height), count)


READER = Reader(
    "locount",
    "Locount's boxed groups of articles in shops",
    TERMS,
    "image",
    ("C4",),
    (
        Expected("labels", "GtTrain", "the folder of text files"),
        Expected("images", "ImagesTrain", "the folder of pictures"),
    ),
    read,
)
