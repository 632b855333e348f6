"""Readers of annotated picture sets: Hub-style Parquet, COCO JSON and Pascal VOC folders.

Do not know what is asked about the pictures.
"""

from __future__ import annotations

import hashlib
import io
import json
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
from PIL import Image

from annotation.visual_tasks.picture import Picture, Thing
from lamm_core.errors import DataError

__all__ = ["JOINTS", "coco128", "count", "held_apart", "read"]

JOINTS = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "right wrist", "right elbow",
    "right shoulder", "left shoulder", "left elbow", "left wrist", "neck", "head top",
)  # fmt: skip

TEST_SHARE = 0.25
SMALLEST_AREA = 0.001  # objects under a thousandth of the picture are left out of every answer


def held_apart(ids: Iterable[int]) -> set[int]:
    """The test quarter of a set that has no split of its own: the ids whose SHA-256 comes first."""
    ranked = sorted(ids, key=lambda number: hashlib.sha256(str(number).encode()).hexdigest())
    return set(ranked[: round(len(ranked) * TEST_SHARE)])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise DataError(f"{path} is missing; --data must name the folder that holds {path.parent.name}/{path.name}.")
    with parquet.ParquetFile(path) as table:
        for batch in table.iter_batches(batch_size=64):
            yield from batch.to_pylist()


def _size(content: bytes) -> tuple[int, int, str]:
    with Image.open(io.BytesIO(content)) as image:
        return image.width, image.height, {"JPEG": ".jpg", "PNG": ".png"}.get(image.format or "", ".png")


def cifar10(data: Path, split: str) -> Iterator[Picture]:
    """Labelled pictures of 32 x 32; class names stand in the Parquet schema."""
    path = data / "cifar10" / f"{split}.parquet"
    rows = _rows(path)
    first = next(rows)
    schema = parquet.read_schema(path).metadata[b"huggingface"]
    names = tuple(json.loads(schema)["info"]["features"]["label"]["names"])
    for index, row in enumerate(_chain(first, rows)):
        content = row["img"]["bytes"]
        width, height, suffix = _size(content)
        yield Picture(f"cifar10-{split}-{index:05d}", "cifar10", content, suffix, width, height,
                      label=names[row["label"]], vocabulary=names)  # fmt: skip


def _chain(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


def iiit5k(data: Path, split: str) -> Iterator[Picture]:
    """Cropped words with their text, punctuation already removed by the set."""
    for index, row in enumerate(_rows(data / "iiit5k" / f"{split}.parquet")):
        content = row["image"]["bytes"]
        width, height, suffix = _size(content)
        yield Picture(f"iiit5k-{split}-{index:05d}", "iiit5k", content, suffix, width, height, word=row["text"].upper())


def lsp(data: Path, split: str) -> Iterator[Picture]:
    """One person each, with 14 joints."""
    for index, row in enumerate(_rows(data / "lsp" / f"{split}.parquet")):
        content = row["image"]["bytes"]
        width, height, suffix = _size(content)
        places = [(_unit(x / row["width"]), _unit(y / row["height"])) for x, y, _ in row["joints"]]
        box = (min(x for x, _ in places), min(y for _, y in places),
               max(x for x, _ in places), max(y for _, y in places))  # fmt: skip
        yield Picture(f"lsp-{split}-{index:05d}", "lsp", content, suffix, width, height,
                      joints=dict(zip(JOINTS, places, strict=True)), things=(Thing("person", box),))  # fmt: skip


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def coco128(data: Path, split: str) -> Iterator[Picture]:
    """Photos with boxes of 80 classes; 96 of the 128 are for training, by ``held_apart``."""
    folder = data / "coco128"
    source = folder / "instances.json"
    if not source.is_file():
        raise DataError(f"{source} is missing; --data must name the folder that holds coco128/.")
    record = json.loads(source.read_text())
    names = {category["id"]: category["name"] for category in record["categories"]}
    boxes: dict[int, list[Thing]] = defaultdict(list)
    sizes = {image["id"]: (image["width"], image["height"]) for image in record["images"]}
    for item in record["annotations"]:
        width, height = sizes[item["image_id"]]
        x, y, w, h = item["bbox"]
        box = (_unit(x / width), _unit(y / height), _unit((x + w) / width), _unit((y + h) / height))
        thing = Thing(names[item["category_id"]], box)
        if thing.area >= SMALLEST_AREA and not item.get("iscrowd"):
            boxes[item["image_id"]].append(thing)
    test = held_apart(sizes)
    for image in record["images"]:
        if (image["id"] in test) == (split == "test"):
            path = folder / "images" / image["file_name"]
            yield Picture(f"coco128-{image['id']:012d}", "coco128", path.read_bytes(), path.suffix, image["width"],
                          image["height"], things=tuple(boxes[image["id"]]),
                          vocabulary=tuple(names.values()))  # fmt: skip


def bccd(data: Path, split: str) -> Iterator[Picture]:
    """Blood smears in the layout of Pascal VOC, with boxes of three kinds of cell."""
    folder = data / "bccd"
    listing = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise DataError(f"{listing} is missing; --data must name the folder that holds bccd/.")
    for name in listing.read_text().split():
        root = ElementTree.parse(folder / "Annotations" / f"{name}.xml").getroot()  # nosec B314
        content = (folder / "JPEGImages" / f"{name}.jpg").read_bytes()
        width, height, suffix = _size(content)
        things = []
        for item in root.iter("object"):
            corners = [float(item.findtext(f"bndbox/{side}", "0")) for side in ("xmin", "ymin", "xmax", "ymax")]
            box = (_unit(corners[0] / width), _unit(corners[1] / height),
                   _unit(corners[2] / width), _unit(corners[3] / height))  # fmt: skip
            things.append(Thing(item.findtext("name", ""), box))
        yield Picture(f"bccd-{name}", "bccd", content, suffix, width, height, things=tuple(things),
                      vocabulary=("RBC", "WBC", "Platelets"))  # fmt: skip


READERS = {"cifar10": cifar10, "iiit5k": iiit5k, "lsp": lsp, "coco128": coco128, "bccd": bccd}


def read(name: str, data: Path, split: str) -> Iterator[Picture]:
    """The pictures of one set, in the order of their files."""
    return READERS[name](data, split)


def count(name: str, data: Path, split: str) -> int:
    """How many pictures ``read`` gives, without decoding them."""
    if name == "coco128":
        ids = [image["id"] for image in json.loads((data / "coco128" / "instances.json").read_text())["images"]]
        test = len(held_apart(ids))
        return test if split == "test" else len(ids) - test
    if name == "bccd":
        return len((data / "bccd" / "ImageSets" / "Main" / f"{split}.txt").read_text().split())
    path = data / name / f"{split}.parquet"
    if not path.is_file():
        raise DataError(f"{path} is missing; --data must name the folder that holds {name}/.")
    return int(parquet.read_metadata(path).num_rows)
