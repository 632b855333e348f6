"""Media to encoder tokens, with encoders alone: no language model is needed for it.

Does not know where features are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lamm_core.config import LammConfig
from lamm_core.conversation import FINDINGS_SUFFIX, Media
from lamm_core.modalities import modality
from lamm_core.modalities.base import Encoder
from lamm_core.modalities.findings import compose_findings
from lamm_core.model import checkpoint

__all__ = ["encode", "load_encoders"]


@torch.no_grad()
def encode(media: Sequence[Media], encoder_of: Callable[[str], Encoder], device: torch.device) -> list[Tensor]:
    """Encoder tokens ``(n_i, width)`` in float32 of each medium, in order; files of findings are composed.

    Raises MediaError.
    """
    features: dict[int, Tensor] = {}
    prepared: dict[str, list[tuple[int, Tensor]]] = {}
    for place, medium in enumerate(media):
        encoder = encoder_of(medium.modality)
        if medium.path.suffix == FINDINGS_SUFFIX:
            features[place] = compose_findings(medium.path, encoder).to(device)
        else:
            ready = encoder.prepare(modality(medium.modality).load(medium.path)).to(device)
            prepared.setdefault(medium.modality, []).append((place, ready))
    for name, items in prepared.items():
        encoded = encoder_of(name).encode([ready for _, ready in items])
        features.update(zip([place for place, _ in items], encoded, strict=True))
    return [features[place].float() for place in range(len(media))]


def load_encoders(model: LammConfig | str, *, cache: Path, device: str) -> Mapping[str, Encoder]:
    """The encoders of a configuration or of a checkpoint, by modality. Raises WeightsError and CheckpointError."""
    folder = checkpoint.find(model) if isinstance(model, str) else None
    config = checkpoint.read_record(folder).config if folder is not None else model
    assert isinstance(config, LammConfig)
    encoders = {}
    for name, settings in config.modalities.items():
        encoder = modality(name).build_encoder(settings.encoder, settings.options, cache)
        if folder is not None and encoder.ours:
            checkpoint.load_module(encoder, folder / f"encoder-{name}.safetensors")  # type: ignore[arg-type]
        encoders[name] = encoder.to(device).eval()  # type: ignore[attr-defined]
    return encoders
