"""The perception encoder: its streams and ImageNet's own names, written as tokens.

Does not know how the streams were trained nor how tokens are read. Legend: B pictures, h x w cells of 16 pixels.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from lamm_core.backbones import fetch
from lamm_core.errors import ConfigError
from lamm_core.grounding import box_overlap
from lamm_core.modalities.fingerprint import fingerprint
from lamm_core.modalities.perception import tokens
from lamm_core.modalities.perception.composed import Names, compose
from lamm_core.modalities.perception.reading import (
    CROP_HEIGHT,
    CROP_WIDTH,
    ReadingStream,
    fit_crop,
    letters,
)
from lamm_core.modalities.perception.scene import Scene, SceneStream, joint_positions
from lamm_core.modalities.perception.small import SmallStream
from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, build_lite0, pixels_to_input
from lamm_core.modalities.weights_file import load_weights
from lamm_core.names import OBJECTS, imagenet_names

__all__ = [
    "READING_WEIGHTS",
    "SCENE_WEIGHTS",
    "SMALL_WEIGHTS",
    "Found",
    "PerceptionEncoder",
    "build_perception",
    "find_objects",
    "largest_first",
]

# What lamm train-encoder writes.
SCENE_WEIGHTS, SMALL_WEIGHTS, READING_WEIGHTS = "scene.safetensors", "small.safetensors", "reading.safetensors"

SMALL_SIDE, SMALL_SHAPE = 160, (128, 128)  # small pictures gain nothing from being enlarged further
SHAPES = ((224, 224), (256, 192), (192, 256), (288, 160), (160, 288))  # width, height
HEAD = 16  # bytes of a prepared row before its pixels: shape and size, four numbers
# A large photo is looked at again in four overlapping quarters, so that small objects are not lost.
TILED_SIDE = 384
TILES = ((0.0, 0.0, 0.6, 0.6), (0.4, 0.0, 1.0, 0.6), (0.0, 0.4, 0.6, 1.0), (0.4, 0.4, 1.0, 1.0))
CUT = 0.03  # of a tile: a box that comes this close to an inner edge of its tile is cut off there, and dropped
MOST_OBJECTS = 8  # as many as an answer lists
LEAST_SCORE = 0.15  # of an object token
TALLY_SCORE = 0.3
MOST_TALLIES = 6
PERSON_SCORE = 0.1  # from here the joints are worth telling
LETTER_SCORE = 0.35  # mean probability from which the letters are worth telling
LEAST_SIDE = 0.005  # of a box, as a share of the picture
SAME_OBJECT = 0.55  # overlap (IoU) from which the weaker of two boxes is dropped


class Found(NamedTuple):
    """One detected object: score, x1 y1 x2 y2 in shares, and the probabilities of its class."""

    score: float
    box: tuple[float, float, float, float]
    classes: Tensor


class PerceptionEncoder(nn.Module):
    """Tokens of a picture: the whole, objects with boxes, joints of a person, letters of a word, counts."""

    width = tokens.LAYOUT.width
    ours = True
    name_codes: Tensor  # (1000, NAME_CODE)

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        self.scene = SceneStream(state)
        self.small = SmallStream(state)
        self.reading = ReadingStream(state)
        network = build_lite0(state)
        classifier = network._fc.weight.detach()
        # Base weights stay out of the state that the checkpoint keeps: they are fetched, not shipped.
        self.__dict__["bottom"] = Trunk(network, 0, BOTTOM_BLOCKS, stem=True).requires_grad_(False)
        self.__dict__["imagenet"] = Trunk(network, BOTTOM_BLOCKS, 16, head=True).requires_grad_(False)
        self.__dict__["classifier"] = network._fc.requires_grad_(False)
        direction = torch.randn(classifier.shape[1], tokens.NAME_CODE, generator=torch.Generator().manual_seed(0))
        code = functional.normalize(functional.normalize(classifier, dim=-1) @ direction, dim=-1)
        self.register_buffer("name_codes", code, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        for name in ("bottom", "imagenet", "classifier"):
            self.__dict__[name]._apply(fn, recurse)
        return self

    def fingerprint(self) -> str:
        """Hash of weights, preprocessing and thresholds."""
        settings = (
            *(SMALL_SIDE, SHAPES, TILED_SIDE, TILES, CUT, MOST_OBJECTS, LEAST_SIDE, SAME_OBJECT),
            *(LEAST_SCORE, TALLY_SCORE, PERSON_SCORE, LETTER_SCORE, self.width, tokens.LAYOUT_VERSION),
        )
        return fingerprint(self, {"encoder": "perception", "settings": settings})

    def word_examples(self) -> tuple[Tensor, list[str]]:
        """Token rows (k, width) and the words they mean: single channels, and the codes of ImageNet's names."""
        channels = tokens.LAYOUT.words()
        rows = torch.zeros(len(channels) + len(self.name_codes), self.width)
        rows[range(len(channels)), list(channels)] = 1.0
        rows[len(channels) :, tokens.LAYOUT.parts["name"]] = self.name_codes.cpu()
        return rows, [*channels.values(), *imagenet_names()]

    def compose(self, findings: Mapping[str, Any], rng: random.Random) -> Tensor:
        """Tokens of a picture that shows this; see `composed.compose`."""
        if "_names" not in self.__dict__:
            self.__dict__["_names"] = Names(self.name_codes, self.__dict__["classifier"].weight)
        return compose(self.__dict__["_names"], findings, rng)

    def prepare(self, medium: Image.Image) -> Tensor:
        """One row of bytes: shape and size, a word crop of it all, the scene's view, the tiles of a large picture."""
        width, height = medium.size
        if max(width, height) <= SMALL_SIDE:
            shape = SMALL_SHAPE
        else:
            shape = min(SHAPES, key=lambda size: abs(np.log(size[0] / size[1]) - np.log(width / height)))
        views: list[tuple[float, float, float, float]] = [(0.0, 0.0, 1.0, 1.0)]
        if max(width, height) >= TILED_SIDE:
            views += TILES
        pixels = [
            np.asarray(
                medium.resize(
                    shape,
                    Image.Resampling.BILINEAR,
                    box=(x1 * width, y1 * height, x2 * width, y2 * height),
                    reducing_gap=2.0,
                ),
                dtype=np.uint8,
            ).ravel()
            for x1, y1, x2, y2 in views
        ]
        word = np.asarray(fit_crop(medium), dtype=np.uint8).ravel()
        size = np.asarray([*shape, width, height], dtype="<i4").view(np.uint8)
        return torch.from_numpy(np.concatenate([size, word, *pixels]))

    @torch.no_grad()
    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """Tokens ``(n_i, width)`` of each picture; pictures of one shape are computed together."""
        heads = [row[:HEAD].cpu().numpy().view("<i4").tolist() for row in prepared]
        found: list[Tensor] = [torch.empty(0)] * len(prepared)
        for shape in sorted({(head[0], head[1]) for head in heads}):
            places = [place for place, head in enumerate(heads) if (head[0], head[1]) == shape]
            for place, row in zip(places, self._encode_shape([prepared[p] for p in places], shape), strict=True):
                found[place] = row
        return found

    def _encode_shape(self, rows: Sequence[Tensor], shape: tuple[int, int]) -> list[Tensor]:
        word_end = HEAD + CROP_HEIGHT * CROP_WIDTH * 3
        crops = torch.stack([row[HEAD:word_end].view(CROP_HEIGHT, CROP_WIDTH, 3) for row in rows])
        views = [row[word_end:].view(-1, shape[1], shape[0], 3) for row in rows]  # the whole picture, then its tiles
        pixels = torch.stack([view[0] for view in views])
        with torch.autocast(pixels.device.type, torch.bfloat16):
            low = self.__dict__["bottom"](pixels_to_input(pixels))[-1]
            scene: Scene = self.scene(low)
            named = self.__dict__["imagenet"](low)[-1].float()  # (B, 1280, h/2, w/2)
            table, _ = self.reading(pixels_to_input(crops))
        joints, peaks = joint_positions(scene.joints)
        small = shape == SMALL_SHAPE
        classes = self.name_small(pixels) if small else scene.picture_class.float().softmax(-1)
        output = []
        for row in range(len(rows)):
            width, height = rows[row][8:16].cpu().numpy().view("<i4").tolist()
            colours = pixels[row].float() / 255
            objects = find_objects(scene, row)
            if len(views[row]) > 1:
                objects = without_doubles(objects + self._in_tiles(views[row][1:]))
            whole = self._name(named[row].mean((1, 2)))
            parts = [
                tokens.picture_token(classes[row], whole, colours.mean((0, 1)), aspect=width / height,
                                     side=max(width, height))
            ]  # fmt: skip
            for rank, item in enumerate(largest_first(objects[:MOST_OBJECTS])):
                name = self._name(_window(named[row], item.box).mean((1, 2)))
                colour = _window(colours.permute(2, 0, 1), _middle(item.box)).mean((1, 2))
                parts += tokens.object_tokens(rank, item.box, item.score, item.classes, name, colour)
            parts += _tallies(objects)
            if any(item.score * float(item.classes[0]) > PERSON_SCORE for item in objects):
                parts += tokens.body_tokens(joints[row].tolist(), peaks[row].tolist())
            word = letters(table[row])
            if word and sum(letter.probability for letter in word) / len(word) > LETTER_SCORE:
                for place, letter in enumerate(word):
                    start, end = letter.columns
                    vote = table[row, start:end, :-1].float().amax(0).exp()
                    parts.append(tokens.letter_token(place, vote))
            output.append(torch.stack([part.to(pixels.device) for part in parts]))
        return output

    def name_small(self, pixels: Tensor) -> Tensor:
        """Class probabilities (B, 10) of small pictures (B, H, W, 3): the mean of what picture and mirror look like."""
        with torch.autocast(pixels.device.type, torch.bfloat16):
            views = [self.small(pixels_to_input(view)).float().softmax(-1) for view in (pixels, pixels.flip(2))]
        return (views[0] + views[1]) / 2

    def _in_tiles(self, tiles: Tensor) -> list[Found]:
        """Objects found in the four tiles of one picture, their boxes as shares of the whole picture."""
        with torch.autocast(tiles.device.type, torch.bfloat16):
            scene: Scene = self.scene(self.__dict__["bottom"](pixels_to_input(tiles))[-1])
        found = []
        for row, (x1, y1, x2, y2) in enumerate(TILES):
            inner = (x1 > 0, y1 > 0, x2 < 1, y2 < 1)
            for item in find_objects(scene, row):
                near = (item.box[0] < CUT, item.box[1] < CUT, item.box[2] > 1 - CUT, item.box[3] > 1 - CUT)
                if not any(cut and edge for cut, edge in zip(near, inner, strict=True)):
                    left, top, right, bottom = item.box
                    box = (x1 + left * (x2 - x1), y1 + top * (y2 - y1), x1 + right * (x2 - x1), y1 + bottom * (y2 - y1))
                    found.append(item._replace(box=box))
        return found

    def _name(self, feature: Tensor) -> Tensor:
        """Code of what ImageNet's classifier calls a pooled feature (1280,): its five likeliest names, mixed."""
        probability, place = self.__dict__["classifier"](feature).softmax(-1).topk(5)
        mixed: Tensor = (probability[:, None] * self.name_codes[place]).sum(0)
        return mixed


