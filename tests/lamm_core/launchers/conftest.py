"""Runs whose process is a few lines of Python that writes a run's files as training does, without torch.

Does not know what is tested.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.run import create_run, list_runs, locked, read_launch, write_launch
from lamm_core.launchers.status import ACTIVE, RunStatus, look
from lamm_core.training.recipe import TrainingRecipe

MakeRun = Callable[..., Path]
WaitFor = Callable[..., RunStatus]

PRETENDED = """
import signal, sys, time
from pathlib import Path
from lamm_core.training.progress import RunFiles
steps, end = int(sys.argv[2]), sys.argv[3]
wish = []
signal.signal(signal.SIGTERM, lambda *_: wish.append(1) if end != "deaf" else None)
files = RunFiles(Path(sys.argv[1]))
for step in range(1, steps + 1):
    files.event({"step": step, "loss": 1.0, "seconds": 0.02})
    files.state("running", step=step, total_steps=steps)
    if wish:
        files.state("stopped", step=step, total_steps=steps)
        sys.exit()
    time.sleep(0.02)
if end == "raise":
    raise OSError(28, "No space left on device")
if end == "memory":
    files.failed(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    sys.exit(1)
files.state("done", step=steps, total_steps=steps)
"""


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[LocalLauncher]:
    """A launcher over an empty folder; whatever still runs in it afterwards is ended."""
    launcher = LocalLauncher(tmp_path / "runs", grace_seconds=0.5)
    yield launcher
    for _ in range(100):
        left = [run for run in list_runs(launcher.runs) if look(run).state in (*ACTIVE, "queued")]
        if not left:
            return
        for run in left:
            launcher.cancel(run)
        time.sleep(0.1)


@pytest.fixture
def make_run(launcher: LocalLauncher) -> MakeRun:
    """A run that pretends: ``steps`` of 20 ms, then ``end`` (done, raise, memory, deaf)."""

    def make(title: str = "one", *, steps: int = 10, end: str = "done", token: str = "") -> Path:
        recipe = TrainingRecipe.from_dict({"model": "some-model", "data": [{"path": __file__}]})
        folder = create_run(launcher.runs, recipe, title=title, token=token)
        with locked(launcher.runs):
            launch = read_launch(folder)
            assert launch is not None
            command = (sys.executable, "-c", PRETENDED, str(folder), str(steps), end)
            write_launch(folder, replace(launch, command=command))
        return folder

    return make


@pytest.fixture
def wait_for() -> WaitFor:
    """Waits until a run stands in one of these states, and returns how it stands then."""

    def wait(run: Path, *states: str, seconds: float = 30) -> RunStatus:
        for _ in range(int(seconds * 20)):
            status = look(run)
            if status.state in states:
                return status
            time.sleep(0.05)
        raise AssertionError(f"{run.name} is {look(run)}, not {states}")

    return wait
