"""A run's files can be read at any moment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from lamm_core.processes import mark_of
from lamm_core.training.progress import RunFiles, read_events, read_state


def test_the_state_says_who_and_when(tmp_path: Path) -> None:
    assert read_state(tmp_path) == {}
    mark = mark_of()
    assert mark is not None
    files = RunFiles(tmp_path / "run", clock=lambda: 12.5)
    files.state("failed", step=3, total_steps=9, reason="no disk", kind="disk")
    assert read_state(tmp_path / "run") == {
        "state": "failed",
        "pid": os.getpid(),
        "step": 3,
        "total_steps": 9,
        "reason": "no disk",
        "kind": "disk",
        "process": asdict(mark),
        "updated": 12.5,
    }


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.event({"step": 1, "loss": 2.0})
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert list(read_events(tmp_path)) == [{"step": 1, "loss": 2.0}]


def test_events_after_a_step_are_forgotten(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    for step in (1, 2, 3):
        files.event({"step": step})
    files.rewind(2)
    assert [event["step"] for event in read_events(tmp_path)] == [1, 2]


def test_left_out_samples_are_listed(tmp_path: Path) -> None:
    RunFiles(tmp_path).dropped({"a.json[0] 7": "too long"})
    assert json.loads((tmp_path / "dropped.jsonl").read_text()) == {"id": "a.json[0] 7", "reason": "too long"}


def test_other_processes_of_a_run_write_nothing(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run", active=False)
    files.state("running")
    files.event({"step": 1})
    assert not (tmp_path / "run").exists()