def find_objects(scene: Scene, row: int) -> list[Found]:
    """Peaks of the objectness map of one picture, strongest first, near-equal boxes dropped."""
    score = scene.objectness[row].sigmoid()
    peak = functional.max_pool2d(score[None, None], 3, 1, 1)[0, 0]
    lines, columns = torch.nonzero((score == peak) & (score > LEAST_SCORE), as_tuple=True)
    found = []
    for line, column in zip(lines.tolist(), columns.tolist(), strict=True):
        x1, y1, x2, y2 = scene.boxes[row, line, column].clamp(0, 1).tolist()
        if x2 - x1 >= LEAST_SIDE and y2 - y1 >= LEAST_SIDE:
            classes = scene.object_class[row, :, line, column].softmax(-1)
            found.append(Found(float(score[line, column]), (x1, y1, x2, y2), classes))
    return without_doubles(found)


def without_doubles(found: Sequence[Found]) -> list[Found]:
    """The objects, strongest first, less those that nearly cover a stronger one."""
    kept: list[Found] = []
    for item in sorted(found, key=lambda item: -item.score):
        if all(box_overlap(item.box, other.box) < SAME_OBJECT for other in kept):
            kept.append(item)
    return kept


def largest_first(found: Sequence[Found]) -> list[Found]:
    """The objects in the order in which an answer names them."""
    return sorted(found, key=lambda item: -(item.box[2] - item.box[0]) * (item.box[3] - item.box[1]))


