"""What the reading stream is trained with: words drawn or photographed, each seen a little differently every time.

Does not know who drew or photographed them, nor how long it is trained.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.image import load
from lamm_core.modalities.perception.reading import ReadingStream, fit_crop
from lamm_core.modalities.perception.trunk import pixels_to_input
from lamm_core.names import CHARACTERS
from lamm_core.training.perception_data import Word

__all__ = ["ReadingSteps", "vary", "word_batch"]


def vary(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A photographed word, seen a little differently: margins, tilt, colours, sharpness."""
    width, height = picture.size
    edge = [rng.uniform(-0.04, 0.05) * height for _ in range(4)]
    shear = rng.uniform(-0.12, 0.12)
    picture = picture.transform(
        (max(4, round(width * rng.uniform(0.85, 1.15))), max(4, height)),
        Image.Transform.QUAD,
        (edge[0], edge[1] + shear * height, edge[0], height - edge[3] + shear * height,
         width - edge[2], height - edge[3] - shear * height, width - edge[2], edge[1] - shear * height),
        Image.Resampling.BILINEAR,
        fillcolor=picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)),
    )  # fmt: skip
    if rng.random() < 0.2:
        picture = ImageOps.invert(picture)
    if rng.random() < 0.3:
        bands = list(picture.split())
        rng.shuffle(bands)
        picture = Image.merge("RGB", bands)
    if rng.random() < 0.3:
        small = max(10, round(picture.height * rng.uniform(0.4, 0.9)))
        picture = picture.resize((max(4, round(picture.width * small / picture.height)), small))
    return picture


def word_batch(words: Sequence[Word], rng: random.Random | None) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (B, 3, 32, 128), all targets in one row, and each target's length; varied where ``rng`` is given."""
    opened = [load(word.path) for word in words]
    crops = [fit_crop(vary(picture, rng) if rng else picture) for picture in opened]
    inputs = pixels_to_input(torch.from_numpy(np.stack([np.asarray(crop) for crop in crops])))
    if rng:
        gain = torch.rand(len(words), 1, 1, 1) * 0.8 + 0.6
        inputs = inputs * gain + (torch.rand(len(words), 1, 1, 1) - 0.5) * 0.5
        inputs = inputs + torch.randn_like(inputs) * rng.uniform(0, 0.08)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    targets = torch.tensor([CHARACTERS.index(letter) for word in words for letter in word.text])
    return inputs, targets, torch.tensor([len(word.text) for word in words])


class ReadingSteps:
    """Calls give the loss of one batch each, drawn from groups of words by their weights."""

    def __init__(
        self, stream: ReadingStream, groups: Sequence[tuple[float, Sequence[Word]]], *, batch: int, seed: int
    ) -> None:
        """``groups`` are (weight, words)."""
        self.stream, self.batch = stream, batch
        self.groups = [words for _, words in groups]
        self.weights = [weight for weight, _ in groups]
        self.rng = random.Random(seed)

    def __call__(self) -> Mapping[str, Tensor]:
        chosen = self.rng.choices(self.groups, self.weights, k=self.batch)
        inputs, targets, lengths = word_batch([self.rng.choice(words) for words in chosen], self.rng)
        with torch.autocast("cpu", torch.bfloat16):
            table, _ = self.stream(inputs)
        columns = torch.full_like(lengths, table.shape[1])
        loss = functional.ctc_loss(table.transpose(0, 1), targets, columns, lengths,
                                   blank=len(CHARACTERS), zero_infinity=True)  # fmt: skip
        return {"words": loss}

    def draws(self) -> Mapping[str, Any]:
        """The state of everything random, for `redraw`."""
        return {"random": self.rng.getstate()}

    def redraw(self, draws: Mapping[str, Any]) -> None:
        """Go on from a state that `draws` gave."""
        self.rng.setstate(draws["random"])
