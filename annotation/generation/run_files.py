"""What a run of generation tells the outside: state.json, drafts.jsonl, rejected.jsonl, broken.jsonl, failed.jsonl.

Does not know who reads them. ``state.json`` is replaced whole; the others are written anew by each run, which finds
what was paid for in the journal, and are put in place line by line.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

__all__ = ["JOURNAL", "RunFiles", "State", "read_state"]

JOURNAL = "journal.jsonl"
STATE = "state.json"
LISTS = ("drafts", "rejected", "broken", "failed")
State = Literal["running", "waiting", "done", "stopped", "budget", "failed"]
SECONDS_BETWEEN_STATES = 0.5


class RunFiles:
    """Writes a run's files. ``counts`` are the lines of each list; ``reasons`` the refused answers by reason."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._clock = clock
        self._began = clock()
        self._told = 0.0
        self._files = {name: (folder / f"{name}.jsonl").open("w", encoding="utf-8") for name in LISTS}

    def draft(self, line: str) -> None:
        """Append a draft."""
        self._append("drafts", line)

    def rejected(self, reason: str, **what: Any) -> None:
        """List an answer that was paid for and not taken."""
        self.reasons[reason] += 1
        self._append("rejected", json.dumps({"reason": reason, **what}, ensure_ascii=False))

    def broken(self, **what: Any) -> None:
        """List a source that could not be read."""
        self._append("broken", json.dumps(what, ensure_ascii=False))

    def failed(self, **what: Any) -> None:
        """List a request that got no answer."""
        self._append("failed", json.dumps(what, ensure_ascii=False))

    def _append(self, name: str, line: str) -> None:
        self.counts[name] += 1
        self._files[name].write(line + "\n")

    def state(self, state: State, values: Mapping[str, Any], *, message: str = "") -> None:
        """Say how the run stands; while it runs, twice a second at most."""
        now = self._clock()
        if state == "running" and now - self._told < SECONDS_BETWEEN_STATES:
            return
        self._told = now
        for file in self._files.values():
            file.flush()
        content = {
            "state": state, "pid": os.getpid(), "message": message, "began": self._began, "updated": now,
            "drafts": self.counts["drafts"], "rejected": dict(self.reasons), "broken": self.counts["broken"],
            "failed": self.counts["failed"], **values,
        }  # fmt: skip
        partial = self.folder / f"{STATE}.partial"
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
        os.replace(partial, self.folder / STATE)

    def close(self) -> None:
        """Close the lists."""
        for file in self._files.values():
            file.close()


def read_state(folder: Path) -> dict[str, Any]:
    """What state.json says; empty before the run has begun."""
    path = folder / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