def _middle(box: Sequence[float]) -> tuple[float, float, float, float]:
    third_x, third_y = (box[2] - box[0]) / 3, (box[3] - box[1]) / 3
    return box[0] + third_x, box[1] + third_y, box[2] - third_x, box[3] - third_y


def _window(grid: Tensor, box: Sequence[float]) -> Tensor:
    """The cells of a (C, h, w) map under a box, at least one."""
    height, width = grid.shape[1:]
    left, top = min(int(box[0] * width), width - 1), min(int(box[1] * height), height - 1)
    right, bottom = max(left + 1, round(box[2] * width)), max(top + 1, round(box[3] * height))
    return grid[:, top:bottom, left:right]


def _tallies(objects: Sequence[Found]) -> list[Tensor]:
    counts: dict[int, int] = {}
    for item in objects:
        if item.score > TALLY_SCORE:
            label = int(item.classes.argmax())
            counts[label] = counts.get(label, 0) + 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], OBJECTS[pair[0]]))[:MOST_TALLIES]
    return [token for rank, (label, count) in enumerate(ranked) for token in tokens.tally_tokens(rank, label, count)]


def build_perception(options: Mapping[str, Any], cache: Path) -> PerceptionEncoder:
    """The encoder over ImageNet weights; a checkpoint then loads what was tuned.

    The option ``weights`` names the folder that ``lamm train-encoder`` wrote, or the encoder's file in the folder of a
    model, for another model that is to be trained on it. Raises ConfigError, WeightsError.
    """
    unknown = sorted(set(options) - {"weights"})
    if unknown:
        raise ConfigError(f"The encoder 'perception' has no option {unknown[0]!r}. Known: weights.")
    encoder = PerceptionEncoder(load_file(fetch("efficientnet-lite0", cache) / "model.safetensors"))
    if "weights" in options:
        weights = Path(options["weights"]).expanduser()
        files: list[tuple[nn.Module, Path]] = [
            (encoder.scene, weights / SCENE_WEIGHTS),
            (encoder.small, weights / SMALL_WEIGHTS),
            (encoder.reading, weights / READING_WEIGHTS),
        ]
        for module, path in [(encoder, weights)] if weights.is_file() else files:
            load_weights(module, path, what="the perception encoder", remedy="; `lamm train-encoder` writes it.")
    return encoder.requires_grad_(False).eval()
