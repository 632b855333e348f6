"""Runs on this machine: each a process of its own session that needs nobody to stay, one after the other.

Does not know training or pages. Every change is made under the lock of the folder of runs, so that two starts at once
make one; what has to be known later is in launch.json.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from lamm_core.launchers.run import Launch, launch_or_none, list_runs, locked, read_launch, read_log, write_launch
from lamm_core.launchers.status import ACTIVE, RunStatus, look, startable
from lamm_core.processes import is_alive, mark_of
from lamm_core.training.progress import reset_state

__all__ = ["LocalLauncher"]


class LocalLauncher:
    """Carries out the runs of one folder, ``slots`` at a time."""

    name = "local"

    def __init__(self, runs: Path, *, slots: int = 1, grace_seconds: float = 120.0) -> None:
        self.runs = runs
        self.slots = slots
        self.grace_seconds = grace_seconds

    def submit(self, run: Path) -> RunStatus:
        """Put it in the queue, and start it where there is room. Raises ConfigError saying why it cannot go on."""
        with locked(self.runs):
            launch = startable(run)
            if launch is not None:
                write_launch(run, replace(fresh(launch, queued=time.time()), launcher=self.name))
        self.advance()
        return look(run)

    def status(self, run: Path) -> RunStatus:
        """How it stands now."""
        return look(run)

    def logs(self, run: Path, offset: int = 0) -> tuple[str, int]:
        """What it wrote from ``offset`` on, and where that ends."""
        return read_log(run, offset)

    def cancel(self, run: Path) -> RunStatus:
        """Take it out of the queue, or ask it to save and end; one that does not end in time is killed."""
        with locked(self.runs):
            status, launch = look(run), read_launch(run)
            if launch is None or (status.state != "queued" and status.state not in ACTIVE):
                return status
            if status.state == "queued":
                write_launch(run, replace(launch, queued=None, stop_requested=time.monotonic()))
                return look(run)
            asked = launch.stop_requested
            late = asked is not None and time.monotonic() - asked > self.grace_seconds
            write_launch(run, replace(launch, stop_requested=asked or time.monotonic(), killed=launch.killed or late))
            if launch.process is not None and is_alive(launch.process):
                if late:
                    os.killpg(launch.process.pid, signal.SIGKILL)
                elif asked is None:
                    os.kill(launch.process.pid, signal.SIGTERM)
        return look(run)

    def advance(self) -> list[Path]:
        """Start what waits longest while there is room, and kill what was asked to end too long ago."""
        started = []
        with locked(self.runs):
            folders = [run for run in list_runs(self.runs) if self._has(run)]
            for run in folders:
                self._kill_late(run)
            busy = sum(look(run).state in ACTIVE for run in folders)
            waiting = [(launch.queued, run) for run in folders if (launch := _queued(run)) is not None]
            for _, run in sorted(waiting, key=lambda one: (one[0] or 0.0, one[1].name))[: max(0, self.slots - busy)]:
                self._start(run)
                started.append(run)
        return started

    def _has(self, run: Path) -> bool:
        """Whether the run is carried out here, and not in the queue of a cluster or of the Hub."""
        launch = launch_or_none(run)
        return launch is None or launch.launcher == self.name

    def _start(self, run: Path) -> None:
        launch = read_launch(run)
        assert launch is not None, "only launched runs are queued"
        reset_state(run)
        attendant = subprocess.Popen(
            [sys.executable, "-m", "lamm_core.launchers.attend", str(run.absolute()), str(self.slots)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(run / "attendant.log").open("ab"),
            start_new_session=True,
        )
        # Nobody waits for it; but who started it has to take note of its end, or it would stay as a zombie.
        threading.Thread(target=attendant.wait, name=f"attendant of {run.name}", daemon=True).start()
        write_launch(run, replace(launch, attempt=launch.attempt + 1, attendant=mark_of(attendant.pid)))

    def _kill_late(self, run: Path) -> None:
        status = look(run)
        launch = read_launch(run) if status.state == "stopping" else None
        if launch is None or launch.stop_requested is None or not is_alive(launch.process):
            return
        if time.monotonic() - launch.stop_requested > self.grace_seconds and launch.process is not None:
            write_launch(run, replace(launch, killed=True))
            os.killpg(launch.process.pid, signal.SIGKILL)


def fresh(launch: Launch, *, queued: float) -> Launch:
    """The launch of another attempt: queued, and nothing known of how it ends."""
    return replace(
        launch,
        queued=queued,
        attendant=None,
        process=None,
        job={},
        stop_requested=None,
        killed=False,
        exit_code=None,
        exit_signal=None,
    )


def _queued(run: Path) -> Launch | None:
    status = look(run)
    return read_launch(run) if status.state == "queued" else None
