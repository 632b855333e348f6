"""LAMM's benchmark records, pictures and clouds alike: a question, and the truth in fields of many kinds.

Does not know how answers are scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import items
from annotation.sources.reader import Expected, Files, Reader, number, share
from annotation.sources.source import Box, Broken, Joint, Question, Source, Thing, Word
from annotation.visual_tasks.readers import JOINTS
from lamm_core.conversation import Media

__all__ = ["READER"]

TERMS = "as the set says"


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each record."""
    path = files["records"]
    for index, record in enumerate(items(path, "item")):
        if isinstance(record, Broken):
            yield record
            continue
        try:
            yield _source(record, index, files)
        except (OSError, *BROKEN_VALUES) as error:
            yield Broken(f"{path.name}, record {index}", problem(error))


def _source(record: Mapping[str, Any], index: int, files: Files) -> Source:
    key, modality = ("pcl", "pointcloud") if "pcl" in record else ("image", "image")
    file = files["media"] / str(record[key])
    if not file.is_file():
        raise ValueError(f"its file {file} does not exist")
    width = height = None
    if modality == "image":
        with Image.open(file) as image:
            width, height = image.size
    found = record.get("object")
    flat = isinstance(found, list) and bool(found) and not isinstance(found[0], dict)
    listed: list[Any] = [{"label": record.get("query", ""), "bbox": found}] if flat else found or []
    fields: dict[str, Any] = {
        "captions": tuple(record.get("sentences", ())),
        "words": tuple(Word(str(word)) for word in record.get("word_list", ())),
        "questions": tuple(_questions(record)),
        "label": str(record["label"]) if "label" in record else None,
    }
    if modality == "pointcloud":
        fields["things"] = tuple(_thing(one) for one in listed)
    else:
        fields["boxes"] = tuple(_box(one) for one in listed)
        if "gt_joints" in record and width and height:
            fields["joints"] = tuple(
                Joint(name, share(number(place[0], "x"), width), share(number(place[1], "y"), height))
                for name, place in zip(JOINTS, record["gt_joints"], strict=True)
            )
    name = str(record.get("id", index))
    stem = files["records"].stem
    return Source(f"{stem}-{name}", stem, (Media(modality, file),), TERMS, width, height, **fields)


def _questions(record: Mapping[str, Any]) -> Iterator[Question]:
    query = str(record.get("query", ""))
    if "gt_choices" in record:
        yield Question(query, str(record["gt_choices"][record["gt_choice"]]))
    elif "num" in record:
        yield Question(query, str(record["num"]))
    elif "attr" in record:
        yield Question(query, {"1": "yes", "-1": "no"}.get(str(record["attr"]), str(record["attr"])))


def _box(one: Mapping[str, Any]) -> Box:
    x1, y1, x2, y2 = (share(number(value, "a side of the box"), 1.0) for value in one["bbox"])
    return Box(str(one["label"]), x1, y1, x2, y2)


def _thing(one: Mapping[str, Any]) -> Thing:
    x, y, z, dx, dy, dz = (number(value, "a side of the box") for value in one["bbox"])
    return Thing(str(one["label"]), (x, y, z), (dx, dy, dz))


READER = Reader(
    "benchmark",
    "records of LAMM's benchmark",
    TERMS,
    "image",
    ("C1", "C3", "C4"),
    (
        Expected("records", "records.json", "the records' JSON"),
        Expected("media", ".", "the folder that the records' paths start at"),
    ),
    read,
)
