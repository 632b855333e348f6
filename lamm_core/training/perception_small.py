"""What the small stream is tuned with, and the scene stream beside its photos: small pictures of one class each.

Does not know how long a stream is trained.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception.small import SIDE, SmallStream
from lamm_core.training.perception_data import Shuffled, Small

__all__ = ["SmallSteps", "enlarged", "small_batch"]


def enlarged(small: Small, chosen: Sequence[int], side: int) -> Tensor:
    """Small pictures at ``side`` pixels S, unchanged otherwise: inputs (B, 3, S, S)."""
    batch = torch.from_numpy(small.pixels[chosen]).permute(0, 3, 1, 2).float()
    batch = functional.interpolate(batch, size=(side, side), mode="bilinear", align_corners=False)
    return ((batch - 127) / 128).contiguous(memory_format=torch.channels_last)


def small_batch(small: Small, chosen: Sequence[int], side: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Random windows of small pictures, mirrored and recoloured, at ``side`` pixels S: (B, 3, S, S), classes (B,)."""
    batch = torch.from_numpy(small.pixels[chosen]).permute(0, 3, 1, 2).float()
    count = len(chosen)
    theta = torch.zeros(count, 2, 3)
    for row in range(count):
        zoom = rng.uniform(0.75, 1.05)
        angle = rng.uniform(-0.2, 0.2)
        mirror = rng.choice((-1, 1))
        room = abs(1 - zoom)
        theta[row] = torch.tensor(
            [
                [zoom * mirror * math.cos(angle), -zoom * math.sin(angle), rng.uniform(-room, room)],
                [zoom * mirror * math.sin(angle), zoom * math.cos(angle), rng.uniform(-room, room)],
            ]
        )
    grid = functional.affine_grid(theta, [count, 3, side, side], align_corners=False)
    batch = functional.grid_sample(batch, grid, "bilinear", "reflection", align_corners=False)
    gain = 1 + 0.25 * (torch.rand(count, 1, 1, 1) - 0.5) * 2
    grey = batch.mean(1, keepdim=True)
    batch = grey + (batch - grey) * (1 + 0.3 * (torch.rand(count, 1, 1, 1) - 0.5) * 2)
    batch = (batch - 127) * gain + 40 * (torch.rand(count, 1, 1, 1) - 0.5)
    for row in range(count):  # cut out a square
        if rng.random() < 0.5:
            hole = rng.randint(side // 8, side * 7 // 16)
            y, x = rng.randint(0, side - hole), rng.randint(0, side - hole)
            batch[row, :, y : y + hole, x : x + hole] = 0
    batch = batch.clamp(-127, 128) / 128
    return batch.contiguous(memory_format=torch.channels_last), torch.from_numpy(small.labels[chosen]).long()


class SmallSteps:
    """Calls give the loss of one batch of small pictures."""

    def __init__(self, stream: SmallStream, small: Small, *, batch: int, seed: int) -> None:
        self.stream, self.small, self.batch = stream, small, batch
        self.rng = random.Random(seed)
        self.order = Shuffled(len(small.labels), self.rng)

    def __call__(self) -> Mapping[str, Tensor]:
        chosen = [next(self.order) for _ in range(self.batch)]
        inputs, labels = small_batch(self.small, chosen, SIDE, self.rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.stream(inputs)
        return {"small": functional.cross_entropy(logits.float(), labels, label_smoothing=0.1)}

    def draws(self) -> Mapping[str, Any]:
        """The state of everything random, for `redraw`."""
        return {"random": self.rng.getstate(), "left": self.order.left}

    def redraw(self, draws: Mapping[str, Any]) -> None:
        """Go on from a state that `draws` gave."""
        self.rng.setstate(draws["random"])
        self.order.left = list(draws["left"])
