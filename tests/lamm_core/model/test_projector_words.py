"""A projector that starts from words: what it does to examples, to the rest, and to encoders without words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.errors import ConfigError
from lamm_core.modalities.perception import PerceptionEncoder, tokens
from lamm_core.model.lamm import LammModel
from lamm_core.model.projector import start_from_words


def test_an_example_is_projected_close_to_its_word() -> None:
    torch.manual_seed(0)
    examples = torch.cat([torch.eye(6)[:4], torch.zeros(4, 2)], 1)[:, :8]
    words = torch.randn(4, 16)
    projector = nn.Linear(8, 16)
    start_from_words(projector, examples, words)
    assert torch.nn.functional.cosine_similarity(projector(examples), words).min() > 0.999
    assert (projector(examples) - words).norm() < 0.06 * words.norm()  # the ridge shortens a little


def test_channels_without_a_word_are_shorter_than_words() -> None:
    examples = torch.eye(8)[:4]
    projector = nn.Linear(8, 16)
    start_from_words(projector, examples, torch.nn.functional.normalize(torch.randn(4, 16), dim=-1))
    lengths = projector.weight.norm(dim=0)
    assert lengths[4:].tolist() == pytest.approx([0.3] * 4, abs=1e-4)
    assert lengths[:4].min() > 0.9


def test_every_example_of_the_perception_encoder_has_one_word() -> None:
    encoder = PerceptionEncoder(None)
    rows, words = encoder.word_examples()
    assert rows.shape == (len(words), tokens.LAYOUT.width)
    frog = words.index("frog")
    assert rows[frog].sum() == 1
    assert rows[frog, tokens.LAYOUT.parts["picture"].start + 6] == 1  # CIFAR-10's class 6


def test_an_encoder_without_words_is_refused(tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path) -> None:
    settings = ModalitySettings(encoder=f"hub:{tiny_clip_folder}", projector="words")
    config = LammConfig(language_model=str(tiny_lm_folder), modalities={"image": settings})
    with pytest.raises(ConfigError, match="does not say which words"):
        LammModel.build(config, cache=tmp_path)
