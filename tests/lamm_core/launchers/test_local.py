"""Runs of this machine: one start however often it is asked for, a queue, stopping, resuming, and every way to end."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from lamm_core.errors import ConfigError
from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.run import list_runs, locked, read_launch, write_launch
from lamm_core.launchers.status import RunStatus, look, why_not_resumed
from lamm_core.processes import ProcessMark, is_alive, mark_of
from lamm_core.training.progress import read_state

MakeRun = Callable[..., Path]
WaitFor = Callable[..., RunStatus]


def attempts(run: Path) -> int:
    return (run / "log.txt").read_text(encoding="utf-8").count("--- attempt")


def test_a_run_goes_from_start_to_completed(launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor) -> None:
    run = make_run(steps=5)
    assert look(run).state == "stopped"
    assert launcher.submit(run).state in ("preparing", "running", "completed")
    status = wait_for(run, "completed")
    assert (status.step, status.total_steps, status.share, status.attempt) == (5, 5, 1.0, 1)
    assert "come to its end" in why_not_resumed(run)


def test_many_starts_at_once_make_one(launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor) -> None:
    run = make_run(steps=40)
    with ThreadPool(6) as pool:
        pool.map(lambda _: LocalLauncher(launcher.runs).submit(run), range(6))
    wait_for(run, "completed")
    assert attempts(run) == 1


def test_a_token_makes_one_run_however_often_it_is_sent(make_run: MakeRun, launcher: LocalLauncher) -> None:
    assert make_run(token="abc") == make_run(token="abc")
    assert make_run(token="other").name == "one-2"
    assert len(list_runs(launcher.runs)) == 2


def test_queued_runs_follow_one_another_without_anybody_looking(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor
) -> None:
    first, broken, last = make_run("first", steps=20), make_run("broken", end="raise"), make_run("last", steps=3)
    for run in (first, broken, last):
        launcher.submit(run)
    assert look(first).state in ("preparing", "running")
    assert (look(broken).state, look(last).state) == ("queued", "queued")
    assert wait_for(last, "completed").state == "completed"
    assert look(broken).kind == "disk"


def test_one_taken_out_of_the_queue_is_stopped(launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor) -> None:
    first, second = make_run("first", steps=20), make_run("second")
    launcher.submit(first)
    launcher.submit(second)
    assert launcher.cancel(second).state == "stopped"
    wait_for(first, "completed")
    assert not (second / "log.txt").exists()


def test_stopping_asks_and_resuming_goes_on(launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor) -> None:
    run = make_run(steps=400)
    launcher.submit(run)
    wait_for(run, "running")
    assert "running" in why_not_resumed(run)
    assert launcher.cancel(run).state in ("stopping", "stopped")
    assert wait_for(run, "stopped").step > 0
    assert why_not_resumed(run) == ""
    launcher.submit(run)
    assert wait_for(run, "running").attempt == 2


def test_one_that_does_not_end_when_asked_is_killed(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor
) -> None:
    run = make_run(steps=2000, end="deaf")
    launcher.submit(run)
    wait_for(run, "running")
    launcher.cancel(run)
    for _ in range(100):
        launcher.advance()
        if look(run).state == "stopped":
            break
        subprocess.run(["sleep", "0.1"], check=True)
    assert "killed" in look(run).reason


def test_a_clock_that_jumps_does_not_shorten_the_time_to_save(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, patient = make_run(steps=2000, end="deaf"), LocalLauncher(launcher.runs, grace_seconds=600)
    patient.submit(run)
    wait_for(run, "running")
    patient.cancel(run)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_400)
    patient.advance()
    patient.cancel(run)
    launch = read_launch(run)
    assert launch is not None and not launch.killed and is_alive(launch.process)


def test_a_killed_process_is_a_failure_with_a_remedy(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor
) -> None:
    run = make_run(steps=2000)
    launcher.submit(run)
    wait_for(run, "running")
    launch = read_launch(run)
    assert launch and launch.process
    os.kill(launch.process.pid, signal.SIGKILL)
    status = wait_for(run, "failed")
    assert status.kind == "killed" and "resume" in status.remedy


def test_killed_together_with_its_attendant_it_is_lost(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor
) -> None:
    run = make_run(steps=2000)
    launcher.submit(run)
    wait_for(run, "running")
    launch = read_launch(run)
    assert launch and launch.process and launch.attendant
    for mark in (launch.attendant, launch.process):
        os.kill(mark.pid, signal.SIGKILL)
    assert wait_for(run, "lost").remedy
    launcher.submit(run)
    assert wait_for(run, "running").attempt == 2


@pytest.mark.parametrize(("end", "kind"), [("raise", "disk"), ("memory", "memory")])
def test_failures_say_their_kind(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor, end: str, kind: str
) -> None:
    run = make_run(steps=2, end=end)
    launcher.submit(run)
    status = wait_for(run, "failed")
    assert (status.kind, bool(status.reason), bool(status.remedy)) == (kind, True, True)


def test_a_number_that_another_process_has_by_now_is_not_the_run(make_run: MakeRun, launcher: LocalLauncher) -> None:
    run = make_run()
    mine = mark_of()
    assert mine is not None
    with locked(launcher.runs):
        launch = read_launch(run)
        assert launch is not None
        reused = ProcessMark(mine.pid, mine.began + "1", mine.host)
        write_launch(run, replace(launch, attempt=1, process=reused, attendant=reused))
    (run / "state.json").write_text(json.dumps({"state": "running", "step": 3, "total_steps": 9}), encoding="utf-8")
    assert look(run).state == "lost"


def test_vanished_data_and_broken_folders_are_said_and_harm_no_other(
    make_run: MakeRun, launcher: LocalLauncher, wait_for: WaitFor
) -> None:
    gone, broken, good = make_run("gone"), make_run("broken"), make_run("good", steps=2)
    recipe = (gone / "recipe.yaml").read_text(encoding="utf-8").replace(__file__.replace("test_local", "conftest"), "x")
    (gone / "recipe.yaml").write_text(recipe, encoding="utf-8")
    assert "x is gone" in why_not_resumed(gone)
    with pytest.raises(ConfigError, match="x is gone"):
        launcher.submit(gone)
    (broken / "launch.json").write_text("{", encoding="utf-8")
    assert look(broken).state == "failed" and "launch.json" in look(broken).reason
    launcher.submit(good)
    wait_for(good, "completed")


def test_on_a_full_disk_where_nobody_could_write_down_the_end_it_is_named(
    make_run: MakeRun, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    with locked(launcher.runs):
        launch = read_launch(run)
        assert launch is not None
        write_launch(run, replace(launch, attempt=2))
    (run / "state.json").write_text(json.dumps({"state": "running", "step": 3, "total_steps": 9}), encoding="utf-8")
    log = "--- attempt 1, 9:00\nOSError: [Errno 28] No space left on device\n--- attempt 2, 9:05\n"
    (run / "log.txt").write_text(log, encoding="utf-8")
    assert look(run).state == "lost"  # what the first attempt met says nothing of the second
    usage = shutil.disk_usage(run)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    assert (look(run).state, look(run).kind) == ("failed", "disk")
    monkeypatch.undo()
    (run / "log.txt").write_text(log + "OSError: [Errno 28] No space left on device\n", encoding="utf-8")
    assert (look(run).state, look(run).kind) == ("failed", "disk")
    with pytest.raises(ConfigError, match="is full"), locked(launcher.runs):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_it_survives_the_process_that_started_it(launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor) -> None:
    run = make_run(steps=40)
    code = (
        "import sys; from pathlib import Path; from lamm_core.launchers.local import LocalLauncher; "
        "run = Path(sys.argv[1]); LocalLauncher(run.parent).submit(run)"
    )
    subprocess.run([sys.executable, "-c", code, str(run)], check=True)
    wait_for(run, "running")
    assert wait_for(run, "completed").step == 40
    assert read_state(run)["state"] == "done"


def test_logs_are_read_from_where_one_left_off(launcher: LocalLauncher, make_run: MakeRun) -> None:
    run = make_run()
    (run / "log.txt").write_text("first\n", encoding="utf-8")
    text, offset = launcher.logs(run)
    with (run / "log.txt").open("a", encoding="utf-8") as log:
        log.write("second\n")
    assert (text, launcher.logs(run, offset)[0]) == ("first\n", "second\n")
