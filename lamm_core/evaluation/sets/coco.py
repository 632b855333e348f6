"""Photos with boxes in COCO's format, those that the shipped model was not trained on.

Does not know classes beyond the file's own.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form

__all__ = ["coco", "held_apart", "photos"]

# The shipped model is trained on three quarters of the 128 photos of val2017 with the lowest ids; beyond, on none.
LAST_OF_THE_128 = 13_201


def held_apart(ids: Sequence[int]) -> set[int]:
    """The test quarter of a set without a split of its own: the ids whose SHA-256 comes first."""
    ranked = sorted(ids, key=lambda number: hashlib.sha256(str(number).encode()).hexdigest())
    return set(ranked[: round(len(ranked) * 0.25)])


def coco(*folders: str) -> Form:
    """The form ``FOLDER/instances.json`` with ``FOLDER/images``; truth is [[label, box of shares], ...]."""
    places = tuple(f"{folder}/instances*.json" for folder in folders)
    return Form((*places, "instances*.json", "annotations/instances_val*.json"), photos)


def photos(files: list[Path]) -> list[Entry]:
    """The held-apart photos with all their boxes; photos without any are left out, and so are crowds."""
    file = files[0]
    try:
        listing = json.loads(file.read_text(encoding="utf-8"))
        names = {category["id"]: str(category["name"]) for category in listing["categories"]}
        sizes = {image["id"]: (float(image["width"]), float(image["height"])) for image in listing["images"]}
        objects: dict[int, list[list[Any]]] = defaultdict(list)
        for item in listing["annotations"]:
            if not item.get("iscrowd"):
                (width, height), (x, y, w, h) = sizes[item["image_id"]], item["bbox"]
                box = [x / width, y / height, (x + w) / width, (y + h) / height]
                objects[item["image_id"]].append([names[item["category_id"]], box])
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise TaskError(f"{file} is not in COCO's format ({type(error).__name__}: {error}).") from error
    test = held_apart(sorted(number for number in sizes if number <= LAST_OF_THE_128))
    source = "coco128"
    return [
        Entry(
            f"{source}-{image['id']}",
            _picture(file, str(image["file_name"])),
            objects[image["id"]],
            source,
            f"{source}-{image['id']}",
            more={"classes": list(names.values()), "size": list(sizes[image["id"]])},
        )
        for image in listing["images"]
        if (image["id"] in test or image["id"] > LAST_OF_THE_128) and objects[image["id"]]
    ]


def _picture(file: Path, name: str) -> Path:
    folders = (file.parent / "images", file.parent, file.parent.parent / "val2017")
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)
