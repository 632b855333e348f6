"""How well the streams see: figures over labelled pictures that were held apart.

Does not know the training. Every figure is a share from 0 to 1; all but the word accuracy look at the whole picture
squashed to 224 x 224.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from lamm_core.modalities.perception.encoder import MOST_OBJECTS, find_objects
from lamm_core.modalities.perception.reading import ReadingStream, letters
from lamm_core.modalities.perception.scene import Scene, SceneStream, joint_positions
from lamm_core.modalities.perception.trunk import Trunk, pixels_to_input
from lamm_core.names import CHARACTERS
from lamm_core.training.perception_data import UNKNOWN, Annotated, Labelled, Small, Word
from lamm_core.training.perception_reading import word_batch
from lamm_core.training.perception_small import enlarged

__all__ = ["box_recall", "class_accuracy", "joints_near", "overlaps", "read_words", "word_accuracy"]

Numbers = npt.NDArray[np.floating[Any]]
BATCH = 32
SIDE = 224
NEAR = 0.1  # of the picture's width and height
MATCH = 0.5  # IoU


@torch.no_grad()
def class_accuracy(name: Callable[[Tensor], Tensor], small: Small, side: int) -> float:
    """Small pictures, enlarged to ``side`` pixels, whose likeliest class is theirs; ``name`` gives logits (B, 10)."""
    right = 0
    for start in range(0, len(small.labels), BATCH):
        chosen = range(start, min(start + BATCH, len(small.labels)))
        with torch.autocast("cpu", torch.bfloat16):
            logits = name(enlarged(small, chosen, side))
        right += int((logits.argmax(1).numpy() == small.labels[chosen]).sum())
    return right / len(small.labels)


def joints_near(stream: SceneStream, bottom: Trunk, people: Sequence[Annotated]) -> float:
    """Joints found within a tenth of the picture of where they are ("PCK 0.1" by the picture, not by the torso)."""
    near: list[bool] = []
    for opened, scene in _batches(stream, bottom, people):
        places, _ = joint_positions(scene.joints)
        for place, item in zip(places.numpy(), opened, strict=True):
            if item.joints is not None:
                truth = item.joints / np.asarray(item.picture.size)
                near += (np.linalg.norm(place - truth, axis=-1) < NEAR).tolist()
    return sum(near) / max(1, len(near))


def box_recall(stream: SceneStream, bottom: Trunk, photos: Sequence[Annotated]) -> tuple[float, float]:
    """Annotated boxes that one of the objects told about overlaps by half (IoU), of any class and of the right one."""
    found, named, known, count = 0, 0, 0, 0
    for opened, scene in _batches(stream, bottom, photos):
        for row, item in enumerate(opened):
            objects = find_objects(scene, row)[:MOST_OBJECTS]
            truth = item.boxes / np.tile(np.asarray(item.picture.size), 2)
            table = overlaps(truth, np.asarray([each.box for each in objects]).reshape(-1, 4)) >= MATCH
            guesses = np.asarray([int(each.classes.argmax()) for each in objects], dtype=int)
            for matches, label in zip(table, item.labels, strict=True):
                count += 1
                found += bool(matches.any())
                known += label != UNKNOWN
                named += bool((matches & (guesses == label)).any())
    return found / max(1, count), named / max(1, known)


def overlaps(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of (N, 4) and (M, 4) boxes: (N, M)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)


@torch.no_grad()
def read_words(stream: ReadingStream, words: Sequence[Word]) -> list[str]:
    """What the stream reads in each picture."""
    texts = []
    for start in range(0, len(words), BATCH):
        inputs, _, _ = word_batch(words[start : start + BATCH], None)
        with torch.autocast("cpu", torch.bfloat16):
            table, _ = stream(inputs)
        texts += ["".join(CHARACTERS[letter.character] for letter in letters(row)) for row in table]
    return texts


def word_accuracy(stream: ReadingStream, words: Sequence[Word]) -> float:
    """Words read without a fault."""
    return sum(text == word.text for text, word in zip(read_words(stream, words), words, strict=True)) / len(words)


def _batches(stream: SceneStream, bottom: Trunk, items: Sequence[Annotated]) -> Iterator[tuple[list[Labelled], Scene]]:
    for start in range(0, len(items), BATCH):
        opened = [item.open() for item in items[start : start + BATCH]]
        squashed = [item.picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0) for item in opened]
        pixels = torch.from_numpy(np.stack([np.asarray(picture) for picture in squashed]))
        yield opened, _scene(stream, bottom, pixels_to_input(pixels))


@torch.no_grad()
def _scene(stream: SceneStream, bottom: Trunk, inputs: Tensor) -> Scene:
    with torch.autocast("cpu", torch.bfloat16):
        scene: Scene = stream(bottom(inputs)[-1])
    return scene
