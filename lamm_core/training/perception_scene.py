"""What the scene stream is tuned with: picture classes, boxes and joints, one kind of batch and loss each.

Does not know how long it is trained, nor the language model that will read the tokens.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception.scene import Scene, SceneStream, cell_centres, joint_positions
from lamm_core.modalities.perception.trunk import Trunk, pixels_to_input
from lamm_core.training.perception_data import UNKNOWN, Annotated, Labelled, Shuffled, Small, crop
from lamm_core.training.perception_small import small_batch

__all__ = ["PICTURE_SIDE", "SceneSteps", "detection_loss", "joint_loss", "photo_batch"]

PICTURE_SIDE = 128  # of small pictures
SHAPES = ((224, 224), (256, 192), (192, 256), (288, 160), (160, 288))  # width, height: about 49 cells of 32 pixels


def photo_batch(
    items: Sequence[Annotated], shape: tuple[int, int], rng: random.Random
) -> tuple[Tensor, list[Labelled]]:
    """A crop of each picture, all of one shape: inputs (B, 3, H, W) and the crops with their labels."""
    crops = [crop(item.open(), shape, rng, least=0.7 if item.joints is not None else 0.35) for item in items]
    pixels = torch.from_numpy(np.stack([np.asarray(item.picture) for item in crops]))
    return pixels_to_input(pixels), crops


def joint_loss(scene: Scene, crops: Sequence[Labelled]) -> Tensor:
    """Distance of the soft-argmax from the joints inside the crop, in shares of it, and cross entropy of the peak.

    At least one crop must have joints.
    """
    rows = [row for row, item in enumerate(crops) if item.joints is not None]
    height, width = scene.joints.shape[2:]
    truth = torch.from_numpy(np.stack([item.joints for item in crops if item.joints is not None])).float()
    size = torch.tensor(crops[0].picture.size, dtype=torch.float32)
    target = truth / size
    visible = ((target > 0) & (target < 1)).all(-1).float()
    logits = scene.joints[rows]
    found, _ = joint_positions(logits)
    distance = ((found - target).abs().sum(-1) * visible).sum() / visible.sum().clamp(min=1)
    column = (target[..., 0] * width).long().clamp(0, width - 1)
    row = (target[..., 1] * height).long().clamp(0, height - 1)
    entropy = functional.cross_entropy(logits.flatten(2).flatten(0, 1),
                                       (row * width + column).flatten(), reduction="none")  # fmt: skip
    return 5 * distance + 0.3 * (entropy * visible.flatten()).sum() / visible.sum().clamp(min=1)


def detection_loss(scene: Scene, crops: Sequence[Labelled]) -> dict[str, Tensor]:
    """Gaussian focal loss of the centres (CornerNet's), generalised IoU of the boxes and cross entropy of the class.

    A smaller box wins the cells that it shares with a larger one.
    """
    batch, height, width = scene.objectness.shape
    size = np.asarray([*crops[0].picture.size] * 2, dtype=np.float32)
    centres = cell_centres(height, width)
    heat = torch.zeros(batch, height, width)
    weight = torch.zeros(batch, height, width)
    box = torch.zeros(batch, height, width, 4)
    label = torch.zeros(batch, height, width, dtype=torch.long)
    ignore = torch.ones(batch, height, width)
    for row, item in enumerate(crops):
        if not item.exhaustive:
            ignore[row] = 0.1
        shares = torch.from_numpy(item.boxes / size)
        order = ((shares[:, 2] - shares[:, 0]) * (shares[:, 3] - shares[:, 1])).argsort(descending=True)
        for number in order.tolist():  # small boxes last
            x1, y1, x2, y2 = shares[number].tolist()
            centre = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2])
            column, line = min(int(centre[0] * width), width - 1), min(int(centre[1] * height), height - 1)
            middle = centres[line, column]
            spread = torch.tensor([max((x2 - x1) / 6, 0.35 / width), max((y2 - y1) / 6, 0.35 / height)])
            bump = torch.exp(-(((centres - middle) / spread) ** 2).sum(-1) / 2)
            heat[row] = torch.maximum(heat[row], bump)
            inside = bump > 0.4
            weight[row][inside] = bump[inside]
            box[row][inside] = shares[number]
            label[row][inside] = item.labels[number]
    logits = scene.objectness
    positive = heat > 0.999
    probability = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    gain = ((1 - probability) ** 2 * torch.log(probability))[positive].sum()
    cost = (((1 - heat) ** 4) * ignore * probability**2 * torch.log(1 - probability))[~positive].sum()
    count = positive.sum().clamp(min=1)
    total = weight.sum().clamp(min=1)
    mask = weight > 0
    overlap = 1 - _generalised_iou(scene.boxes[mask], box[mask])
    entropy = functional.cross_entropy(scene.object_class.permute(0, 2, 3, 1)[mask], label[mask], reduction="none",
                                       ignore_index=UNKNOWN)  # fmt: skip
    return {
        "centre": -(gain + cost) / count,
        "box": 2 * (overlap * weight[mask]).sum() / total,
        "class": (entropy * weight[mask]).sum() / total,
    }


def _generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = (first[:, 2:] - first[:, :2]).prod(-1) + (second[:, 2:] - second[:, :2]).prod(-1) - shared
    around_low, around_high = torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:])
    around = (around_high - around_low).prod(-1).clamp(min=1e-6)
    return shared / union.clamp(min=1e-6) - (around - union) / around


class SceneSteps:
    """Calls give the losses of one batch each: small pictures, or crops of one group of photos."""

    def __init__(
        self,
        stream: SceneStream,
        bottom: Trunk,
        *,
        small: Small | None,
        photos: Sequence[tuple[float, Sequence[Annotated]]],
        small_share: float,
        small_batch: int,
        photo_batch: int,
        seed: int,
    ) -> None:
        """``photos`` are (weight, pictures); ``small_share`` is the share of batches that are of small pictures."""
        self.stream, self.bottom, self.small = stream, bottom, small
        self.small_share = 0.0 if small is None else small_share if photos else 1.0
        self.small_batch, self.photo_batch = small_batch, photo_batch
        self.rng = random.Random(seed)
        self.small_order = Shuffled(0 if small is None else len(small.labels), self.rng)
        self.photos = [pictures for _, pictures in photos]
        self.weights = [weight for weight, _ in photos]
        self.orders = [Shuffled(len(pictures), self.rng) for pictures in self.photos]

    def __call__(self) -> Mapping[str, Tensor]:
        if self.small is not None and self.rng.random() < self.small_share:
            chosen = [next(self.small_order) for _ in range(self.small_batch)]
            inputs, labels = small_batch(self.small, chosen, PICTURE_SIDE, self.rng)
            logits = self._scene(inputs).picture_class.float()
            return {"small": functional.cross_entropy(logits, labels, label_smoothing=0.1)}
        group = self.rng.choices(range(len(self.photos)), self.weights)[0]
        pictures = [self.photos[group][next(self.orders[group])] for _ in range(self.photo_batch)]
        inputs, crops = photo_batch(pictures, self.rng.choice(SHAPES), self.rng)
        scene = self._scene(inputs)
        losses = detection_loss(scene, crops)
        if any(item.joints is not None for item in crops):
            losses["joints"] = joint_loss(scene, crops)
        return losses

    def draws(self) -> Mapping[str, Any]:
        """The state of everything random, for `redraw`."""
        return {"random": self.rng.getstate(), "left": [order.left for order in (self.small_order, *self.orders)]}

    def redraw(self, draws: Mapping[str, Any]) -> None:
        """Go on from a state that `draws` gave."""
        self.rng.setstate(draws["random"])
        for order, left in zip((self.small_order, *self.orders), draws["left"], strict=True):
            order.left = list(left)

    def _scene(self, inputs: Tensor) -> Scene:
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                low = self.bottom(inputs)[-1]
            scene: Scene = self.stream(low)
        return scene
