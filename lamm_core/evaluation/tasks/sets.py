"""Raw test sets as they come: rows of Parquet files, COCO photos and Pascal VOC folders.

Does not know what is asked; pictures inside Parquet are unpacked once into a media folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from PIL import Image

from lamm_core.errors import TaskError

__all__ = ["Photo", "blood_smears", "chosen", "class_names", "held_apart", "parquet_rows", "photos", "unpack"]

Item = TypeVar("Item")


class Photo(NamedTuple):
    """A picture file with labelled boxes [x1, y1, x2, y2] as shares of its width and height."""

    id: str
    path: Path
    objects: list[tuple[str, tuple[float, float, float, float]]]


def chosen(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """All items, or so many of them drawn by the seed, in their own order."""
    if limit is None or limit >= len(items):
        return list(items)
    kept = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[index] for index in kept]


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a Parquet file."""
    import pyarrow.parquet as parquet

    return list(parquet.read_table(_there(path)).to_pylist())


def class_names(path: Path, column: str) -> list[str]:
    """The class names that the Hub's schema metadata gives for a column."""
    import pyarrow.parquet as parquet

    metadata = parquet.read_schema(_there(path)).metadata or {}
    try:
        return list(json.loads(metadata[b"huggingface"])["info"]["features"][column]["names"])
    except (KeyError, ValueError) as error:
        raise TaskError(f"{path}: the schema names no classes for the column {column!r}.") from error


def unpack(content: bytes, media: Path, name: str) -> Path:
    """Store the bytes of a picture as they are and return the file."""
    with Image.open(io.BytesIO(content)) as image:
        path = media / f"{name}.{(image.format or 'png').lower().replace('jpeg', 'jpg')}"
    if not path.exists() or path.read_bytes() != content:
        media.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def held_apart(ids: Sequence[int]) -> set[int]:
    """The test quarter of a set without a split of its own: the ids whose SHA-256 comes first."""
    ranked = sorted(ids, key=lambda number: hashlib.sha256(str(number).encode()).hexdigest())
    return set(ranked[: round(len(ranked) * 0.25)])


def photos(data: Path) -> tuple[list[Photo], list[str]]:
    """The held-apart photos of coco128 with all their boxes, and the names of its classes."""
    folder = data / "coco128"
    listing = json.loads(_there(folder / "instances.json").read_text())
    names = {category["id"]: category["name"] for category in listing["categories"]}
    objects = defaultdict(list)
    sizes = {image["id"]: (image["width"], image["height"]) for image in listing["images"]}
    for item in listing["annotations"]:
        if not item.get("iscrowd"):
            (width, height), (x, y, w, h) = sizes[item["image_id"]], item["bbox"]
            box = (x / width, y / height, (x + w) / width, (y + h) / height)
            objects[item["image_id"]].append((names[item["category_id"]], box))
    test = held_apart(sorted(sizes))
    found = [
        Photo(f"coco128-{image['id']}", folder / "images" / image["file_name"], objects[image["id"]])
        for image in listing["images"]
        if image["id"] in test and objects[image["id"]]
    ]
    return found, list(names.values())


def blood_smears(data: Path) -> list[Photo]:
    """The test pictures of bccd, in the layout of Pascal VOC."""
    folder = data / "bccd"
    found = []
    for name in _there(folder / "ImageSets" / "Main" / "test.txt").read_text().split():
        root = ElementTree.parse(_there(folder / "Annotations" / f"{name}.xml")).getroot()
        width, height = (float(root.findtext(f"size/{side}", "0")) for side in ("width", "height"))
        objects = []
        for item in root.iter("object"):
            x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{side}", "0")) for side in ("xmin", "ymin", "xmax", "ymax"))
            objects.append((item.findtext("name", ""), (x1 / width, y1 / height, x2 / width, y2 / height)))
        found.append(Photo(f"bccd-{name}", folder / "JPEGImages" / f"{name}.jpg", objects))
    return found


def _there(path: Path) -> Path:
    if not path.is_file():
        raise TaskError(f"{path} is missing; --data must name the folder that holds the raw sets.")
    return path
