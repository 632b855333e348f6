"""The reading stream: Lite0's first eleven blocks, kept wide, and a small transformer that spells a word crop.

Does not know scenes, tokens or the language model. Trained with connectionist temporal classification (CTC): each
column of the picture votes for a character or for none, so the order of characters needs no labels of place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from lamm_core.modalities.perception.trunk import Trunk, build_lite0
from lamm_core.names import CHARACTERS

__all__ = ["CROP_HEIGHT", "CROP_WIDTH", "Letter", "ReadingStream", "fit_crop", "letters"]

CROP_HEIGHT, CROP_WIDTH = 32, 128
WIDTH = 256
FROZEN_BLOCKS = 3  # stem and blocks 0-2: stride 4, 24 channels


class Letter(NamedTuple):
    """One character that the stream read: its number in CHARACTERS, probability, and the columns it spans."""

    character: int
    probability: float
    columns: tuple[int, int]


class ReadingStream(nn.Module):
    """(B, 3, 32, 128) inputs to (B, 32, 37) log-probabilities; the last class is CTC's blank."""

    place: Tensor  # (32, WIDTH) sines and cosines of the column

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        network = build_lite0(state)
        for number in (3, 5):  # halve the height, keep the width: letters stand side by side
            network._blocks[number]._depthwise_conv.stride = (2, 1)
        self.bottom = Trunk(network, 0, FROZEN_BLOCKS, stem=True).requires_grad_(False)
        self.trunk = Trunk(network, FROZEN_BLOCKS, 11)
        self.columns = nn.Linear(2 * 112, WIDTH)
        place = torch.arange(CROP_WIDTH // 4).float()[:, None]
        rate = torch.exp(torch.arange(0, WIDTH, 2).float() * (-math.log(1000.0) / WIDTH))
        self.register_buffer("place", torch.stack([(place * rate).sin(), (place * rate).cos()], -1).flatten(1),
                             persistent=False)  # fmt: skip
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.mix = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.spell = nn.Linear(WIDTH, len(CHARACTERS) + 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (B, 32, 37) and the columns' features (B, 32, WIDTH)."""
        with torch.no_grad():
            low = self.bottom(inputs)[-1]
        grid = self.trunk(low)[-1]  # (B, 112, 2, 32)
        columns = self.columns(grid.permute(0, 3, 1, 2).flatten(2)).float() + 0.3 * self.place
        mixed = self.mix(columns).float()
        return self.spell(mixed).float().log_softmax(-1), mixed


def fit_crop(picture: Image.Image) -> Image.Image:
    """Scale to 32 pixels of height, a little wide, squash to at most 128, and fill the right with the mean colour."""
    width = round(CROP_HEIGHT * 1.3 * picture.width / picture.height)
    width = min(max(width, 20), CROP_WIDTH)
    scaled = picture.resize((width, CROP_HEIGHT), Image.Resampling.BILINEAR, reducing_gap=3.0)
    colour = scaled.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    crop = Image.new("RGB", (CROP_WIDTH, CROP_HEIGHT), colour)
    crop.paste(scaled, (0, 0))
    return crop


def letters(log_probabilities: Tensor) -> list[Letter]:
    """Best-path CTC of one (32, 37) table: repeated columns are one letter, blanks separate."""
    blank = len(CHARACTERS)
    best = log_probabilities.argmax(-1).tolist()
    found: list[Letter] = []
    start = 0
    for column in range(1, len(best) + 1):
        if column == len(best) or best[column] != best[start]:
            if best[start] != blank:
                peak = float(log_probabilities[start:column, best[start]].max().exp())
                found.append(Letter(best[start], peak, (start, column)))
            start = column
    return found
