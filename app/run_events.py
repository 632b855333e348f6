"""The events of runs, read as they grow: only what was added since the last time.

Does not know charts. A run that goes on from a checkpoint rewrites its file; it is then read anew.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamm_core.training.progress import EVENTS

__all__ = ["RunEvents"]

KEPT = 16  # runs


@dataclass
class _Read:
    inode: int = 0
    offset: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)


class RunEvents:
    """Events by run folder; those of the runs looked at last stay in memory."""

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}
        self._lock = threading.Lock()

    def of(self, folder: Path) -> list[dict[str, Any]]:
        """All events so far, a line still being written left out."""
        path = folder / EVENTS
        with self._lock:
            read = self._read.pop(folder, _Read())
            if path.exists():
                stat = path.stat()
                if stat.st_ino != read.inode or stat.st_size < read.offset:
                    read = _Read(inode=stat.st_ino)
                with path.open("rb") as file:
                    file.seek(read.offset)
                    for line in file:
                        if not line.endswith(b"\n"):
                            break
                        read.offset += len(line)
                        with contextlib.suppress(ValueError):  # torn by a full disk or a kill; the next one is whole
                            read.events.append(json.loads(line))
            self._read[folder] = read
            while len(self._read) > KEPT:
                del self._read[next(iter(self._read))]
            return list(read.events)
