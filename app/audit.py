"""Who started, stopped or deleted what: a file of lines that is only ever appended to.

Does not know who is asked for nor what is guarded. A line is one write to a file opened for appending, so lines of
several programs do not mix, and it is on the disk before what it tells of is answered.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Audit"]

_LONGEST = 300  # letters of anything that a person sent


class Audit:
    """The file at ``path``, made when there is something to write. ``clock`` gives seconds since 1970."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock

    def write(self, who: str, what: str, *, on: str, outcome: str) -> None:
        """Append that somebody did something, or was refused, or failed."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        line = {"at": at, "who": who, "what": what, "on": on[:_LONGEST], "outcome": outcome[:_LONGEST]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
            os.fsync(file)
        finally:
            os.close(file)

    def read(self) -> list[dict[str, Any]]:
        """Every whole line, oldest first."""
        if not self.path.is_file():
            return []
        return [json.loads(line) for line in self.path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
