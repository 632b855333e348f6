"""Trains the reading stream on drawn words and photographed ones, for a given time.

Does not know how words are drawn: it is handed a function that makes one.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception.names import CHARACTERS
from lamm_core.modalities.perception.reading import ReadingStream, fit_crop, letters
from lamm_core.modalities.perception.trunk import pixels_to_input

__all__ = ["Word", "read_words", "train_reading", "word_accuracy"]

Word = tuple[Image.Image, str]  # the crop and its letters and digits, in capitals
POOL = 6000  # drawn words kept to be shown again, each changed anew
LONGEST = 15


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


def batch_of(words: Sequence[Word], rng: random.Random | None) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (B, 3, 32, 128), all targets in one row, and each target's length."""
    crops = [fit_crop(vary(picture, rng) if rng else picture) for picture, _ in words]
    inputs = pixels_to_input(torch.from_numpy(np.stack([np.asarray(crop) for crop in crops])))
    if rng:
        gain = torch.rand(len(words), 1, 1, 1) * 0.8 + 0.6
        inputs = inputs * gain + (torch.rand(len(words), 1, 1, 1) - 0.5) * 0.5
        inputs = (inputs + torch.randn_like(inputs) * rng.uniform(0, 0.08)).contiguous(
            memory_format=torch.channels_last
        )
    targets = [[CHARACTERS.index(letter) for letter in text] for _, text in words]
    return inputs, torch.tensor(sum(targets, [])), torch.tensor([len(target) for target in targets])


@torch.no_grad()
def read_words(stream: ReadingStream, words: Sequence[Word]) -> list[str]:
    """What the stream reads in each crop."""
    stream.eval()
    texts = []
    for start in range(0, len(words), 32):
        inputs, _, _ = batch_of(words[start : start + 32], None)
        with torch.autocast("cpu", torch.bfloat16):
            table, _ = stream(inputs)
        texts += ["".join(CHARACTERS[letter.character] for letter in letters(row)) for row in table]
    stream.train()
    return texts


def word_accuracy(stream: ReadingStream, words: Sequence[Word]) -> float:
    """Share of the crops read without a fault."""
    texts = read_words(stream, words)
    return sum(text == truth for text, (_, truth) in zip(texts, words, strict=True)) / len(words)


def train_reading(
    stream: ReadingStream,
    *,
    draw: Callable[[random.Random], Word],
    photographed: Sequence[Word],
    held_apart: Sequence[Word],
    seconds: float,
    out: Path,
    batch: int = 48,
    photo_share: float = 0.35,
    learning_rate: float = 1e-3,
    new_words: int = 10,
    seed: int = 0,
) -> None:
    """Train for ``seconds`` of wall clock with a cosine learning rate; ``out`` gets the averaged weights."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    usable = [word for word in photographed if 0 < len(word[1]) <= LONGEST]
    optimiser = torch.optim.AdamW([p for p in stream.parameters() if p.requires_grad], learning_rate,
                                  weight_decay=0.02, betas=(0.9, 0.99))  # fmt: skip
    average = {name: tensor.detach().clone() for name, tensor in stream.state_dict().items()}
    pool = [draw(rng) for _ in range(200)]
    start, step, mean = time.monotonic(), 0, 4.0
    evaluated = 0.0
    stream.train()
    while (elapsed := time.monotonic() - start) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = (
                learning_rate * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * elapsed / seconds))
            )
        for _ in range(new_words):
            word = draw(rng)
            if len(pool) < POOL:
                pool.append(word)
            else:
                pool[rng.randrange(POOL)] = word
        photos = sum(rng.random() < photo_share for _ in range(batch))
        words = rng.choices(usable, k=photos) + rng.choices(pool, k=batch - photos - new_words) + pool[-new_words:]
        inputs, targets, lengths = batch_of(words, rng)
        with torch.autocast("cpu", torch.bfloat16):
            table, _ = stream(inputs)
        loss = functional.ctc_loss(table.transpose(0, 1), targets, torch.full_like(lengths, table.shape[1]), lengths,
                                   blank=len(CHARACTERS), zero_infinity=True)  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(stream.parameters(), 2.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        mean = 0.98 * mean + 0.02 * loss.item()
        decay = min(0.998, step / (step + 20))
        with torch.no_grad():
            for name, tensor in stream.state_dict().items():
                if tensor.is_floating_point():
                    average[name].lerp_(tensor, 1 - decay)
        if step % 50 == 0:
            print(json.dumps({"step": step, "seconds": round(elapsed), "loss": round(mean, 4)}), flush=True)
        if elapsed - evaluated > 300:
            evaluated = elapsed
            _evaluate(stream, average, held_apart, out, step)
    _evaluate(stream, average, held_apart, out, step)
    stream.load_state_dict(average)


def _evaluate(stream: ReadingStream, average: dict[str, Tensor], words: Sequence[Word], out: Path, step: int) -> None:
    current = {name: tensor.detach().clone() for name, tensor in stream.state_dict().items()}
    stream.load_state_dict(average)
    print(json.dumps({"step": step, "word_accuracy": round(word_accuracy(stream, words), 4)}), flush=True)
    partial = out.with_suffix(".partial")
    torch.save(average, partial)
    partial.replace(out)
    stream.load_state_dict(current)
