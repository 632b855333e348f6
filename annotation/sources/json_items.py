"""The items of a large JSON file one by one, and rows put beside each other by a key, both in bounded memory.

Does not know what the items mean. The rows wait in a temporary SQLite file, because published sets store pictures and
their annotations in separate arrays of any order.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import ijson

from annotation.sources.source import Broken
from lamm_core.errors import DataError

__all__ = ["Gathered", "items", "lines", "pairs"]

BATCH = 20_000  # rows between two writes to the temporary file


def items(path: Path, prefix: str) -> Iterator[Any]:
    """The values at ``prefix`` (``annotations.item``); a Broken last where the file ends early or is no JSON."""
    return _parsed(path, lambda file: ijson.items(file, prefix, use_float=True))


def pairs(path: Path, prefix: str) -> Iterator[Any]:
    """Key and value of each entry of the object at ``prefix``; a Broken last where the file ends early."""
    return _parsed(path, lambda file: ijson.kvitems(file, prefix, use_float=True))


def _parsed(path: Path, parse: Any) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            yield from parse(file)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        yield Broken(path.name, f"the file cannot be read from here on, it is damaged or cut off ({reason[:160]})")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Number and value of each line of a JSON-lines file; the value is a Broken where the line is no JSON."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for index, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield index, json.loads(line)
            except json.JSONDecodeError as error:
                yield index, Broken(f"{path.name}, line {index}", f"not valid JSON ({error.msg})")


class Gathered:
    """Rows by key on disk: add them all, then take those of a key, in the order they were added."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gathered-")
        self._rows = sqlite3.connect(Path(self._folder.name) / "rows.sqlite", isolation_level=None)
        self._rows.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000; PRAGMA temp_store=FILE;"
            "CREATE TABLE rows (number INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL)"
        )
        self._waiting: list[tuple[str, str]] = []
        self._indexed = False

    def add(self, key: object, value: Any) -> None:
        """Remember a row."""
        self._waiting.append((str(key), json.dumps(value)))
        if len(self._waiting) >= BATCH:
            self._write()

    def take(self, key: object) -> list[Any]:
        """The rows of a key; an empty list where there are none."""
        if self._waiting or not self._indexed:
            self._write()
            self._rows.execute("CREATE INDEX IF NOT EXISTS by_key ON rows (key)")
            self._indexed = True
        found = self._rows.execute("SELECT value FROM rows WHERE key = ? ORDER BY number", (str(key),))
        return [json.loads(value) for (value,) in found]

    def _write(self) -> None:
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT INTO rows (key, value) VALUES (?, ?)", self._waiting)
        self._rows.execute("COMMIT")
        self._waiting.clear()

    def __enter__(self) -> Gathered:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._folder.cleanup()
