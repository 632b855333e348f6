"""What a model is, by hashes: two models with the same identity give the same answers.

Does not know tasks or answers.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from lamm_core.model.lamm import LammModel

__all__ = ["code_version", "model_identity"]


def model_identity(
    model: LammModel, *, name: str, folder: str, adapter: str | None, quantize: str | None
) -> dict[str, Any]:
    """The part ``model`` of run.json for a loaded model answering with one of its adapters ("" is none)."""
    from lamm_core.model.checkpoint import parts_of

    parts = parts_of(model)
    sight: list[Any] = []
    for modality in sorted(parts.projectors):
        sight += [modality, _hash(parts.projectors[modality])]
        ours = parts.encoders.get(modality)
        sight.append(_hash(ours) if ours is not None else parts.record.encoder_fingerprints[modality])
    frame = [model.prompts.system, *model.prompts.template.frame(("user",), generation=True)]
    return {
        "name": name,
        "folder": folder,
        "adapter": adapter,
        "adapter_sha256": _hash(parts.adapters[adapter]) if adapter is not None and adapter in parts.adapters else None,
        "projector_encoder_sha256": hashlib.sha256(json.dumps(sight).encode()).hexdigest(),
        "base_sha256": parts.record.base_sha256,
        "quantize": quantize,
        "template": f"{model.config.template}-{hashlib.sha256(json.dumps(frame).encode()).hexdigest()[:12]}",
    }


def _hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the name, dtype, shape and bytes of tensors, in the order of their names."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def code_version() -> str:
    """The version of this package, with the commit where it runs from a checkout."""
    try:
        number = version("lamm-studio")
    except PackageNotFoundError:
        number = "unknown"
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number} ({done.stdout.strip()})"
