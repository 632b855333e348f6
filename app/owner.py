"""Which running program a folder belongs to, written into the folder.

Does not know what is in the folder. A living owner signs again from time to time, so that one on another machine or in
another container, whose processes cannot be seen from here, counts as living too.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from lamm_core.processes import ProcessMark, is_alive, mark_of

__all__ = ["FILE_NAME", "owned", "sign"]

FILE_NAME = "owner.json"
_QUIET_SECONDS = 3600.0  # several times what lies between two signatures


def sign(folder: Path) -> None:
    """Make this process the owner of the folder, or say that it still is."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = mark_of()
    assert mark is not None, "this process is there"
    coming = folder / f".{FILE_NAME}.{mark.pid}"
    coming.write_text(json.dumps(mark.to_dict()), encoding="utf-8")
    os.replace(coming, folder / FILE_NAME)


def owned(folder: Path, *, now: float | None = None) -> bool:
    """Whether the folder's owner lives: runs on this machine, or has signed within the last hour."""
    file = folder / FILE_NAME
    try:
        signed = file.stat().st_mtime
        owner = _mark(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # nobody signed, or not in these words
    if (time.time() if now is None else now) - signed < _QUIET_SECONDS:
        return True
    return is_alive(owner)


def _mark(values: dict[str, Any]) -> ProcessMark:
    if "started" in values:  # as older versions signed
        return ProcessMark.by_clock(int(values["pid"]), float(values["started"]), str(values["host"]))
    return ProcessMark(int(values["pid"]), str(values["began"]), str(values["host"]))
