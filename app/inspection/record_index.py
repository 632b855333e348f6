"""An index over a records.jsonl: where each record lies and the columns that filters need, cached beside the run.

Does not know what runs are compared. A file that has grown is read on from where the index ends; one that has changed
otherwise is read anew.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.inspection.record_columns import Columns, ColumnsUnderWay
from lamm_core.errors import TaskError

__all__ = ["CACHE_NAME", "Flaws", "RecordIndex", "open_index", "read_record", "read_records_of", "store_index"]

CACHE_NAME = "records.index.npz"
_FORMAT = 1
_CACHED_FROM = 2000  # records; fewer are read again sooner than found in a cache
_TAIL = 4096  # bytes before the end of what is indexed that must still be the same
_EXAMPLES = 5  # flaws that are told line by line
_PLAIN = {field.name for field in fields(Columns)} - {"gained", "possible", "words", "paths"}  # one array each
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Flaws:
    """Lines that are no records: how many, and the first few with their line number and what is wrong.

    ``broken`` are no JSON, ``wrong`` lack a field or hold something else in it. A last line without its end is
    neither: it is being written, or a kill tore it, and the run writes it again.
    """

    broken: int = 0
    wrong: int = 0
    torn: bool = False
    examples: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, eq=False)
class RecordIndex:
    """The columns of a file as it was when it had ``size`` bytes, of which the first ``indexed`` are whole lines."""

    path: Path
    size: int
    modified_ns: int
    indexed: int
    lines: int
    tail: str
    flaws: Flaws
    columns: Columns

    @property
    def stamp(self) -> tuple[str, int, int]:
        """The same for the same content."""
        return str(self.path), self.size, self.modified_ns


def open_index(path: Path, *, known: RecordIndex | None = None, cache: bool = True) -> RecordIndex:
    """The index of a file, from ``known`` or from its cache as far as those hold.

    Raises TaskError where the file cannot be read.
    """
    try:
        found = path.stat()
        if known is None and cache:
            known = _read_cache(path)
        if known is not None and (known.size, known.modified_ns) == (found.st_size, found.st_mtime_ns):
            return known
        if known is not None and not _grown(known):
            known = None
        index = _read(path, found, known)
    except OSError as error:
        raise TaskError(f"{path}: the records cannot be read ({error.strerror}). Check the run's folder.") from error
    return index


def read_record(index: RecordIndex, row: int) -> dict[str, Any]:
    """One record in full. Raises TaskError where the file is no longer what was indexed."""
    return next(read_records_of(index, [row]))


def read_records_of(index: RecordIndex, rows: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Many records in full, in the order of ``rows``. Raises TaskError where the file is no longer what was indexed."""
    try:
        with index.path.open("rb") as file:
            for row in rows:
                file.seek(int(index.columns.start[row]))
                record = orjson.loads(file.read(int(index.columns.length[row])))
                assert isinstance(record, dict)
                yield record
    except (OSError, orjson.JSONDecodeError) as error:
        raise TaskError(f"{index.path}: changed while it was looked at. Open the runs again.") from error


def _read(path: Path, found: os.stat_result, known: RecordIndex | None) -> RecordIndex:
    """Read a file, or what of it is new."""
    position, number = (known.indexed, known.lines) if known else (0, 0)
    flaws = replace(known.flaws, torn=False) if known else Flaws()
    broken, wrong, examples, torn = flaws.broken, flaws.wrong, list(flaws.examples), False
    taken = ColumnsUnderWay()
    add, loads = taken.add, orjson.loads
    with path.open("rb") as file:
        file.seek(position)
        for line in file:
            whole = line.endswith(b"\n")
            if line.isspace():
                position, number = position + len(line), number + 1
                continue
            try:
                told = add(loads(line), position, len(line))
                wrong += told is not None
            except orjson.JSONDecodeError as error:
                if not whole:  # it is being written, or was torn by a kill
                    torn = True
                    break
                told, broken = f"not JSON ({error.msg})", broken + 1
            position, number = position + len(line), number + 1
            if told is not None and len(examples) < _EXAMPLES:
                examples.append((number, told))
    columns = taken.done() if known is None else _joined(known.columns, taken.done())
    flaws = Flaws(broken, wrong, torn, tuple(examples))
    return RecordIndex(path, found.st_size, found.st_mtime_ns, position, number, _tail(path, position), flaws, columns)


