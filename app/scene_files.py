"""Files given together: which one is the scan, and which picture belongs to it.

Does not read them. A picture belongs to a scan if it is called the same but for its ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lamm_core.errors import MediaError
from lamm_core.pointclouds.readers import SUFFIXES

__all__ = ["PICTURES", "SceneFiles", "scene_files"]

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class SceneFiles:
    """A scan and the picture that was taken with it, if there is one; ``notes`` say what was left aside."""

    scan: Path
    picture: Path | None = None
    notes: tuple[str, ...] = ()


def scene_files(files: Sequence[Path]) -> SceneFiles:
    """The first scan among the files with its picture. Raises MediaError where there is no file.

    A file of an unknown ending counts as a scan where no other does: its content may tell.
    """
    if not files:
        raise MediaError("No file has arrived. Choose a scan.")
    scans = [file for file in files if file.suffix.lower() in SUFFIXES]
    scans = scans or [file for file in files if file.suffix.lower() not in PICTURES]
    if not scans:  # pictures alone; reading one as a scan says what it is
        return SceneFiles(files[0])
    scan = scans[0]
    pictures = [file for file in files if file.suffix.lower() in PICTURES]
    same = [file for file in pictures if file.stem.lower() == scan.stem.lower()]
    notes = []
    if others := [file.name for file in files if file != scan and file not in same[:1]]:
        told = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        notes.append(f"Opened {scan.name}; left aside: {told}. A picture of the same name is shown beside its scan.")
    return SceneFiles(scan, same[0] if same else None, tuple(notes))
