"""Visual Genome: pictures whose objects are joined by relations.

Does not know what is asked of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import Gathered, items
from annotation.sources.reader import Expected, Files, Reader, number, share
from annotation.sources.source import Box, Broken, Relation, Source
from lamm_core.conversation import Media

__all__ = ["READER", "gather_by_coco"]

TERMS = "annotations CC BY 4.0, photos under their owners' terms"


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each entry of the relationships' file that has any; sizes come from the list of pictures."""
    with Gathered() as sizes:
        for image in items(files["image_data"], "item"):
            if isinstance(image, Broken):
                yield image
            elif isinstance(image, dict) and "image_id" in image:
                sizes.add(image["image_id"], (image.get("width"), image.get("height")))
        for index, entry in enumerate(items(files["relationships"], "item")):
            if isinstance(entry, Broken):
                yield entry
                continue
            try:
                if entry["relationships"]:
                    yield _source(entry, files["images"], sizes)
            except BROKEN_VALUES as error:
                yield Broken(f"{files['relationships'].name}, entry {index}", problem(error))


def _source(entry: Mapping[str, Any], pictures: Path, sizes: Gathered) -> Source:
    found = sizes.take(entry["image_id"])
    if not found:
        raise ValueError(f"picture {entry['image_id']} is not in the list of pictures")
    width, height = (number(value, "the size of the picture") for value in found[0])
    places = [folder / f"{entry['image_id']}.jpg" for folder in (pictures, *_parts(pictures))]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise ValueError(f"its picture {places[0]} does not exist")
    boxes: dict[Any, Box] = {}
    for relation in entry["relationships"]:
        for thing in (relation["subject"], relation["object"]):
            x, y, w, h = (number(thing[side], side) for side in "xywh")
            boxes[thing.get("object_id", (x, y, w, h))] = Box(
                _name(thing), share(x, width), share(y, height), share(x + w, width), share(y + h, height)
            )
    return Source(
        f"visual-genome-{entry['image_id']}", "visual-genome", (Media("image", file),), TERMS, int(width), int(height),
        boxes=tuple(boxes.values()), relations=tuple(_relations(entry)),
    )  # fmt: skip


def _parts(pictures: Path) -> list[Path]:
    return [pictures / "VG_100K", pictures / "VG_100K_2"]  # as the two archives unpack


def _name(thing: Mapping[str, Any]) -> str:
    # Version 1.4 of the set writes one name, earlier ones a list of them.
    name = str(thing["name"] if "name" in thing else thing["names"][0]).strip().lower()
    if not name:
        raise ValueError("an object has no name")
    return name


def _relations(entry: Mapping[str, Any]) -> list[Relation]:
    return [
        Relation(_name(one["subject"]), " ".join(str(one["predicate"]).lower().split()), _name(one["object"]))
        for one in entry["relationships"]
    ]


def gather_by_coco(relationships: Path, image_data: Path, rows: Gathered) -> Iterator[Broken]:
    """Put relations (subject, predicate, object) into ``rows`` by the COCO id that half of the pictures have."""
    with Gathered() as numbers:
        for image in items(image_data, "item"):
            if isinstance(image, Broken):
                yield image
            elif isinstance(image, dict) and image.get("coco_id") is not None:
                numbers.add(image.get("image_id"), image["coco_id"])
        for index, entry in enumerate(items(relationships, "item")):
            if isinstance(entry, Broken):
                yield entry
                continue
            try:
                for number_of_coco in numbers.take(entry["image_id"]):
                    for one in _relations(entry):
                        rows.add(number_of_coco, (one.subject, one.predicate, one.object))
            except BROKEN_VALUES as error:
                yield Broken(f"{relationships.name}, entry {index}", problem(error))


READER = Reader(
    "visual-genome",
    "Visual Genome's relations between boxed objects",
    TERMS,
    "image",
    ("C1", "C3", "C4"),
    (
        Expected("relationships", "relationships.json", "the relationships' JSON"),
        Expected("image_data", "image_data.json", "the list of pictures with their sizes"),
        Expected("images", ".", "the folder of pictures"),
    ),
    read,
)
