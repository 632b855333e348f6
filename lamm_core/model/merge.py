"""A model with one modality's LoRA folded into the language model: for programs that know no adapters.

Does not know runs. What comes out is a plain language model in transformers' form, with the projector and the
configuration beside it; the encoder stays what it was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

from lamm_core.errors import ConfigError
from lamm_core.model.adapters import active
from lamm_core.model.folders import replacing
from lamm_core.model.lamm import LammModel

__all__ = ["export_merged"]

NOTE = "lamm-merged.json"


def export_merged(model_folder: Path, out: Path, *, modality: str, cache: Path, dtype: torch.dtype) -> Path:
    """Write the merged model into the new folder ``out``. Raises ConfigError for a modality that the model lacks.

    The sum is made in float32 and rounded once, so answers may differ from the adapter's in the last bits.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already. Name a new folder.")
    model = LammModel.from_pretrained(model_folder, cache=cache, dtype=torch.float32)
    if modality not in model.config.modalities:
        known = ", ".join(sorted(model.config.modalities))
        raise ConfigError(f"The model has no adapter {modality!r} to merge. It has: {known}.")
    projector = {name: tensor.contiguous() for name, tensor in model.projectors[modality].state_dict().items()}
    with active(model.language_model, [modality]):
        merged = cast(PreTrainedModel, model.language_model.merge_and_unload(adapter_names=[modality]))
    merged = merged.to(dtype)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        merged.save_pretrained(temporary)
        model.tokenizer.save_pretrained(temporary)
        save_file(projector, temporary / f"projector-{modality}.safetensors")
        note = {"modality": modality, "config": model.config.to_dict(), "merged_from": model_folder.name}
        (temporary / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    return out
