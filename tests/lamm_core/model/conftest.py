"""A tiny multimodal model with two modalities, and a conversation that shows both.

Does not know what is tested. The second modality is a small real one: a text file of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lamm_core.modalities
from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.modalities.fingerprint import fingerprint
from lamm_core.modalities.image import IMAGE
from lamm_core.model.adapters import adapter_parameters
from lamm_core.model.lamm import LammModel

Build = Callable[..., LammModel]


class NumbersEncoder(nn.Module):
    """One token for each number; trained by us."""

    width = 8
    ours = True

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 8)

    def fingerprint(self) -> str:
        return fingerprint(self, "numbers")

    def prepare(self, medium: list[float]) -> Tensor:
        return torch.tensor(medium).view(-1, 1)

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        return [self.layer(one) for one in prepared]


class Numbers:
    """The modality "numbers"."""

    name = "numbers"
    placeholder = "<numbers>"
    suffixes: tuple[str, ...] = (".txt",)
    viewer = "text"

    def load(self, path: Path) -> list[float]:
        return [float(word) for word in path.read_text().split()]

    def build_encoder(self, name: str, options: Mapping[str, Any], cache: Path) -> NumbersEncoder:
        return NumbersEncoder()

    def memory(self, name: str) -> int:
        return 64


@pytest.fixture
def config(tiny_lm_folder: Path, tiny_clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> LammConfig:
    monkeypatch.setattr(lamm_core.modalities, "MODALITIES", (IMAGE, Numbers()))
    lora = LoraSettings(r=4)
    return LammConfig(
        language_model=str(tiny_lm_folder),
        modalities={
            "image": ModalitySettings(f"hub:{tiny_clip_folder}", lora=lora),
            "numbers": ModalitySettings("numbers", projector="linear", lora=lora),
        },
    )


@pytest.fixture
def build(config: LammConfig, tmp_path: Path) -> Build:
    """Build the model with trained-looking adapters, so that each one matters."""

    def build(**options: Any) -> LammModel:
        torch.manual_seed(2)
        model = LammModel.build(config, cache=tmp_path / "cache", **{"dtype": torch.float32, **options})
        for name in model.config.modalities:
            for parameter in adapter_parameters(model.language_model, name):
                nn.init.normal_(parameter, std=0.2)
        return model

    return build


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.txt"
    path.write_text("1 2 3")
    return path
