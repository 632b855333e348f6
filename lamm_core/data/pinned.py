"""A pinned version of instruction data: whether the files are still those that a hash names.

Does not know records. An exported folder carries ``manifest.json`` (``content_hash``, and ``files`` with the SHA-256 of
each) and, where media lie beside the records, ``media.sha256`` in the form of sha256sum. The content hash is that of
the lines ``SHA256  NAME`` of all files, sorted by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lamm_core.errors import ConfigError, DataError

__all__ = ["MANIFEST", "verify_pinned"]

MANIFEST = "manifest.json"
MEDIA_LIST = "media.sha256"


def verify_pinned(data: Path, sha256: str) -> None:
    """Raise ConfigError where the export that ``data`` is a file of has another hash, and DataError where one of its
    files has changed since."""
    folder = next((one for one in (data.parent, data.parent.parent) if (one / MANIFEST).is_file()), None)
    if folder is None:
        raise ConfigError(
            f"data: {data} is pinned by sha256, but no {MANIFEST} lies beside it. Train on an exported folder as it "
            "was exported, or take the sha256 out of the recipe."
        )
    files = _listed(folder)
    for name, digest in (*files.items(), *_media(folder, files)):
        _require(folder / name, digest, folder)
    found = hashlib.sha256(
        "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())).encode()
    ).hexdigest()
    if found != sha256:
        raise ConfigError(
            f"data: {data} is of the version {found}, and the recipe names {sha256}. Give the folder of that version, "
            "or name this one."
        )
    if data.resolve().relative_to(folder.resolve()).as_posix() not in files:
        raise ConfigError(f"data: {data.name} is no file of the version {sha256}; it has {', '.join(sorted(files))}.")


def _listed(folder: Path) -> Mapping[str, str]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / MANIFEST} is no manifest of an export ({error}). Export again.") from error


def _media(folder: Path, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if MEDIA_LIST not in files or not (folder / MEDIA_LIST).is_file():
        return
    for line in (folder / MEDIA_LIST).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest


def _require(path: Path, digest: str, folder: Path) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} belongs to the version in {folder} and cannot be read: {error.strerror}.") from error
    if found != digest:
        raise DataError(
            f"{path} has changed since {folder} was exported. Export that version again, or take the sha256 out of "
            "the recipe."
        )
