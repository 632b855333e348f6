"""Which running program a folder belongs to, written into the folder.

Does not know what is in the folder. A living owner signs again from time to time, so that one on another machine or in
another container, whose processes cannot be seen from here, counts as living too.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import psutil

__all__ = ["FILE_NAME", "owned", "sign"]

FILE_NAME = "owner.json"
_QUIET_SECONDS = 3600.0  # several times what lies between two signatures
_CLOCK_SECONDS = 5.0  # when a process began is told in terms of a clock that is put right while it runs


def sign(folder: Path) -> None:
    """Make this process the owner of the folder, or say that it still is."""
    folder.mkdir(parents=True, exist_ok=True)
    process = psutil.Process()
    text = json.dumps({"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()})
    coming = folder / f".{FILE_NAME}.{process.pid}"
    coming.write_text(text, encoding="utf-8")
    os.replace(coming, folder / FILE_NAME)


def owned(folder: Path, *, now: float | None = None) -> bool:
    """Whether the folder's owner lives: runs on this machine, or has signed within the last hour."""
    file = folder / FILE_NAME
    try:
        signed = file.stat().st_mtime
        owner = json.loads(file.read_text(encoding="utf-8"))
        host, pid, started = str(owner["host"]), int(owner["pid"]), float(owner["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # nobody signed, or not in these words
    if (time.time() if now is None else now) - signed < _QUIET_SECONDS:
        return True
    if host != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(pid).create_time() - started) < _CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return False
