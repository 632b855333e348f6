"""Labelled pictures for tuning the perception encoder: what each set labels, and the crops drawn from it.

Does not know the network or its losses. Every picture becomes one ``Labelled``; unknown labels stay None.
"""

from __future__ import annotations

import io
import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as parquet
from PIL import Image, ImageEnhance

from lamm_core.modalities.perception.names import JOINTS, MIRRORED_JOINTS, OBJECTS

__all__ = ["Labelled", "crop", "read_bccd", "read_coco", "read_lsp", "read_pictures"]

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Labelled:
    """A picture with boxes (N, 4) in pixels, their class numbers, and joints (14, 3) x, y, visible in pixels.

    ``exhaustive``: every object of the known classes has a box, so the rest of the picture is background.
    """

    picture: Image.Image
    boxes: Floats
    labels: tuple[int, ...]
    joints: Floats | None = None
    exhaustive: bool = True


def read_pictures(path: Path) -> tuple[Bytes, Bytes]:
    """CIFAR-style Parquet: (N, 32, 32, 3) pixels and (N,) labels."""
    table = parquet.read_table(path)
    pixels = [np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB")) for row in table["img"].to_pylist()]
    return np.stack(pixels), np.asarray(table["label"].to_pylist(), dtype=np.uint8)


def read_lsp(path: Path) -> list[Labelled]:
    """People with 14 joints; the person's box is the joints' box widened by a tenth of its size."""
    found = []
    for row in parquet.read_table(path).to_pylist():
        picture = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
        joints = np.asarray(row["joints"], dtype=np.float32).reshape(len(JOINTS), 3)
        low, high = joints[:, :2].min(0), joints[:, :2].max(0)
        margin = 0.1 * (high - low).max()
        size = np.asarray(picture.size, dtype=np.float32)
        box = np.concatenate([np.maximum(low - margin, 0), np.minimum(high + margin, size)])[None]
        found.append(Labelled(picture, box.astype(np.float32), (0,), joints, exhaustive=False))
    return found


def read_coco(folder: Path, names: Sequence[str]) -> list[Labelled]:
    """COCO ``instances.json`` beside ``images/``; only the files called ``names``."""
    content = json.loads((folder / "instances.json").read_text())
    label = {item["id"]: OBJECTS.index(item["name"]) for item in content["categories"]}
    found = []
    for image in content["images"]:
        if image["file_name"] not in names:
            continue
        boxes = [item for item in content["annotations"] if item["image_id"] == image["id"] and not item["iscrowd"]]
        xywh = np.asarray([item["bbox"] for item in boxes], dtype=np.float32).reshape(-1, 4)
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
        picture = Image.open(folder / "images" / image["file_name"]).convert("RGB")
        found.append(Labelled(picture, xyxy, tuple(label[item["category_id"]] for item in boxes)))
    return found


def read_bccd(folder: Path, split: str) -> list[Labelled]:
    """Blood smears in the Pascal VOC layout."""
    found = []
    for name in (folder / "ImageSets" / "Main" / f"{split}.txt").read_text().split():
        root = ElementTree.parse(folder / "Annotations" / f"{name}.xml").getroot()
        boxes, labels = [], []
        for item in root.iter("object"):
            boxes.append([float(item.findtext(f"bndbox/{key}", "0")) for key in ("xmin", "ymin", "xmax", "ymax")])
            labels.append(OBJECTS.index(item.findtext("name", "")))
        picture = Image.open(folder / "JPEGImages" / f"{name}.jpg").convert("RGB")
        found.append(Labelled(picture, np.asarray(boxes, dtype=np.float32).reshape(-1, 4), tuple(labels)))
    return found


def crop(item: Labelled, size: tuple[int, int], rng: random.Random, *, least: float = 0.5) -> Labelled:
    """A random, perhaps mirrored, recoloured window of the aspect of ``size`` (width, height), resized to it.

    Boxes keep what is inside the window; one with less than a third of its area left is dropped.
    """
    width, height = item.picture.size
    share = rng.uniform(least, 1.0) ** 0.5
    aspect = size[0] / size[1] * rng.uniform(0.85, 1.18)
    window_height = min(height, width / aspect) * share
    window_width = window_height * aspect
    if rng.random() < 0.5:  # squash the whole picture instead, as inference may
        window_width, window_height = width * share, height * share
    left, top = rng.uniform(0, width - min(window_width, width)), rng.uniform(0, height - min(window_height, height))
    right, bottom = min(left + window_width, width), min(top + window_height, height)
    picture = item.picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom), reducing_gap=2.0)
    scale = np.asarray([size[0] / (right - left), size[1] / (bottom - top)] * 2, dtype=np.float32)
    boxes = (item.boxes - np.asarray([left, top] * 2, dtype=np.float32)) * scale
    joints = None
    if item.joints is not None:
        joints = item.joints.copy()
        joints[:, :2] = (joints[:, :2] - [left, top]) * scale[:2]
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        boxes = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [size[0], 0, size[0], 0]
        if joints is not None:
            joints[:, 0] = size[0] - joints[:, 0]
            joints = joints[list(MIRRORED_JOINTS)]
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        if rng.random() < 0.5:
            picture = enhance(picture).enhance(rng.uniform(0.7, 1.3))
    limit = np.asarray([*size, *size], dtype=np.float32)
    inside = boxes.clip(0, limit)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left_over = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1])
    keep = left_over > np.maximum(area / 3, 16)
    labels = tuple(label for label, kept in zip(item.labels, keep, strict=True) if kept)
    return Labelled(picture, inside[keep].astype(np.float32), labels, joints, item.exhaustive)
