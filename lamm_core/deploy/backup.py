"""A copy of what people made: the review database, everything beside it, models and, where wanted, runs; and back.

Does not know what the files say. A copy is one file that appears when it is whole; its list holds the hash of every
part, which is checked before anything is put back.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lamm_core.deploy.databases import bring_back, copy_out, is_empty, sqlite_file
from lamm_core.errors import DeployError
from lamm_core.run_files import files_below

__all__ = ["Places", "make", "restore"]

_LIST, _DATABASE = "list.json", "database"
_NOT_COPIED = (".db", ".db-wal", ".db-shm", ".db-journal", ".lock")  # the database is copied by its own means


@dataclass(frozen=True)
class Places:
    """Where everything lies. ``folders`` by their name in the copy."""

    database: str
    folders: dict[str, Path]


def make(places: Places, out: Path, *, clock: float | None = None) -> dict[str, int]:
    """Write the copy ``out``; how many files and bytes each part has. Raises DeployError, and then leaves nothing."""
    if out.exists():
        raise DeployError(f"{out} exists already. Name a new file; a copy is never replaced.")
    out.parent.mkdir(parents=True, exist_ok=True)
    coming = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    listed: dict[str, str] = {}
    counts: dict[str, int] = {}
    try:
        with tempfile.TemporaryDirectory(dir=out.parent) as folder, tarfile.open(coming, "w") as archive:
            for part, root in places.folders.items():
                for file in _files(root):
                    name = f"{part}/{file.relative_to(root).as_posix()}"
                    content = _whole(file)
                    if content is not None:
                        listed[name] = _add(archive, content, name)
                        counts[part] = counts.get(part, 0) + 1
            # Last: what the files tell of has happened in it, and what left them meanwhile has arrived in it.
            database = Path(folder) / _DATABASE
            copy_out(places.database, database)
            listed[_DATABASE] = _add(archive, database.read_bytes(), _DATABASE)
            counts[_DATABASE] = 1
            kind = "sqlite" if sqlite_file(places.database) else "postgresql"
            about = {"format": 1, "made": clock or time.time(), "database": kind, "files": listed}
            _add(archive, json.dumps(about, indent=1).encode(), _LIST)
        with coming.open("rb+") as written:
            os.fsync(written.fileno())
        coming.replace(out)
    except OSError as error:
        raise DeployError(f"The copy could not be written to {out} ({error.strerror}).") from error
    finally:
        coming.unlink(missing_ok=True)
    return counts


def restore(copy: Path, places: Places, *, replace: bool = False) -> dict[str, int]:
    """Put a copy back; how many files of each part. What is there is only touched with ``replace``.

    Raises DeployError where the copy is damaged, of another kind of database, or would replace something.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        about = _unpacked(copy, folder)
        kind = "sqlite" if sqlite_file(places.database) else "postgresql"
        if about["database"] != kind:
            raise DeployError(
                f"The copy is of {about['database']} and LAMM_REVIEW_DB names {kind}. Give the same kind."
            )
        if not replace and not is_empty(places.database):
            raise DeployError("There is a review database already. Add --replace to put the copy in its place.")
        counts = {_DATABASE: 1}
        bring_back(folder / _DATABASE, places.database)
        for name in about["files"]:
            part, _, inside = name.partition("/")
            root = places.folders.get(part)
            if root is None or not inside:
                continue
            target = root / inside
            if target.exists() and not replace:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            coming = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
            shutil.copyfile(folder / name, coming)
            coming.replace(target)
            counts[part] = counts.get(part, 0) + 1
        return counts


def _files(root: Path) -> Iterator[Path]:
    for file in sorted(files_below(root)):
        if file.is_file() and not file.is_symlink() and not file.name.endswith(_NOT_COPIED):
            yield file


def _whole(file: Path) -> bytes | None:
    """What a file holds; of one that is appended to its whole lines, and None of one that is gone by now."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    if file.suffix == ".jsonl" and not content.endswith(b"\n"):
        content = content[: content.rfind(b"\n") + 1]
    return content


def _add(archive: tarfile.TarFile, content: bytes, name: str) -> str:
    about = tarfile.TarInfo(name)
    about.size, about.mtime, about.mode = len(content), int(time.time()), 0o600
    archive.addfile(about, io.BytesIO(content))
    return hashlib.sha256(content).hexdigest()


def _unpacked(copy: Path, folder: Path) -> dict[str, Any]:
    """Unpack and check every hash. Members with other names than the list's, links and ways out of it are refused."""
    try:
        with tarfile.open(copy) as archive:
            members = {member.name: member for member in archive.getmembers()}
            listing = archive.extractfile(members[_LIST])
            assert listing is not None
            about: dict[str, Any] = json.loads(listing.read())
            if set(members) != {*about["files"], _LIST}:
                raise DeployError(f"{copy} holds other files than its list. It was changed; take another copy.")
            for name, digest in about["files"].items():
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise DeployError(f"{copy} holds {name!r}, which leads out of it. Take another copy.")
                content = archive.extractfile(members[name]) if members[name].isreg() else None
                if content is None:
                    raise DeployError(f"{copy} holds {name!r}, which is no file. Take another copy.")
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with content, (folder / name).open("w+b") as file:
                    shutil.copyfileobj(content, file)
                    file.seek(0)
                    if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                        raise DeployError(f"{name} in {copy} is damaged. Take another copy; nothing was put back.")
    except FileNotFoundError as error:
        raise DeployError(f"There is no copy at {copy}.") from error
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        raise DeployError(f"{copy} is no copy that `lamm backup make` wrote ({error}).") from error
    return about
