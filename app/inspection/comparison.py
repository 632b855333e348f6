"""Several series opened side by side: their records indexed and paired, and what is odd about them in words.

Does not know the page nor who looks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.inspection.pairing import Pairing, pair, rows_of
from app.inspection.record_columns import TROUBLES, digest
from app.inspection.record_index import RecordIndex, open_index, read_record, store_index
from app.inspection.run_shelf import Run, Series
from lamm_core.errors import TaskError
from lamm_core.evaluation.records import BROKEN, FAILED

__all__ = ["Comparison", "OpenSeries", "Opener", "Sample", "missing_media"]


@dataclass(frozen=True, eq=False)
class OpenSeries:
    """A series with the index of its file. ``letter`` is A for the first one."""

    letter: str
    series: Series
    run: Run
    index: RecordIndex

    @property
    def title(self) -> str:
        """The model, and which baseline this is."""
        return self.run.title if self.series.baseline is None else f"{self.run.title}, {self.series.baseline}"

    @property
    def name(self) -> str:
        """A name that no other series has."""
        return f"{self.run.title} · {self.series.key}"


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: its place in the pairing and the record of each series."""

    place: int
    records: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        """As the records name it."""
        return str(self.records[0]["id"])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Series and the samples that all of them have. ``notes`` say what is wrong or left out, none of it hidden."""

    series: tuple[OpenSeries, ...]
    pairing: Pairing
    notes: tuple[str, ...]

    def sample(self, place: int) -> Sample:
        """A sample in full. Raises TaskError where a file has changed meanwhile."""
        rows = self.pairing.rows[:, place]
        return Sample(
            place, tuple(read_record(one.index, int(row)) for one, row in zip(self.series, rows, strict=True))
        )

    def place_of(self, sample: str) -> int | None:
        """Where the sample of this id stands in the pairing."""
        return self.pairing.find(digest(sample))


class Opener:
    """Opens comparisons and keeps the newest indexes, each until its file changes."""

    def __init__(self, *, most: int = 12) -> None:
        self._most = most
        self._indexes: dict[Path, RecordIndex] = {}
        self._comparisons: dict[tuple[Any, ...], Comparison] = {}
        self._lock = threading.Lock()

    def open(self, chosen: Sequence[tuple[Series, Run]]) -> Comparison:
        """Open some series of one task, at least one. Raises TaskError where records cannot be read."""
        indexes = [self._index(run) for _, run in chosen]
        key = tuple((series.key, index.stamp) for (series, _), index in zip(chosen, indexes, strict=True))
        with self._lock:
            known = self._comparisons.get(key)
        if known is not None:
            return known
        opened = tuple(
            OpenSeries(chr(ord("A") + number), series, run, index)
            for number, ((series, run), index) in enumerate(zip(chosen, indexes, strict=True))
        )
        metric, higher = next(iter(opened[0].run.metrics.items()), ("", True))
        rows = [rows_of(one.index.columns, one.series.baseline) for one in opened]
        pairing = pair(rows, metric, higher_is_better=higher)
        comparison = Comparison(opened, pairing, tuple(_notes(opened, pairing)))
        with self._lock:
            self._comparisons[key] = comparison
            while len(self._comparisons) > self._most:
                self._comparisons.pop(next(iter(self._comparisons)))
        return comparison

    def _index(self, run: Run) -> RecordIndex:
        path = run.records
        try:
            found = path.stat()
        except OSError as error:
            raise TaskError(f"{run.name} has no records yet ({error.strerror}: {path.name}). Wait for it.") from error
        with self._lock:
            known = self._indexes.get(path)
        if known is not None and (known.size, known.modified_ns) == (found.st_size, found.st_mtime_ns):
            return known
        index = open_index(path, known=known, cache=not run.shipped)
        with self._lock:
            self._indexes.pop(path, None)
            self._indexes[path] = index
            while len(self._indexes) > self._most:
                self._indexes.pop(next(iter(self._indexes)))
        if not run.shipped:
            threading.Thread(target=store_index, args=(index,), daemon=True).start()
        return index


def missing_media(comparison: Comparison) -> int:
    """How many samples lack their first picture or cloud on this machine. Lists each folder once."""
    one, rows = comparison.series[0], comparison.pairing.rows[0]
    listed: dict[str, set[str]] = {}
    gone = np.zeros(len(one.index.columns.paths) + 1, np.bool_)  # the last one: samples without media
    for number, path in enumerate(one.index.columns.paths):
        folder, name = os.path.split(os.path.join(one.run.folder, path))
        if folder not in listed:
            listed[folder] = _names(folder)
        gone[number] = name not in listed[folder]
    return int(gone[one.index.columns.medium[rows]].sum())


def _names(folder: str) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder)}
    except OSError:
        return set()


def _notes(opened: Sequence[OpenSeries], pairing: Pairing) -> list[str]:
    notes = []
    versions = {one.letter: _versions(one, pairing, number) for number, one in enumerate(opened)}
    if len({version for found in versions.values() for version in found}) > 1:
        told = ", ".join(f"{letter} {'/'.join(map(str, sorted(found)))}" for letter, found in versions.items())
        notes.append(f"The runs measure different versions of the task ({told}): their scores do not compare.")
    for one, alone in zip(opened, pairing.alone, strict=True):
        if alone:
            notes.append(f"{one.letter} has {alone:,} samples that another series lacks; they are left out.")
    seen = set()
    for number, one in enumerate(opened):
        repeats = pairing.series[number].repeats
        if repeats:
            notes.append(f"{one.letter} has {repeats:,} repeated ids; of each the last record counts.")
        mine = one.index.columns.trouble[pairing.rows[number]]
        for name, words in _TROUBLE_WORDS.items():
            if count := int((mine == TROUBLES.index(name)).sum()):
                notes.append(f"{one.letter}: {count:,} {words}")
        if one.index.path not in seen:
            seen.add(one.index.path)
            notes += _flaws(one)
    return notes


_TROUBLE_WORDS = {
    FAILED: "questions got no answer; they are counted apart, not as wrong answers.",
    BROKEN: "samples whose picture or cloud could not be opened; they are counted apart.",
}


def _versions(one: OpenSeries, pairing: Pairing, number: int) -> set[int]:
    return set(np.unique(one.index.columns.version[pairing.rows[number]]).tolist())


def _flaws(one: OpenSeries) -> list[str]:
    flaws = one.index.flaws
    if not flaws.broken and not flaws.wrong:
        return []
    parts = []
    if flaws.broken:
        parts.append(f"{flaws.broken:,} lines that are no JSON")
    if flaws.wrong:
        parts.append(f"{flaws.wrong:,} records with wrong fields")
    first = "; ".join(f"line {line}: {told}" for line, told in flaws.examples[:3])
    return [f"{one.run.name} has {' and '.join(parts)}, left out ({first})."]
