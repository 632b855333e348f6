"""The kinds of media this project reads, in one explicit list.

Does not know projectors, adapters or prompts.
"""

from __future__ import annotations

from pathlib import Path

from lamm_core.modalities.base import Encoder, Modality
from lamm_core.modalities.image import IMAGE
from lamm_core.modalities.pointcloud import POINTCLOUD
from lamm_core.registry import lookup

__all__ = ["MODALITIES", "Encoder", "Modality", "modality", "modality_of"]

MODALITIES: tuple[Modality, ...] = (IMAGE, POINTCLOUD)


def modality(name: str) -> Modality:
    """The modality called ``name``. Raises ConfigError naming the nearest one."""
    return lookup({one.name: one for one in MODALITIES}, name, kind="modality")


def modality_of(path: Path) -> Modality:
    """The modality whose files end as this one does; the first, whose files may have any name, where none has such."""
    return next((one for one in MODALITIES if path.suffix.lower() in one.suffixes), MODALITIES[0])
