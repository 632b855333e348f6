"""Pinned versions of instruction data: what differs is said before anything is trained."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lamm_core.data.pinned import verify_pinned
from lamm_core.errors import ConfigError, DataError


@pytest.fixture
def version(tmp_path: Path) -> str:
    """The content hash of an export of one file with one medium."""
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.png").write_bytes(b"picture")
    (tmp_path / "train.json").write_text("[]")
    medium = hashlib.sha256(b"picture").hexdigest()
    (tmp_path / "media.sha256").write_text(f"{medium}  media/a.png\n")
    names = ("media.sha256", "train.json")
    files = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in names).encode()).hexdigest()


def test_the_version_that_is_named_is_taken(tmp_path: Path, version: str) -> None:
    verify_pinned(tmp_path / "train.json", version)


def test_another_version_is_refused_with_both_hashes(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){version}.*{'0' * 64}"):
        verify_pinned(tmp_path / "train.json", "0" * 64)


def test_a_changed_file_of_records_is_named(tmp_path: Path, version: str) -> None:
    (tmp_path / "train.json").write_text("[ ]")
    with pytest.raises(DataError, match=r"train\.json has changed"):
        verify_pinned(tmp_path / "train.json", version)


def test_a_lost_medium_is_named(tmp_path: Path, version: str) -> None:
    (tmp_path / "media" / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png belongs to"):
        verify_pinned(tmp_path / "train.json", version)


def test_data_without_a_manifest_cannot_be_pinned(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no manifest\.json"):
        verify_pinned(tmp_path / "train.json", "0" * 64)


def test_a_file_beside_the_version_is_no_part_of_it(tmp_path: Path, version: str) -> None:
    (tmp_path / "more.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"more\.json is no file of the version"):
        verify_pinned(tmp_path / "more.json", version)
