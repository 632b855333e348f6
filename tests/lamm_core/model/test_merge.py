"""A merged model answers as the model with its adapter does, and stands alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lamm_core.errors import ConfigError
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from lamm_core.model.merge import export_merged

IDS = torch.tensor([[5, 9, 30, 31, 7]])


def test_merged_logits_are_those_of_the_active_adapter(build: Callable[..., LammModel], tmp_path: Path) -> None:
    model = build()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    model.save_pretrained(tmp_path / "checkpoint")
    modality = sorted(model.config.modalities)[0]
    out = export_merged(
        tmp_path / "checkpoint", tmp_path / "merged", modality=modality, cache=tmp_path, dtype=torch.float32
    )
    plain = AutoModelForCausalLM.from_pretrained(out)
    assert AutoTokenizer.from_pretrained(out).eos_token_id == model.tokenizer.eos_token_id
    assert (out / f"projector-{modality}.safetensors").is_file()
    with torch.no_grad(), active(model.language_model, [modality]):
        wanted = model.language_model(input_ids=IDS).logits
    with torch.no_grad():
        assert torch.allclose(plain(input_ids=IDS).logits, wanted.float(), atol=1e-4)
        with active(model.language_model, []):
            bare = model.language_model(input_ids=IDS).logits
    assert not torch.allclose(bare, wanted, atol=1e-3)


def test_an_unknown_modality_and_a_taken_folder_are_refused(build: Callable[..., LammModel], tmp_path: Path) -> None:
    build().save_pretrained(tmp_path / "checkpoint")
    with pytest.raises(ConfigError, match="no adapter 'smell'"):
        export_merged(
            tmp_path / "checkpoint", tmp_path / "merged", modality="smell", cache=tmp_path, dtype=torch.float32
        )
    with pytest.raises(ConfigError, match="there already"):
        export_merged(tmp_path / "checkpoint", tmp_path, modality="image", cache=tmp_path, dtype=torch.float32)
