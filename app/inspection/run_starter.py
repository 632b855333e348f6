"""Starts and stops benchmark runs: processes of their own, told what to do on their command line.

Does not follow them; run_shelf.py reads what they write. A run that ends before it has written anything leaves what it
said in LOG.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.inspection.run_shelf import Run
from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.run_folder import process_of
from lamm_core.processes import is_alive

__all__ = ["LOG", "Order", "RunStarter", "command_of"]

LOG = "log.txt"
_SAME_SECONDS = 10.0  # the same order again within this time is the same click twice


@dataclass(frozen=True)
class Order:
    """What a person wants measured."""

    task: str
    data: str
    model: str
    limit: int | None = None
    baselines: bool = True
    only: str = ""  # a file that names the samples


def command_of(order: Order, out: Path, *, program: Sequence[str]) -> list[str]:
    """The command line; never read by a shell."""
    words = [*program, "--task", order.task, "--data", order.data, "--model", order.model, "--out", str(out)]
    if order.limit is not None:
        words += ["--limit", str(order.limit)]
    if not order.baselines:
        words.append("--no-baselines")
    if order.only.strip():
        words += ["--only", str(Path(order.only.strip()).expanduser())]
    return words


@dataclass
class RunStarter:
    """Starts runs below ``folder``. ``program`` is replaced in tests."""

    folder: Path
    program: Sequence[str] = (sys.executable, "-m", "lamm_core", "bench", "run")
    _newest: dict[Order, tuple[float, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, order: Order) -> str:
        """Start a process; the name of its run. The same order a moment later starts nothing and names the same run.

        Raises ConfigError where the order cannot be carried out, TaskError where the process cannot be started.
        """
        _check(order)
        with self._lock:
            began, name = self._newest.get(order, (0.0, ""))
            if time.monotonic() - began < _SAME_SECONDS and name:
                return name
            name = _free_name(self.folder, order)
            out = self.folder / name
            try:
                out.mkdir(parents=True)
                with (out / LOG).open("wb") as log:
                    # It lives on when the page is gone, and writes to a file, so it never waits for us.
                    process = subprocess.Popen(
                        command_of(order, out, program=self.program),
                        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                    )  # fmt: skip
            except OSError as error:
                raise TaskError(f"The run cannot be started in {out} ({error.strerror}).") from error
            # Somebody has to take its end in, or it would seem to run for ever.
            threading.Thread(target=process.wait, daemon=True).start()
            self._newest[order] = (time.monotonic(), name)
            return name

    def stop(self, run: Run) -> None:
        """Ask a run to stop, as Ctrl-C does: it keeps what it has and can go on later.

        Raises TaskError where it does not run, or its process number belongs to another program by now.
        """
        mark = process_of(run.state)
        if not run.live or mark is None:
            raise TaskError(f"{run.name} is not running.")
        if not is_alive(mark):
            raise TaskError(f"Process {mark.pid} is not the one of {run.name} any more. Nothing was stopped.")
        try:
            os.kill(mark.pid, signal.SIGTERM)
        except OSError as error:
            raise TaskError(f"{run.name} cannot be stopped: {error.strerror}.") from error


def unheard(folder: Path, shown: Sequence[Run]) -> list[tuple[str, str]]:
    """Folders in which a start has left a log but no run (yet): their names and the last words of each log."""
    known = {run.folder for run in shown}
    found = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    for entry in entries:
        log = Path(entry.path) / LOG
        if Path(entry.path) not in known and log.is_file():
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            found.append((entry.name, " ".join(lines[-3:])[-600:]))
    return found


def _check(order: Order) -> None:
    if not order.data.strip():
        raise ConfigError("Name the folder that holds the data.")
    if not Path(order.data).expanduser().is_dir():
        raise ConfigError(f"{order.data} is no folder on this machine. Name the folder that holds the data.")
    if not order.model.strip() or order.model.startswith("-") or order.task.startswith("-"):
        raise ConfigError("Choose a task and a model.")
    if order.only.strip() and not Path(order.only.strip()).expanduser().is_file():
        raise ConfigError(f"{order.only.strip()} is no file on this machine. Name an export's file, or marked.jsonl.")
    if order.limit is not None and order.limit < 1:
        raise ConfigError(f"The limit is {order.limit}; use a whole number from 1 on, or leave it empty for all.")


def _free_name(folder: Path, order: Order) -> str:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{order.task}-{Path(order.model).name}").strip("-.")[:80] or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name, count = f"{stem}-{stamp}", 1
    while (folder / name).exists():
        count += 1
        name = f"{stem}-{stamp}-{count}"
    return name
