"""What is said and shown: media, turns and samples.

Does not know how a conversation is tokenised, stored or scored; standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["FINDINGS_SUFFIX", "Media", "Role", "Sample", "Turn"]

FINDINGS_SUFFIX = ".findings"  # of a file that holds what there is to find, in the place of a medium

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Media:
    """One picture, point cloud or other medium, by the file that holds it."""

    modality: str
    path: Path


@dataclass(frozen=True)
class Turn:
    """One message.

    A placeholder in the text (``<image>``, ``<pointcloud>``) marks where a medium stands, one for each medium in
    order. A turn whose text has no placeholder shows its media before the text.
    """

    role: Role
    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A conversation with, if known, its right answer and where it came from.

    ``metadata`` holds at least, as far as known: ``source_dataset``, ``source_id``, ``task_type``.
    """

    id: str
    turns: tuple[Turn, ...]
    target: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def media(self) -> tuple[Media, ...]:
        """All media of the conversation in reading order."""
        return tuple(medium for turn in self.turns for medium in turn.media)
