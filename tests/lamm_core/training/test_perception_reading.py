"""Batches of words are what the reading stream is taught."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lamm_core.names import CHARACTERS
from lamm_core.training.perception_data import Word
from lamm_core.training.perception_reading import vary, word_batch


@pytest.fixture
def words(tmp_path: Path) -> list[Word]:
    rng = np.random.default_rng(0)
    for name, size in (("a", (60, 20)), ("b", (200, 40))):
        Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return [Word(tmp_path / "a.png", "CAB"), Word(tmp_path / "b.png", "7")]


def test_targets_stand_in_one_row(words: list[Word]) -> None:
    inputs, targets, lengths = word_batch(words, None)
    assert inputs.shape == (2, 3, 32, 128) and lengths.tolist() == [3, 1]
    assert "".join(CHARACTERS[number] for number in targets) == "CAB7"
    assert torch.equal(inputs, word_batch(words, None)[0])


def test_training_sees_every_word_anew(words: list[Word]) -> None:
    rng = random.Random(0)
    first, second = (word_batch(words, rng)[0] for _ in range(2))
    assert first.shape == second.shape and not torch.equal(first, second)


@pytest.mark.parametrize("size", [(1, 1), (4, 400), (400, 4), (120, 32)])
def test_any_picture_can_be_varied(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (9, 80, 200))
    for seed in range(10):
        varied = vary(picture, random.Random(seed))
        assert varied.mode == "RGB" and min(varied.size) >= 4
