"""Labelled pictures for tuning the perception encoder, read from folders of instruction pairs, and crops of them.

Does not know the network or its losses, nor who wrote the folders. One holds pairs.json, whose records carry what is
known about their picture under ``target``: a ``label``, a ``word``, ``joints`` or ``objects``. What is asked about the
picture does not matter here.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from lamm_core.errors import DataError
from lamm_core.modalities.image import load
from lamm_core.names import CHARACTERS, JOINTS, MIRRORED_JOINTS, OBJECTS, PICTURE_CLASSES

__all__ = ["KINDS", "Annotated", "Kind", "Labelled", "Shuffled", "Small", "Word", "crop",
           "object_number", "part", "pictures", "read_annotated", "read_small", "read_words"]  # fmt: skip

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Kind = Literal["small", "objects", "people", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TARGETS: Mapping[Kind, str] = {"small": "label", "objects": "objects", "people": "joints", "words": "word"}
SMALL_SIDE = 32
LONGEST_WORD = 15
UNKNOWN = -1  # an object of a class that the encoder has no name for: its box counts, its class does not
OTHER_NAMES = {"automobile": "car", "ship": "boat"}  # as CIFAR-10 says it: as COCO does
VERSION = re.compile(r"-v\d+$")  # how the file of a varied copy of a picture ends


class Small(NamedTuple):
    """Small pictures (N, 32, 32, 3) and the numbers (N,) of their classes."""

    pixels: Bytes
    labels: Bytes


class Word(NamedTuple):
    """The picture file of one word, and its letters and digits in capitals."""

    path: Path
    text: str


@dataclass(frozen=True)
class Labelled:
    """A picture with boxes (N, 4) in pixels, their class numbers or UNKNOWN, and joints (14, 2) in pixels.

    ``exhaustive``: every object of the known classes has a box, so the rest of the picture is background.
    """

    picture: Image.Image
    boxes: Floats
    labels: tuple[int, ...]
    joints: Floats | None = None
    exhaustive: bool = True


@dataclass(frozen=True)
class Annotated:
    """A picture file with its labels; boxes (N, 4) and joints (14, 2) in shares of width and height."""

    path: Path
    boxes: Floats
    labels: tuple[int, ...]
    joints: Floats | None = None
    exhaustive: bool = True

    def open(self) -> Labelled:
        """Decode the picture. Raises MediaError."""
        picture = load(self.path)
        size = np.asarray(picture.size, dtype=np.float32)
        joints = None if self.joints is None else self.joints * size
        return Labelled(picture, self.boxes * np.tile(size, 2), self.labels, joints, self.exhaustive)


def pictures(folder: Path, kind: Kind) -> list[Mapping[str, Any]]:
    """The first record about each picture of a folder. Raises DataError where it does not say what ``kind`` needs."""
    path = folder / "pairs.json"
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        first: dict[str, Mapping[str, Any]] = {}
        for record in records:
            first.setdefault(record["image"], record)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; `python -m annotation pairs` writes such folders.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no list of records with pictures ({error}).") from error
    targets = {name: set(record.get("target") or {}) for name, record in first.items()}
    if not any(TARGETS[kind] in held for held in targets.values()):
        raise DataError(f"{path} has no record whose target holds {TARGETS[kind]!r}; another kind than {kind!r}?")
    # A photo in which nothing was found says where nothing is.
    fitting = ({"objects"}, set[str]()) if kind == "objects" else ({TARGETS[kind]},)
    return [record for name, record in first.items() if targets[name] in fitting]


def part(records: Iterable[Mapping[str, Any]], share: float) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Training and held apart, chosen by the hash of the picture's name; copies of a picture stay with it."""
    parts: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]] = ([], [])
    for record in records:
        name = VERSION.sub("", Path(record["image"]).stem)
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
        parts[place < share].append(record)
    return parts


def object_number(label: str) -> int:
    """The number of a class: by its name, another name for it, or its last word ("red star"); else UNKNOWN."""
    for name in (label, OTHER_NAMES.get(label), label.split(" ")[-1]):
        if name in OBJECTS:
            return OBJECTS.index(name)
    return UNKNOWN


def read_small(folder: Path, records: Sequence[Mapping[str, Any]]) -> Small:
    """Pictures of one class each, shrunk to 32 x 32. Raises DataError for a class that the encoder does not tell."""
    pixels, labels = np.empty((len(records), SMALL_SIDE, SMALL_SIDE, 3), np.uint8), np.empty(len(records), np.uint8)
    for row, record in enumerate(records):
        label = record["target"]["label"]
        if label not in PICTURE_CLASSES:
            known = ", ".join(PICTURE_CLASSES)
            raise DataError(f"{folder}/pairs.json, record {record['id']}: the class {label!r} is none of {known}.")
        pixels[row] = np.asarray(load(folder / record["image"]).resize((SMALL_SIDE, SMALL_SIDE)))
        labels[row] = PICTURE_CLASSES.index(label)
    return Small(pixels, labels)


def read_annotated(folder: Path, records: Sequence[Mapping[str, Any]]) -> list[Annotated]:
    """Pictures with boxes, or of one person with joints, whose box is the joints' box widened by a tenth."""
    found = []
    for record in records:
        target = record.get("target") or {}
        try:
            if "joints" in target:
                joints = np.asarray([target["joints"][name] for name in JOINTS], dtype=np.float32).reshape(-1, 2)
                low, high = joints.min(0), joints.max(0)
                size = np.asarray([record["width"], record["height"]], dtype=np.float32)
                margin = 0.1 * ((high - low) * size).max() / size
                box = np.concatenate([low - margin, high + margin])[None].clip(0, 1)
                labels: tuple[int, ...] = (OBJECTS.index("person"),)
                found.append(Annotated(folder / record["image"], box, labels, joints, exhaustive=False))
            else:
                things = target.get("objects", [])
                box = np.asarray([thing["bbox"] for thing in things], dtype=np.float32).reshape(-1, 4)
                labels = tuple(object_number(thing["label"]) for thing in things)
                found.append(Annotated(folder / record["image"], box, labels))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{folder}/pairs.json, record {record['id']}: its target is damaged ({error}).") from error
    return found


def read_words(folder: Path, records: Sequence[Mapping[str, Any]]) -> list[Word]:
    """Words of 1 to 15 letters and digits; other signs are not read, and longer words left out."""
    texts = ["".join(sign for sign in record["target"]["word"].upper() if sign in CHARACTERS) for record in records]
    return [Word(folder / record["image"], text) for record, text in zip(records, texts, strict=True)
            if 0 < len(text) <= LONGEST_WORD]  # fmt: skip


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
    joints = None if item.joints is None else (item.joints - np.asarray([left, top], dtype=np.float32)) * scale[:2]
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        boxes = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [size[0], 0, size[0], 0]
        if joints is not None:
            joints = (joints * [-1, 1] + [size[0], 0])[list(MIRRORED_JOINTS)].astype(np.float32)
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


class Shuffled:
    """Every number below ``count`` in random order, then again in another. ``left``: those to come, last first."""

    def __init__(self, count: int, rng: random.Random) -> None:
        self._count, self._rng = count, rng
        self.left: list[int] = []

    def __next__(self) -> int:
        if not self.left:
            self.left = list(range(self._count))
            self._rng.shuffle(self.left)
            self.left.reverse()
        return self.left.pop()
