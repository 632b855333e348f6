"""Replies kept across runs: what was asked once of the same model in the same way is not asked again.

Does not know how replies come about. Everything that can change a reply is in its key: the task's version, the item,
what was said and shown (pictures by content), the model's hashes, template, quantisation, decoding and mode.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.respondent import Conversation, Reply

__all__ = ["PredictionCache", "prediction_key"]

# Names and places may change without changing what is answered.
FREE = ("name", "folder")


def prediction_key(
    *,
    task: str,
    version: int,
    item: str,
    conversation: Conversation,
    media: Mapping[Path, str],
    options: Sequence[str],
    model: Mapping[str, Any],
    inference: Mapping[str, Any],
) -> str:
    """The key of one reply; ``media`` are the SHA-256 of the files shown."""
    named = "endpoint" in model  # an endpoint has no other identity than its name
    asked = {
        "task": task,
        "version": version,
        "item": item,
        "turns": [[turn.role, turn.text, [media[one.path] for one in turn.media]] for turn in conversation],
        "options": list(options),
        "model": {key: value for key, value in model.items() if named or key not in FREE},
        "inference": dict(inference),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


class PredictionCache:
    """One SQLite file that any number of runs may read and write at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=60.0)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)")
            self._database.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def find(self, keys: Sequence[str]) -> list[Reply | None]:
        """The reply kept under each key. Raises TaskError where the file is damaged."""
        try:
            rows = [
                self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone() for key in keys
            ]
        except sqlite3.Error as error:
            raise self._refused(error) from error
        return [Reply(**json.loads(row[0])) if row else None for row in rows]

    def keep(self, replies: Mapping[str, Reply]) -> None:
        """Keep replies, all or none; what failed is asked again next time. Raises TaskError where it cannot."""
        rows = [(key, json.dumps(asdict(reply))) for key, reply in replies.items() if not reply.trouble]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> TaskError:
        return TaskError(
            f"The cache of answers, {self._path}, cannot be used ({error}). Make room, delete the file, or measure "
            "with --no-cache."
        )
