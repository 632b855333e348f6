"""A model's identity changes with whatever can change an answer, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lamm_core.config import LammConfig
from lamm_core.evaluation.identity import code_version, model_identity
from lamm_core.model.adapters import adapter_parameters
from lamm_core.model.lamm import LammModel

Identify = Callable[..., dict[str, Any]]


@pytest.fixture
def model(tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path) -> LammModel:
    config = LammConfig.from_dict(
        {"language_model": str(tiny_lm_folder), "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}"}}}
    )
    return LammModel.build(config, cache=tmp_path)


def identity(model: LammModel, **changes: Any) -> dict[str, Any]:
    return model_identity(model, **({"name": "m", "folder": "f", "adapter": "image", "quantize": None} | changes))


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {key for key in before if before[key] != after[key]}


def test_a_loaded_copy_is_the_same_model(model: LammModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "saved")
    again = LammModel.from_pretrained(tmp_path / "saved", cache=tmp_path)
    assert identity(again) == identity(model)


def test_adapter_and_projector_are_told_apart(model: LammModel) -> None:
    before = identity(model)
    with torch.no_grad():
        adapter_parameters(model.language_model, "image")[0].add_(1)
    between = identity(model)
    assert changed(before, between) == {"adapter_sha256"}
    with torch.no_grad():
        next(model.projectors["image"].parameters()).add_(1)
    assert changed(between, identity(model)) == {"projector_encoder_sha256"}


def test_another_template_and_no_adapter_are_seen(model: LammModel) -> None:
    before = identity(model)
    assert changed(before, identity(model, adapter=None)) == {"adapter", "adapter_sha256"}
    assert identity(model, adapter=None)["adapter_sha256"] is None
    model.prompts.system = "Answer in one word."
    assert changed(before, identity(model)) == {"template"}


def test_the_version_of_the_code_is_known() -> None:
    assert code_version() and "unknown" not in code_version()
