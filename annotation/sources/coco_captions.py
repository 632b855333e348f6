"""COCO captions, with the boxes and Visual Genome's relations of the same pictures where their files are given.

Does not know what is asked of them. This is what LAMM made dialogues and descriptions from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotation.sources import coco, visual_genome
from annotation.sources.json_items import Gathered
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Broken, Relation, Source

__all__ = ["READER"]


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each picture with captions."""
    captions = files["captions"]
    with Gathered() as said, Gathered() as seen, Gathered() as related:
        yield from coco.gather(captions, _caption, said)
        if "instances" in files:
            keep = coco.boxed(coco.categories(files["instances"]))
            yield from coco.gather(files["instances"], keep, seen)
        if "relationships" in files and "image_data" in files:
            yield from visual_genome.gather_by_coco(files["relationships"], files["image_data"], related)

        def fill(image: Mapping[str, Any], notes: list[Any]) -> dict[str, Any]:
            boxes = [
                coco.box_of({"bbox": box}, image, name) for box, name, crowd in seen.take(image["id"]) if not crowd
            ]
            relations = [Relation(*row) for row in related.take(image["id"])]
            return {"captions": tuple(notes), "boxes": tuple(boxes), "relations": tuple(relations)}

        yield from coco.joined(captions, files["images"], "coco-captions", fill, said)


def _caption(note: Mapping[str, Any]) -> str:
    text = " ".join(note["caption"].split())
    if not text:
        raise ValueError("the caption is empty")
    return text


READER = Reader(
    "coco-captions",
    "COCO captions, beside boxes and relations where given",
    coco.TERMS,
    "image",
    ("C1", "C3"),
    (
        Expected("captions", "annotations/captions_train2017.json", "the captions' JSON"),
        Expected("images", "train2017", "the folder of pictures"),
        Expected("instances", "annotations/instances_train2017.json", "the boxes' JSON", required=False),
        Expected("relationships", "relationships.json", "Visual Genome's relationships", required=False),
        Expected("image_data", "image_data.json", "Visual Genome's list of pictures", required=False),
    ),
    read,
)
