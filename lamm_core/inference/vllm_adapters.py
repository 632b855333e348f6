"""Adapters as folders that vLLM reads, one for each combination of modalities; several make one joint adapter.

Does not know vLLM. The joint adapter of two puts their matrices side by side, so that its product is the sum of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from lamm_core.errors import ConfigError

__all__ = ["Adapter", "AdapterFolder"]

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM 0.32 takes


class Adapter(NamedTuple):
    """A combination of adapters as one; ``number`` is vLLM's key and begins at 1."""

    name: str
    number: int
    path: Path


class AdapterFolder:
    """Writes an adapter the first time it is wanted. The model's weights must not change after that."""

    def __init__(self, language_model: PeftModel, folder: Path) -> None:
        self._model = language_model
        self._folder = folder
        self._written: dict[frozenset[str], Adapter] = {}
        total = sum(self._config(name).r for name in language_model.peft_config)
        self.rank = next((rank for rank in RANKS if rank >= total), total)
        self.targets = self._targets(language_model.peft_config)
        self.combinations = 2 ** len(language_model.peft_config) - 1

    def joint(self, names: Collection[str]) -> Adapter | None:
        """The adapter that does what these do together; None for none. Raises ConfigError for an unknown name."""
        chosen = frozenset(names)
        if missing := sorted(chosen - set(self._model.peft_config)):
            known = ", ".join(sorted(self._model.peft_config))
            raise ConfigError(f"The model has no adapter {', '.join(map(repr, missing))}. Known: {known}.")
        if chosen and chosen not in self._written:
            name = "+".join(sorted(chosen))
            path = self._folder / name
            path.mkdir()
            weights, config = self._side_by_side(sorted(chosen))
            save_file(weights, path / "adapter_model.safetensors")
            (path / "adapter_config.json").write_text(json.dumps(config))
            self._written[chosen] = Adapter(name, len(self._written) + 1, path)
        return self._written.get(chosen)

    def _config(self, name: str) -> LoraConfig:
        config = self._model.peft_config[name]
        assert isinstance(config, LoraConfig)
        return config

    def _targets(self, names: Collection[str]) -> list[str]:
        """The layers that these adapters change."""
        return sorted({str(target) for name in names for target in (self._config(name).target_modules or ())})

    def _side_by_side(self, names: list[str]) -> tuple[dict[str, Tensor], dict[str, object]]:
        """Weights and configuration of the sum; a layer that an adapter leaves alone gets zeros from it."""
        states = {name: get_peft_model_state_dict(self._model, adapter_name=name) for name in names}
        ranks = {name: self._config(name).r for name in names}
        weights: dict[str, Tensor] = {}
        for key in sorted({key for state in states.values() for key in state}):
            axis = 0 if ".lora_A." in key else 1
            like = next(state[key] for state in states.values() if key in state)
            parts = []
            for name, state in states.items():
                shape = list(like.shape)
                shape[axis] = ranks[name]
                part = state[key].detach().float().cpu() if key in state else torch.zeros(shape)
                scale = self._config(name).lora_alpha / ranks[name]
                parts.append(part if axis == 0 else part * scale)
            weights[key] = torch.cat(parts, dim=axis).contiguous()
        total = sum(ranks.values())
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": total,
            "lora_alpha": total,  # the scales are in the weights
            "target_modules": self._targets(names),
            "bias": "none",
        }
        return weights, config
