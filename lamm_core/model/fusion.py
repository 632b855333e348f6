"""Puts projected media tokens into their places among the text embeddings of one sample.

Does not know where the places come from or what the tokens show. Legend: L tokens of the sample, H hidden width,
n tokens of one medium.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lamm_core.errors import DataError

if TYPE_CHECKING:
    from lamm_core.data.tokenize import Slot

__all__ = ["splice"]


def splice(
    embeddings: Tensor,
    slots: Sequence[Slot],
    features: Sequence[Tensor],
    *,
    sample_id: str,
    modalities: Sequence[str] = (),
) -> Tensor:
    """Text embeddings ``(L, H)`` with the rows of each slot replaced by its medium's features ``(n, H)``.

    ``modalities`` names the modality of each entry of ``features``, for the message. Raises DataError with sample,
    modality and both numbers where a slot and its features differ in length or a medium has no slot.
    """
    if len(slots) != len(features):
        raise DataError(f"Sample {sample_id!r} has {len(slots)} places for media and {len(features)} media.")
    pieces: list[Tensor] = []
    end = 0
    for slot in sorted(slots, key=lambda slot: slot.start):
        feature = features[slot.media_index]
        if feature.shape != (slot.length, embeddings.shape[1]):
            modality = modalities[slot.media_index] if modalities else "medium"
            raise DataError(
                f"Sample {sample_id!r}: {modality} {slot.media_index} has features of shape {tuple(feature.shape)} "
                f"and its place in the prompt is {(slot.length, embeddings.shape[1])}. "
                "Features and prompt must come from the same encoder."
            )
        pieces += [embeddings[end : slot.start], feature.to(embeddings.dtype)]
        end = slot.start + slot.length
    return torch.cat([*pieces, embeddings[end:]])  # (L, H)
