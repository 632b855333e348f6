"""The media of a task looked at before anything is asked: which open, which do not and why, and their contents' hashes.

Does not know models or answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lamm_core.conversation import FINDINGS_SUFFIX, Media, Sample
from lamm_core.errors import MediaError

__all__ = ["CheckedMedia", "check_media"]


@dataclass(frozen=True)
class CheckedMedia:
    """SHA-256 of every file that opens, and for every other one why it does not."""

    hashes: dict[Path, str] = field(default_factory=dict)
    troubles: dict[Path, str] = field(default_factory=dict)

    def trouble(self, sample: Sample) -> str:
        """Why a sample cannot be shown; empty where it can."""
        return "; ".join(self.troubles[medium.path] for medium in sample.media if medium.path in self.troubles)


def check_media(samples: Sequence[Sample], *, progress: Callable[[int, int], None] | None = None) -> CheckedMedia:
    """Open every medium once. ``progress`` is told how many of how many are looked at."""
    checked = CheckedMedia()
    media = {medium.path: medium for sample in samples for medium in sample.media}
    for done, (path, medium) in enumerate(media.items(), start=1):
        try:
            checked.hashes[path] = _opened(medium)
        except MediaError as error:
            checked.troubles[path] = str(error)
        if progress is not None:
            progress(done, len(media))
    return checked


def _opened(medium: Media) -> str:
    try:
        with medium.path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{medium.path} cannot be read ({error.strerror}).") from error
    if medium.path.suffix != FINDINGS_SUFFIX:
        from lamm_core.modalities import modality

        modality(medium.modality).load(medium.path)
    return content
