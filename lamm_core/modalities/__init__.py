"""The kinds of media this project reads, in one explicit list.

Does not know projectors, adapters or prompts.
"""

from __future__ import annotations

from lamm_core.modalities.base import Encoder, Modality
from lamm_core.modalities.image import IMAGE
from lamm_core.registry import lookup

__all__ = ["MODALITIES", "Encoder", "Modality", "modality"]

MODALITIES: tuple[Modality, ...] = (IMAGE,)


def modality(name: str) -> Modality:
    """The modality called ``name``. Raises ConfigError naming the nearest one."""
    return lookup({one.name: one for one in MODALITIES}, name, kind="modality")
