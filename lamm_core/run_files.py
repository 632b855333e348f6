"""What every folder of a run is made of: a claim on it, files replaced whole, lines of JSON that a kill may have torn.

Does not know what runs. Who holds a folder is told by the pid in its state.json.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lamm_core.errors import ConfigError, DataError, LammError

__all__ = ["STATE", "bytes_in", "claimed", "files_below", "json_lines", "replace_text"]

STATE = "state.json"


@contextmanager
def claimed(folder: Path, *, another: str) -> Iterator[None]:
    """Keep the folder to this process. Raises ConfigError where another one writes there, or nobody may.

    ``another`` says how to choose another folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"{folder} is being written by process {_writer(folder)}. Wait for it, stop it, or {another}."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror or error}). Make it writable, or {another}."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _writer(folder: Path) -> str:
    try:
        return str(json.loads((folder / STATE).read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return "of another program"


def replace_text(path: Path, text: str) -> None:
    """Write a file so that whoever reads it, also after a kill, finds all of it or what was there before.

    Only one process may write there, as one that claimed the folder. Raises OSError.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def files_below(folder: Path) -> Iterator[Path]:
    """All files of a folder and its folders, links too; what vanishes meanwhile is passed over."""
    for inside, _, names in os.walk(folder):
        for name in names:
            yield Path(inside, name)


def bytes_in(folder: Path) -> int:
    """How much lies in a folder. Files that vanish meanwhile count as gone."""
    total = 0
    for path in files_below(folder):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def json_lines(path: Path, *, refused: type[LammError] | None = DataError) -> Iterator[dict[str, Any]]:
    """The objects of a file with one on each line; none where there is no file yet.

    A torn last line, as a kill leaves it, is passed over. Raises ``refused`` naming any other line that is no object;
    where that is None such lines are passed over too.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise ValueError("no object")
            except ValueError as error:
                if refused is None:
                    continue
                raise refused(f"{path}, line {number}: not a JSON record ({error}).") from error
            yield found
