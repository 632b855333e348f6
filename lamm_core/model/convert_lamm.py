"""Reads a checkpoint that LAMM released and writes it as a checkpoint folder of ours.

Does not know the language model: a released file holds trained tensors only, so the base weights stay unverified.
The layout is that of LAMM's PEFT training: one Linear (``llama_proj``) and a LoRA of peft 0.3.0 on q, k, v and o.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.errors import CheckpointError
from lamm_core.model.card import UNVERIFIED, Card
from lamm_core.model.checkpoint import Parts, Record, write_parts
from lamm_core.model.folders import replacing

__all__ = ["convert"]

ENCODER = "hub:openai/clip-vit-large-patch14"
ENCODER_WIDTH = 1024  # of EPCL too
# Rank and alpha of every released checkpoint; only the rank can be read from the tensors.
LORA = LoraSettings(r=32, alpha=32, dropout=0.1)
LORA_KEY = re.compile(
    r"llama_model\.(base_model\.model\.model\.layers\.(\d+)\.self_attn\.(q|k|v|o)_proj\.lora_[AB])(?:\.default)?\.weight"
)
PROJECTOR_KEYS = {"llama_proj.weight": "weight", "llama_proj.bias": "bias"}
# Copies of base weights that some files carry though they were not trained.
BASE_KEYS = re.compile(r"llama_model\.(?:base_model\.model\.)?(?:model\.embed_tokens|lm_head)\.weight")
LISTED = 5
NOTES = """## Origin

Converted from a checkpoint of LAMM (arXiv 2306.06687, OpenGVLab), which its authors released under CC BY-NC 4.0: not
for commercial use. Trained by them on LAMM's instruction data with {encoder} frozen, over Vicuna v0. Vicuna of
another version gives bad answers without any warning, so make sure of the version."""


def convert(source: Path, out: Path, *, language_model: str, epcl: Path | None = None) -> Path:
    """Convert a released ``pytorch_model.pt`` and return ``out``, the new folder.

    ``language_model`` is the folder or hub id of the Vicuna v0 weights it was trained on. ``epcl`` is the published
    file of EPCL's weights and makes the model one for point clouds; without it it is one for pictures. Neither is
    opened here. Raises CheckpointError listing every tensor that is unknown, missing or of another shape.
    """
    tensors = read(source)
    projector, adapter = sort_out(tensors, source.name)
    check_shapes(projector, adapter, source.name)
    if epcl is None:
        modality, settings = "image", ModalitySettings(ENCODER, projector="linear", lora=LORA)
    else:
        options = {"checkpoint": str(epcl)}
        modality, settings = "pointcloud", ModalitySettings("epcl", options, projector="linear", lora=LORA)
    config = LammConfig(language_model=language_model, modalities={modality: settings}, template="vicuna_v0")
    notes = NOTES.format(encoder="CLIP ViT-L/14" if epcl is None else "EPCL")
    record = Record(config, base_sha256=UNVERIFIED, card=Card(licence="cc-by-nc-4.0", notes=notes))
    with replacing(out) as temporary:
        write_parts(temporary, Parts(record, projectors={modality: projector}, adapters={modality: adapter}))
    return out


def read(source: Path) -> dict[str, Tensor]:
    """The tensors of the file under their names without ``module.``; no code in the file is run."""
    try:
        values = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{source.name} does not exist. Give the path of LAMM's pytorch_model.pt.") from error
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{source.name} is not a file of tensors, or is damaged. Give LAMM's pytorch_model.pt as released."
        ) from error
    if not isinstance(values, dict) or not all(isinstance(value, Tensor) for value in values.values()):
        raise CheckpointError(f"{source.name} holds other things than named tensors. Give LAMM's pytorch_model.pt.")
    return {str(name).removeprefix("module."): value for name, value in values.items()}


def sort_out(tensors: Mapping[str, Tensor], name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Projector tensors, and adapter tensors named as PEFT stores them today."""
    projector: dict[str, Tensor] = {}
    adapter: dict[str, Tensor] = {}
    unknown = []
    layers = {0}
    for key, value in tensors.items():
        if key in PROJECTOR_KEYS:
            projector[PROJECTOR_KEYS[key]] = value
        elif match := LORA_KEY.fullmatch(key):
            adapter[f"{match[1]}.weight"] = value
            layers.add(int(match[2]))
        elif not BASE_KEYS.fullmatch(key):
            unknown.append(key)
    expected = {
        f"base_model.model.model.layers.{layer}.self_attn.{target}.lora_{side}.weight"
        for layer in range(max(layers) + 1)
        for target in LORA.targets
        for side in "AB"
    }
    missing = [key for key, ours in PROJECTOR_KEYS.items() if ours not in projector]
    missing += [f"llama_model.{key}" for key in sorted(expected - set(adapter))]
    if unknown or missing:
        problems = [f"{label}: {shorten(keys)}" for label, keys in (("unknown", unknown), ("missing", missing)) if keys]
        raise CheckpointError(f"{name} does not have the tensors of a LAMM checkpoint. {'. '.join(problems)}.")
    return projector, adapter


def check_shapes(projector: Mapping[str, Tensor], adapter: Mapping[str, Tensor], name: str) -> None:
    """Raise CheckpointError where a tensor does not fit the projector's output width and LAMM's rank."""
    hidden = projector["weight"].shape[0]
    expected: dict[str, tuple[int, ...]] = {"weight": (hidden, ENCODER_WIDTH), "bias": (hidden,)}
    expected |= {key: (LORA.r, hidden) if "lora_A" in key else (hidden, LORA.r) for key in adapter}
    found = {key: tuple(value.shape) for key, value in {**projector, **adapter}.items()}
    wrong = [f"{key} is {found[key]} and should be {shape}" for key, shape in expected.items() if found[key] != shape]
    if wrong:
        raise CheckpointError(
            f"{name} has tensors of other shapes than LAMM's (rank 32, tokens of 1,024 channels): {shorten(wrong)}."
        )


def shorten(items: list[str]) -> str:
    """The first few, and how many more there are."""
    rest = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + rest
