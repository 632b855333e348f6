"""The journal of a run: every request before it is sent, every reply before anything else uses it, only ever appended.

Does not know what replies mean. Lines are JSON; replies stay on disk and are found again by their place in the file, so
a run of any length fits into memory.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from annotation.generation.client import Reply
from lamm_core.errors import AnnotationError

__all__ = ["Journal"]


class Journal:
    """Opens the journal of a run folder, for one process at a time. Usable from any number of threads.

    ``spent`` is what all replies cost together, in millionths. ``in_doubt`` are requests under way. Those that a run
    had sent when it was killed, before their reply was written, may have cost money: ``lost`` is what they may have
    cost at most, and ``spent`` counts it. Raises AnnotationError where another process holds the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent = 0
        self.lost = 0
        self.torn = 0
        self.in_doubt: dict[str, int] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._held = FileLock(f"{path}.lock")
        try:
            self._held.acquire(timeout=0)
        except Timeout:
            raise AnnotationError(
                f"Another process is generating into {path.parent}. Wait for it or stop it."
            ) from None
        self._file: BinaryIO = path.open("a+b")
        self._read()

    def _read(self) -> None:
        self._file.seek(0)
        place = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                self._take(json.loads(line), place, len(line))
            except (ValueError, KeyError, TypeError) as error:
                raise AnnotationError(
                    f"{self.path} is damaged at byte {place:,} ({error}). It is never edited."
                ) from error
            place += len(line)
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() > place:  # the machine stopped in the middle of a line
            self.torn = self._file.tell() - place
            self._file.truncate(place)
        for key, most in list(self.in_doubt.items()):
            self.lose(key, most)

    def _take(self, entry: Mapping[str, Any], place: int, length: int) -> None:
        kind = entry["type"]
        if kind == "asked":
            self.in_doubt[entry["key"]] = entry["most"]
        elif kind == "reply":
            self.in_doubt.pop(entry["key"], None)
            self._places[entry["key"]] = (place, length)
            self.spent += entry["cost"]
        elif kind == "unpaid":
            self.in_doubt.pop(entry["key"], None)
        elif kind == "lost":
            self._lose(entry["key"], entry["most"])
        elif kind == "batch":
            self._batches[entry["part"]] = {**self._batches.get(entry["part"], {}), **entry}

    def lose(self, key: str, most: int) -> None:
        """Note that a request may have been paid for though no reply came."""
        self._append({"type": "lost", "key": key, "most": most})
        self._lose(key, most)

    def _lose(self, key: str, most: int) -> None:
        self.in_doubt.pop(key, None)
        self.lost += most
        self.spent += most

    def asked(self, key: str, most: int) -> None:
        """Note that a request is about to be sent and what it may cost at most."""
        self._append({"type": "asked", "key": key, "most": most})
        with self._lock:
            self.in_doubt[key] = most

    def replied(self, key: str, reply: Reply, cost: int) -> None:
        """Keep a reply that was paid for; it is on disk when this returns."""
        self._append({"type": "reply", "key": key, "cost": cost, **asdict(reply)}, key=key)

    def unpaid(self, key: str, reason: str) -> None:
        """Note that a request failed and cost nothing."""
        self._append({"type": "unpaid", "key": key, "reason": reason})

    def batch(self, part: str, **what: Any) -> None:
        """Note what happened to a batch: its file, its number, its end."""
        entry = {"type": "batch", "part": part, **what}
        self._append(entry)
        self._batches[part] = {**self._batches.get(part, {}), **entry}

    def batches(self) -> dict[str, dict[str, Any]]:
        """All that is known of each batch, by its part."""
        return {part: dict(what) for part, what in self._batches.items()}

    def find(self, key: str) -> Reply | None:
        """The reply to a request; None where none was paid for."""
        with self._lock:
            found = self._places.get(key)
            if found is None:
                return None
            self._file.seek(found[0])
            entry = json.loads(self._file.read(found[1]))
        return Reply(**{name: entry[name] for name in Reply.__dataclass_fields__})

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def keys(self) -> Iterator[str]:
        """The requests that are answered."""
        return iter(self._places)

    def _append(self, entry: Mapping[str, Any], *, key: str | None = None) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(line)
            self._file.flush()
            if key is not None:  # what was paid for survives also the machine
                os.fsync(self._file.fileno())
                self._places[key] = (place, len(line))

    def close(self) -> None:
        """Give the folder back."""
        self._file.close()
        self._held.release()
