"""A tiny language model with two adapters that change its answers, and a tiny multimodal one.

Does not know what is tested.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.loop import Group
from lamm_core.model.adapters import adapter_parameters, add_adapter
from lamm_core.model.lamm import LammModel


def give_weights(model: PeftModel) -> None:
    """Make every adapter matter."""
    torch.manual_seed(5)
    for name in model.peft_config:
        for parameter in adapter_parameters(model, name):
            nn.init.normal_(parameter, std=0.2)


def together(group: Group, prompts: Sequence[Tensor], longest: int, stops: Collection[int]) -> list[list[int]]:
    """Greedy answers to prompts ``(L_i, H)``, of which one more joins at each step while the others go on."""
    answers: list[list[int]] = [[] for _ in prompts]
    waiting, rows = list(range(len(prompts))), list[int]()
    while waiting or rows:
        following = list(group.advance([answers[row][-1] for row in rows]).split(1)) if rows else []
        if waiting and not group.full:
            rows.append(waiting.pop(0))
            logits = group.join(prompts[rows[-1]], threading.Event())
            assert logits is not None
            following.append(logits)
        for place in reversed(range(len(rows))):
            token, answer = int(following[place].float().argmax()), answers[rows[place]]
            if token not in stops:
                answer.append(token)
            if token in stops or len(answer) == longest:
                group.leave(place)
                del rows[place]
    return answers


@pytest.fixture(scope="module")
def language_model(tiny_lm_folder: Path) -> PeftModel:
    model: nn.Module = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32).eval()
    for name in ("image", "second"):
        model = add_adapter(model, name, LoraSettings(r=4))
    give_weights(model)
    return model


@pytest.fixture(scope="module")
def prompts(language_model: PeftModel) -> list[Tensor]:
    """Embedded random prompts (L, H) of different lengths."""
    generator = torch.Generator().manual_seed(1)
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 55, 90]
    table = language_model.get_input_embeddings().weight.detach()
    return [table[torch.randint(3, len(table), (length,), generator=generator)] for length in lengths]


@pytest.fixture
def engine(tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path) -> LocalEngine:
    """An engine over a model that reads images and has a second, spare adapter."""
    lora = LoraSettings(r=4)
    config = LammConfig(
        language_model=str(tiny_lm_folder),
        modalities={"image": ModalitySettings(f"hub:{tiny_clip_folder}", lora=lora)},
    )
    torch.manual_seed(2)
    model = LammModel.build(config, cache=tmp_path / "cache", dtype=torch.float32)
    add_adapter(model.language_model, "second", lora)
    give_weights(model.language_model)
    return LocalEngine(model)


@pytest.fixture
def other_picture(tmp_path: Path) -> Callable[[int], Path]:
    """Makes pictures of one colour."""
    from PIL import Image

    def make(shade: int) -> Path:
        path = tmp_path / f"shade-{shade}.png"
        Image.new("RGB", (40, 40), (shade, 255 - shade, 90)).save(path)
        return path

    return make
