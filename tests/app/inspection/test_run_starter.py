"""Runs started and stopped as processes of their own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import LOG, Order, RunStarter, command_of, unheard
from lamm_core.errors import ConfigError, TaskError
from tests.app.inspection.made_runs import write_run

# A run as the runner leaves it, that waits to be stopped.
RUNNER = """
import json, os, pathlib, psutil, signal, sys, time
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
def state(name, **more):
    about = {"state": name, "done": 1, "total": 9, "pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    (out / ".state").write_text(json.dumps(about | more))
    os.replace(out / ".state", out / "state.json")
def stop(*_):
    state("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
manifest = {"format": 1, "task": "animals", "model": {"name": "tiny"}, "metrics": ["accuracy"]}
(out / ".run").write_text(json.dumps(manifest))
os.replace(out / ".run", out / "run.json")
state("running")
time.sleep(60)
"""


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order("animals", str(tmp_path), "tiny/model", limit=3)


def soon(found: Callable[[], bool]) -> None:
    for _ in range(600):
        if found():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_the_command_says_everything(tmp_path: Path, order: Order) -> None:
    words = command_of(order, tmp_path / "out", program=["lamm", "bench", "run"])
    assert words == [
        "lamm",
        "bench",
        "run",
        "--task",
        "animals",
        "--data",
        str(tmp_path),
        "--model",
        "tiny/model",
        "--out",
        str(tmp_path / "out"),
        "--limit",
        "3",
    ]
    named = command_of(replace(order, only="~/ids.txt"), tmp_path, program=[])
    assert named[-2:] == ["--only", str(Path.home() / "ids.txt")]
    assert command_of(replace(order, baselines=False), tmp_path, program=[])[-1] == "--no-baselines"


@pytest.mark.parametrize(
    ("task", "data", "model", "limit"),
    [
        ("t", "", "m", None),
        ("t", "/no/such/folder", "m", None),
        ("t", ".", "", None),
        ("t", ".", "m", 0),
        ("-x", ".", "m", 1),
    ],
)
def test_an_order_that_cannot_be_carried_out_starts_nothing(
    tmp_path: Path, task: str, data: str, model: str, limit: int | None
) -> None:
    with pytest.raises(ConfigError):
        RunStarter(tmp_path).start(Order(task, data, model, limit))
    with pytest.raises(ConfigError, match="no file"):
        RunStarter(tmp_path).start(Order("t", ".", "m", only="absent.txt"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_started_once_followed_and_stopped(tmp_path: Path, order: Order) -> None:
    starter = RunStarter(tmp_path / "runs", (sys.executable, "-c", RUNNER))
    shelf = RunShelf([tmp_path / "runs"])
    name = starter.start(order)
    assert starter.start(order) == name and len(list((tmp_path / "runs").iterdir())) == 1
    soon(lambda: [run.phase for run in shelf.runs()] == ["running"])
    run = shelf.run(name)
    assert run is not None
    starter.stop(run)
    soon(lambda: [run.phase for run in shelf.runs()] == ["stopped"])
    with pytest.raises(TaskError, match="not running"):
        starter.stop(shelf.runs()[0])


def test_a_start_that_fails_leaves_its_last_words(tmp_path: Path, order: Order) -> None:
    starter = RunStarter(tmp_path / "runs", (sys.executable, "-c", "raise SystemExit('there is no such task')"))
    name = starter.start(order)
    soon(lambda: (tmp_path / "runs" / name / LOG).read_text() != "")
    assert unheard(tmp_path / "runs", RunShelf([tmp_path / "runs"]).runs()) == [(name, "there is no such task")]


def test_another_programs_process_is_not_stopped(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], state={"state": "completed"})
    run = RunShelf([tmp_path]).runs()[0]
    stale = replace(run, state={"state": "running", "pid": os.getpid(), "pid_started": 1.0})
    with pytest.raises(TaskError, match="not the one"):
        RunStarter(tmp_path).stop(stale)