def _joined(first: Columns, second: Columns) -> Columns:
    def both(name: str) -> Any:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    def parts(name: str) -> dict[str, Any]:
        one, other = getattr(first, name), getattr(second, name)
        empty = [np.full(len(columns), np.nan, np.float32) for columns in (first, second)]
        return {
            metric: np.concatenate([one.get(metric, empty[0]), other.get(metric, empty[1])])
            for metric in dict.fromkeys([*one, *other])
        }

    shift = len(first.paths)
    medium = np.where(second.medium < 0, second.medium, second.medium + shift)
    return Columns(
        **{name: both(name) for name in _PLAIN - {"word_start", "medium"}},
        medium=np.concatenate([first.medium, medium]),
        paths=first.paths + second.paths,
        gained=parts("gained"),
        possible=parts("possible"),
        words=first.words + second.words,
        word_start=np.concatenate([first.word_start, second.word_start[1:] + first.word_start[-1]]),
    )


def _tail(path: Path, end: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, end - _TAIL))
        return blake2b(file.read(min(end, _TAIL)), digest_size=16).hexdigest()


def _grown(known: RecordIndex) -> bool:
    return known.path.stat().st_size >= known.indexed and _tail(known.path, known.indexed) == known.tail


def _cache_of(path: Path) -> Path:
    return path.with_name(CACHE_NAME)


def store_index(index: RecordIndex) -> None:
    """Write the cache, so that the next opening reads only what is new; a small file needs none.

    Apart from `open_index`, so that nobody waits for it.
    """
    columns = index.columns
    if len(columns) < _CACHED_FROM:
        return
    about = {
        "format": _FORMAT, "size": index.size, "modified_ns": index.modified_ns, "indexed": index.indexed,
        "lines": index.lines, "tail": index.tail, "metrics": list(columns.gained),
        "flaws": [index.flaws.broken, index.flaws.wrong, index.flaws.torn, list(index.flaws.examples)],
    }  # fmt: skip
    arrays: dict[str, Any] = {name: getattr(columns, name) for name in _PLAIN}
    for number, metric in enumerate(columns.gained):
        arrays[f"gained{number}"], arrays[f"possible{number}"] = columns.gained[metric], columns.possible[metric]
    arrays["paths"] = np.frombuffer("\0".join(columns.paths).encode("utf-8", "surrogatepass"), np.uint8)
    arrays["words"] = np.frombuffer(columns.words, np.uint8)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    coming = _cache_of(index.path).with_name(f".{secrets.token_hex(6)}.npz")
    try:
        with coming.open("wb") as file:
            np.savez(file, **arrays)
        coming.replace(_cache_of(index.path))
    except OSError as error:  # a full disk or a folder of somebody else's: it is read again next time
        _log.info("no cache beside %s: %s", index.path, error)
        coming.unlink(missing_ok=True)


def _read_cache(path: Path) -> RecordIndex | None:
    """The cached index, whatever the file holds by now; None where there is none that can be read."""
    try:
        with np.load(_cache_of(path), allow_pickle=False) as stored:
            about: Mapping[str, Any] = json.loads(stored["about"].tobytes())
            if about["format"] != _FORMAT:
                return None
            paths = stored["paths"].tobytes().decode("utf-8", "surrogatepass")
            columns = Columns(
                **{name: stored[name] for name in _PLAIN},
                paths=tuple(paths.split("\0")) if paths else (),
                gained={metric: stored[f"gained{number}"] for number, metric in enumerate(about["metrics"])},
                possible={metric: stored[f"possible{number}"] for number, metric in enumerate(about["metrics"])},
                words=stored["words"].tobytes(),
            )
            broken, wrong, torn, examples = about["flaws"]
            return RecordIndex(
                path, about["size"], about["modified_ns"], about["indexed"], about["lines"], about["tail"],
                Flaws(broken, wrong, torn, tuple((line, told) for line, told in examples)), columns,
            )  # fmt: skip
    except FileNotFoundError:
        return None
    except Exception as error:  # np.load raises a dozen kinds over a damaged file; it is made anew
        _log.info("the cache beside %s is not used: %s", path, error)
        return None
