"""A run's folder: run.json says what is measured, state.json how far it is, summary.json what came out.

Does not know how a run goes; records.py knows the fourth file, records.jsonl. Every file but that one is replaced
whole, so a reader never sees half of one.

run.json: format, name, setting, task, title, task_version, modality, metrics [{name, higher_is_better}], model {name,
folder or endpoint, adapter, adapter_sha256, projector_encoder_sha256, base_sha256, quantize, template}, inference
{mode, max_new_tokens, decoding}, data, limit, seed, corrupt, remap, baselines, n, duplicates, created, code_version.
state.json: state (preparing, running, completed, stopped, failed), done, total, rate (answers a second), eta_seconds,
pid, process {pid, began, host}, reason, updated.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lamm_core.errors import ConfigError, TaskError
from lamm_core.processes import ProcessMark, is_alive, mark_of
from lamm_core.run_files import STATE, replace_text

__all__ = [
    "FORMAT", "MANIFEST", "STATE", "SUMMARY", "RunState", "StateFile", "differences", "full_disk_told", "process_of",
    "read_manifest", "read_state", "read_summary", "run_folders", "write_manifest", "write_summary",
]  # fmt: skip

FORMAT = 1
MANIFEST = "run.json"
SUMMARY = "summary.json"
RunState = Literal["preparing", "running", "completed", "stopped", "failed"]
# What may differ when a run goes on: how it is called, when it began, what ran it, which baselines it asks for.
FREE = {"name", "setting", "title", "created", "code_version", "baselines", "metrics", "model.name", "model.folder"}


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write run.json; where one is there already it stays, if it describes the same run.

    Raises ConfigError naming every setting that differs.
    """
    path = folder / MANIFEST
    if path.is_file():
        if changed := differences(read_manifest(folder), manifest):
            raise ConfigError(
                f"{folder} holds another run: {'; '.join(changed)}. "
                "Choose another folder with --out, or the same settings."
            )
        return
    _replace(path, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Every setting in which two manifests are not the same run, as "setting was X and is Y"."""
    before, now = dict(_flat(ours)), dict(_flat(theirs))
    return [
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if key not in FREE and key.split(".")[0] not in FREE and before.get(key) != now.get(key)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def read_manifest(folder: Path) -> dict[str, Any]:
    """run.json. Raises TaskError where it is missing, unreadable or of another format."""
    manifest = _read(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise TaskError(f"{folder / MANIFEST} has the format {manifest.get('format')!r}; this version reads {FORMAT}.")
    return manifest


def read_summary(folder: Path) -> dict[str, Any] | None:
    """summary.json; None before the run has come to an end."""
    return _read(folder / SUMMARY) if (folder / SUMMARY).is_file() else None


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write summary.json."""
    _replace(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def run_folders(parent: Path) -> list[Path]:
    """The folders below ``parent`` (itself among them) that hold a run, by name."""
    return sorted(path.parent for path in parent.rglob(MANIFEST)) if parent.is_dir() else []


def read_state(folder: Path) -> dict[str, Any]:
    """state.json, empty before the run has begun; a run whose process is gone reads as stopped."""
    if not (folder / STATE).is_file():
        return {}
    state = _read(folder / STATE)
    if state.get("state") in ("preparing", "running") and not is_alive(process_of(state)):
        return state | {"state": "stopped", "eta_seconds": None, "reason": "The process ended before the run did."}
    return state


def process_of(state: Mapping[str, Any]) -> ProcessMark | None:
    """The process that wrote state.json; None where it does not say. Older files have pid and pid_started."""
    try:
        if "process" in state:
            return ProcessMark.from_dict(state["process"])
        return ProcessMark.by_clock(int(state["pid"]), float(state["pid_started"]))
    except (KeyError, ValueError, TypeError):
        return None


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Turn an error of a full disk inside into one that says what to do; all others stay what they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise TaskError(
            f"{error.filename or folder} cannot be written ({error.strerror}). Make room and type the same "
            "command again."
        ) from error


class StateFile:
    """Writes state.json as a run goes on, at most once in ``every`` seconds while nothing but the count changes."""

    def __init__(self, folder: Path, *, every: float = 1.0, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._every = every
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._written = 0.0
        self._counts = 0, 0
        self._last: dict[str, Any] = {}
        mark = mark_of()
        self._process = None if mark is None else mark.to_dict()

    def write(self, state: RunState, *, done: int = 0, total: int = 0, reason: str = "") -> None:
        """Say how the run stands; an ended run keeps the counts it had. Raises TaskError where the disk is full."""
        now = self._clock()
        if state in ("stopped", "failed"):
            done, total = self._counts
        self._counts = done, total
        if self._began is None and state == "running":
            self._began = now, done
        rate = self._rate(now, done)
        eta = (total - done) / rate if rate and state == "running" else None
        if state == self._last.get("state") == "running" and now - self._written < self._every and done < total:
            return
        self._written = now
        self._last = {
            "state": state, "done": done, "total": total, "rate": rate, "eta_seconds": eta, "pid": os.getpid(),
            "process": self._process, "reason": reason, "updated": now,
        }  # fmt: skip
        _replace(self._folder / STATE, json.dumps(self._last) + "\n")

    def _rate(self, now: float, done: int) -> float | None:
        if self._began is None or now <= self._began[0] or done <= self._began[1]:
            return None
        return (done - self._began[1]) / (now - self._began[0])


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TaskError(f"{path} cannot be read ({error.strerror}): this folder holds no run.") from error
    except ValueError as error:
        raise TaskError(f"{path} is not JSON ({error}).") from error
    if not isinstance(values, dict):
        raise TaskError(f"{path} is not a JSON object.")
    return values


def _replace(path: Path, text: str) -> None:
    try:
        replace_text(path, text)
    except OSError as error:
        raise TaskError(f"{path} cannot be written ({error.strerror}). Make room and run the command again.") from error
