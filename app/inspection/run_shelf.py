"""Which benchmark runs there are, how far each is and what it scored; their folders are read again when they change.

Does not know records. A folder whose files cannot be read is listed with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamm_core.errors import LammError
from lamm_core.evaluation.records import RECORDS
from lamm_core.evaluation.run_folder import MANIFEST, STATE, SUMMARY, read_manifest, read_state, read_summary

__all__ = ["Run", "RunShelf", "Series", "read_key"]

_DEPTH = 3  # folders below a root in which a run may lie
_BASELINES = ("blind", "shuffled")


@dataclass(frozen=True)
class Series:
    """One run's answers, or those of one of its baselines; ``key`` names it in links."""

    run: str
    baseline: str | None = None

    @property
    def key(self) -> str:
        """The run's name, then its baseline if it is one."""
        return self.run if self.baseline is None else f"{self.run}:{self.baseline}"


def read_key(key: str) -> Series:
    """The series of a key."""
    run, colon, baseline = key.rpartition(":")
    return Series(run, baseline) if colon and baseline in _BASELINES else Series(key)


@dataclass(frozen=True)
class Run:
    """A run folder as it is now. ``name`` is its path below its root; ``problem`` says why it cannot be read."""

    name: str
    folder: Path
    shipped: bool = False
    manifest: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] | None = None
    problem: str = ""

    @property
    def task(self) -> str:
        """The task's name; empty where the folder cannot be read."""
        return str(self.manifest.get("task", ""))

    @property
    def title(self) -> str:
        """The model that was measured."""
        model = self.manifest.get("model")
        name = model.get("name") if isinstance(model, Mapping) else model
        return str(name or self.name)

    @property
    def records(self) -> Path:
        """The file of answers."""
        return self.folder / RECORDS

    @property
    def phase(self) -> str:
        """preparing, running, completed, stopped, failed, or empty for one that has not begun."""
        return str(self.state.get("state", ""))

    @property
    def live(self) -> bool:
        """It is being written."""
        return self.phase in ("preparing", "running")

    @property
    def metrics(self) -> Mapping[str, bool]:
        """Each metric and whether more of it is better, the quoted one first."""
        found = {}
        for one in self.manifest.get("metrics") or ():
            if isinstance(one, Mapping):
                found[str(one.get("name"))] = bool(one.get("higher_is_better", True))
            else:
                found[str(one)] = True
        return found

    @property
    def series(self) -> tuple[Series, ...]:
        """The run's answers and the baselines that it has, or will have."""
        known = list(self.manifest.get("baselines") or ())
        known += [name for name in _BASELINES if isinstance((self.summary or {}).get(name), Mapping)]
        return (Series(self.name), *(Series(self.name, name) for name in _BASELINES if name in known))


class RunShelf:
    """The runs below some folders; of two with the same name the one in the earlier folder counts."""

    def __init__(self, roots: Sequence[Path], *, shipped: Path | None = None) -> None:
        self._roots = (*roots, *((shipped,) if shipped else ()))
        self._shipped = shipped
        self._known: dict[Path, tuple[tuple[float, ...], Run]] = {}

    def runs(self) -> tuple[Run, ...]:
        """All runs, the newest first, shipped ones last."""
        found: dict[str, Run] = {}
        for root in self._roots:
            for folder in _folders(root, _DEPTH):
                name = folder.relative_to(root).as_posix()
                if name not in found:
                    found[name] = self._read(folder, name, shipped=root == self._shipped)
        return tuple(sorted(found.values(), key=lambda run: (not run.shipped, _created(run)), reverse=True))

    def run(self, name: str) -> Run | None:
        """The run of this name."""
        return next((run for run in self.runs() if run.name == name), None)

    def _read(self, folder: Path, name: str, *, shipped: bool) -> Run:
        stamp = tuple(_changed(folder / file) for file in (MANIFEST, STATE, SUMMARY))
        known = self._known.get(folder)
        if known is not None and known[0] == stamp and not known[1].live:
            return known[1]
        run = _load(folder, name, shipped=shipped)
        self._known[folder] = (stamp, run)
        return run


def _load(folder: Path, name: str, *, shipped: bool) -> Run:
    try:
        manifest, problem = read_manifest(folder), ""
        state, summary = read_state(folder), read_summary(folder)
    except LammError as error:
        return Run(name, folder, shipped, problem=str(error))
    if not isinstance(manifest.get("task"), str):
        problem = f"{folder / MANIFEST} names no task."
    return Run(name, folder, shipped, manifest, state, summary, problem)


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """Folders with a run.json, not looking into runs nor into hidden folders."""
    try:
        entries = [entry for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:  # there is no such folder, or it is not ours to read: no runs there
        return
    for entry in sorted(entries, key=lambda entry: entry.name):
        folder = Path(entry.path)
        if (folder / MANIFEST).is_file():
            yield folder
        elif depth > 1:
            yield from _folders(folder, depth - 1)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _created(run: Run) -> str:
    return str(run.manifest.get("created", ""))


def tasks_of(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each task, in order."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.task, []).append(run)
    return grouped
