"""A CSV of one's own: a file on each line, with what is known about it in columns.

Does not know what is asked of them. Columns: ``file`` (or image, pcl), and any of ``id``, ``captions`` (joined by |),
``label``, ``label_path`` (joined by >), ``knowledge``, ``words`` (joined by |), ``question``, ``answer`` and ``boxes``:
``dog 0.1 0.2 0.5 0.9; red ball 0.6 0.7 0.7 0.8`` in shares of the picture.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Box, Broken, Question, Source, Word
from lamm_core.conversation import Media
from lamm_core.errors import DataError

__all__ = ["READER"]

FILE_COLUMNS = ("file", "image", "pcl", "media")
COLUMNS = (
    *FILE_COLUMNS, "id", "captions", "label", "label_path", "knowledge", "words", "question", "answer", "boxes"
)  # fmt: skip
DEFAULT = "sources.csv"  # a set in it is called as its folder
CLOUDS = {".npy", ".npz", ".ply", ".pcd", ".las", ".laz", ".xyz", ".off", ".obj"}


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each line. Raises DataError for a heading that is unknown, or names no file."""
    path = files["table"]
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        rows = csv.DictReader(file)
        headings = [heading.strip() for heading in rows.fieldnames or []]
        rows.fieldnames = headings
        unknown = [heading for heading in headings if heading not in COLUMNS]
        if unknown or not set(headings) & set(FILE_COLUMNS):
            which = f"has the unknown column {unknown[0]!r}" if unknown else "has no column 'file'"
            raise DataError(f"{path.name} {which}. Columns: {', '.join(COLUMNS)}.")
        name = path.resolve().parent.name if path.name == DEFAULT else path.stem
        for row in rows:
            try:
                yield _source(row, rows.line_num, files["media"], name)
            except (OSError, *BROKEN_VALUES) as error:
                yield Broken(f"{path.name}, line {rows.line_num}", problem(error))


def _source(row: Mapping[str, Any], line: int, folder: Path, dataset: str) -> Source:
    if None in row:
        raise ValueError("it has more fields than the heading")
    value = {key: (text or "").strip() for key, text in row.items()}
    name = next((value[column] for column in FILE_COLUMNS if value.get(column)), "")
    file = folder / name
    if not name or not file.is_file():
        raise ValueError(f"its file {file} does not exist")
    cloud = file.suffix.lower() in CLOUDS
    width = height = None
    if not cloud:
        with Image.open(file) as image:
            width, height = image.size
    asked = value.get("question")
    return Source(
        f"{dataset}-{value.get('id') or line}", dataset, (Media("pointcloud" if cloud else "image", file),),
        "as you know them", width, height,
        captions=_parts(value.get("captions", ""), "|"), boxes=tuple(_boxes(value.get("boxes", ""))),
        words=tuple(map(Word, _parts(value.get("words", ""), "|"))),
        questions=(Question(asked, value.get("answer", "")),) if asked else (),
        label=value.get("label") or None, label_path=_parts(value.get("label_path", ""), ">"),
        knowledge=value.get("knowledge") or None,
    )  # fmt: skip


def _parts(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _boxes(text: str) -> Iterator[Box]:
    for part in _parts(text, ";"):
        *label, x1, y1, x2, y2 = part.split()
        corners = [float(number) for number in (x1, y1, x2, y2)]
        if not label or not all(0 <= corner <= 1 for corner in corners) or corners[0] >= corners[2]:
            raise ValueError(f"the box {part!r} is not 'label x1 y1 x2 y2' in shares of the picture")
        yield Box(" ".join(label), corners[0], corners[1], corners[2], corners[3])


READER = Reader(
    "csv",
    "a CSV of your own",
    "as you know them",
    "image",
    ("C1", "C2", "C3", "C4"),
    (
        Expected("table", DEFAULT, "the CSV"),
        Expected("media", ".", "the folder that its file names start at"),
    ),
    read,
)
