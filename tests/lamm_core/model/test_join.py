"""Joining checkpoints of different modalities: nothing is changed on the way, and what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lamm_core.config import LammConfig
from lamm_core.errors import CheckpointError, ConfigError
from lamm_core.model.adapters import adapter_parameters
from lamm_core.model.join import join
from lamm_core.model.lamm import LammModel


@pytest.fixture
def halves(config: LammConfig, tmp_path: Path) -> dict[str, LammModel]:
    """A model for each modality, saved under its name."""
    models = {}
    for seed, (name, settings) in enumerate(config.modalities.items()):
        torch.manual_seed(seed)
        model = LammModel.build(
            replace(config, modalities={name: settings}), cache=tmp_path / "cache", dtype=torch.float32
        )
        for parameter in adapter_parameters(model.language_model, name):
            torch.nn.init.normal_(parameter, std=0.2)
        model.save_pretrained(tmp_path / name)
        models[name] = model
    return models


def test_a_joined_model_has_the_weights_of_each_half(halves: dict[str, LammModel], tmp_path: Path) -> None:
    folder = join([tmp_path / name for name in halves], tmp_path / "both")
    whole = LammModel.from_pretrained(folder, cache=tmp_path / "cache", dtype=torch.float32)
    assert list(whole.config.modalities) == list(halves)
    for name, half in halves.items():
        for mine, theirs in zip(whole.projectors[name].parameters(), half.projectors[name].parameters(), strict=True):
            assert torch.equal(mine, theirs)
        pairs = zip(
            adapter_parameters(whole.language_model, name), adapter_parameters(half.language_model, name), strict=True
        )
        assert all(torch.equal(mine, theirs) for mine, theirs in pairs)


def test_the_card_lists_every_modality_and_takes_new_notes(halves: dict[str, LammModel], tmp_path: Path) -> None:
    folder = join([tmp_path / name for name in halves], tmp_path / "both", notes="## Limits\n\nMany.")
    card = (folder / "README.md").read_text()
    assert all(f"| {name} |" in card for name in halves)
    assert card.rstrip().endswith("Many.")


def test_two_models_of_one_modality_are_refused(halves: dict[str, LammModel], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="image"):
        join([tmp_path / "image", tmp_path / "image"], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_models_on_other_base_weights_are_refused(halves: dict[str, LammModel], tmp_path: Path) -> None:
    path = tmp_path / "numbers" / "config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"base_sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="hash of its weights"):
        join([tmp_path / "image", tmp_path / "numbers"], tmp_path / "both")


def test_a_folder_that_is_not_whole_is_refused(halves: dict[str, LammModel], tmp_path: Path) -> None:
    (tmp_path / "numbers" / "projector-numbers.safetensors").unlink()
    with pytest.raises(CheckpointError, match="not whole"):
        join([tmp_path / "image", tmp_path / "numbers"], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_one_folder_is_nothing_to_join(halves: dict[str, LammModel], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two"):
        join([tmp_path / "image"], tmp_path / "both")
