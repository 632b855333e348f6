"""COCO keypoints: people with the places of their joints.

Does not know what is asked of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotation.sources import coco
from annotation.sources.json_items import Gathered
from annotation.sources.reader import Expected, Files, Reader, number, share
from annotation.sources.source import Broken, Joint, Source

__all__ = ["READER"]


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each picture with people whose joints are labelled; joints marked as not labelled are left out."""
    path = files["keypoints"]
    joints = {key: entry.get("keypoints", []) for key, entry in coco.categories(path).items()}
    names = {key: entry["name"] for key, entry in coco.categories(path).items()}

    def fill(image: Mapping[str, Any], notes: list[Any]) -> dict[str, Any]:
        width, height = number(image["width"], "the width"), number(image["height"], "the height")
        places, boxes = [], []
        labelled = [note for note in notes if note[3]]
        if not labelled:
            raise ValueError("none of its people has a labelled joint")
        for person, (category, box, points, _) in enumerate(labelled, start=1):
            boxes.append(coco.box_of({"bbox": box}, image, names[category]))
            for name, x, y, seen in zip(joints[category], points[::3], points[1::3], points[2::3], strict=True):
                if seen:
                    places.append(Joint(name.replace("_", " "), share(x, width), share(y, height), person))
        return {"boxes": tuple(boxes), "joints": tuple(places)}

    with Gathered() as rows:
        yield from coco.gather(path, _keep, rows)
        yield from coco.joined(path, files["images"], "coco-keypoints", fill, rows)


def _keep(note: Mapping[str, Any]) -> tuple[Any, Any, Any, int]:
    points = note["keypoints"]
    if len(points) % 3:
        raise ValueError(f"its keypoints are {len(points)} numbers and not triples")
    return note["category_id"], note["bbox"], points, sum(1 for seen in points[2::3] if seen)


READER = Reader(
    "coco-keypoints",
    "COCO people with 17 joints",
    coco.TERMS,
    "image",
    ("C4",),
    (
        Expected("keypoints", "annotations/person_keypoints_train2017.json", "the keypoints' JSON"),
        Expected("images", "train2017", "the folder of pictures"),
    ),
    read,
)
