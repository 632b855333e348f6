"""What an export says of itself: manifest.json, with the hash that names its content.

Does not know how the files are written. The content hash covers every data file and, through media.sha256, every
medium; it is the same wherever and whenever the same content is exported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lamm_core.errors import DataError

__all__ = ["MANIFEST", "MEDIA_LIST", "Manifest", "content_hash", "file_hash"]

MANIFEST = "manifest.json"
MEDIA_LIST = "media.sha256"


@dataclass(frozen=True)
class Manifest:
    """One export.

    ``event`` is the number of the last event it knows of. ``records`` are counted by split, ``counts`` by what else
    describes them; ``prompts`` by the hash of the prompt that drafted them. ``left_out`` counts by reason what the
    filter meant and the form cannot hold. ``files`` maps each data file to its SHA-256.
    """

    content_hash: str
    form: str
    event: int
    created: str
    filter: Mapping[str, Any]
    held_apart: float
    records: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    prompts: Mapping[str, int]
    generators: Mapping[str, int]
    left_out: Mapping[str, int]
    media: int
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Put manifest.json into the folder."""
        path = folder / MANIFEST
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of an export. Raises DataError where there is none."""
        try:
            return cls(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{folder / MANIFEST} is no manifest of an export ({error}). Export again.") from error


def content_hash(files: Mapping[str, str]) -> str:
    """The hash of the lines that sha256sum would print of these files, sorted by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
