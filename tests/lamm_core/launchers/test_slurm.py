"""Runs handed to a cluster: carried out by submitit's local executor, and what sbatch is given."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lamm_core.errors import ConfigError
from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.slurm import SlurmLauncher, SlurmSettings
from lamm_core.launchers.status import RunStatus, look

MakeRun = Callable[..., Path]
WaitFor = Callable[..., RunStatus]


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a program of a few lines where the shell finds it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755 | stat.S_IXUSR)

    return put


def test_a_job_carries_the_run_out_and_stops_when_asked(
    launcher: LocalLauncher, make_run: MakeRun, wait_for: WaitFor
) -> None:
    cluster = SlurmLauncher(launcher.runs, SlurmSettings(minutes=5, gpus=0), cluster="local")
    short, long = make_run("short", steps=5), make_run("long", steps=4000)
    assert cluster.submit(short).state in ("queued", "preparing", "running", "completed")
    assert wait_for(short, "completed", seconds=60).step == 5
    cluster.submit(long)
    wait_for(long, "running", seconds=60)
    assert cluster.submit(long).attempt == 1
    assert cluster.cancel(long).state == "stopping"
    assert wait_for(long, "stopped").step > 0


def test_sbatch_is_asked_for_what_the_settings_say(
    launcher: LocalLauncher, make_run: MakeRun, on_path: Callable[[str, str], None], tmp_path: Path
) -> None:
    on_path("srun", "exit 0")
    on_path("sbatch", f'cp "$1" {tmp_path}/handed-in; echo "Submitted batch job 4711"')
    on_path("scancel", f'echo "$@" > {tmp_path}/cancelled')
    cluster = SlurmLauncher(launcher.runs, SlurmSettings(minutes=90, gpus=2, memory_gb=48, partition="long"))
    run = make_run("seven")
    assert cluster.submit(run).state == "queued"
    assert launcher.advance() == [], "looking at the runs here does not start what waits there"
    script = (tmp_path / "handed-in").read_text(encoding="utf-8")
    wanted = (
        "--time=90",
        "--gpus-per-node=2",
        "--mem=48GB",
        "--partition=long",
        "--job-name=seven",
        "--signal=USR2@120",
    )
    assert all(f"#SBATCH {flag}\n" in script for flag in wanted), script
    assert cluster.submission(run) == script
    assert cluster.cancel(run).state == "stopped"
    assert (tmp_path / "cancelled").read_text(encoding="utf-8").split()[-1] == "4711"


def test_without_a_cluster_it_says_so(
    launcher: LocalLauncher, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # there is nothing
    run = make_run()
    with pytest.raises(ConfigError, match="no Slurm here"):
        SlurmLauncher(launcher.runs).submit(run)
    assert look(run).state == "stopped"


def test_what_sbatch_refuses_is_said(
    launcher: LocalLauncher, make_run: MakeRun, on_path: Callable[[str, str], None]
) -> None:
    on_path("srun", "exit 0")
    on_path("sbatch", "echo 'sbatch: error: invalid partition specified: long' >&2; exit 1")
    run = make_run()
    with pytest.raises(ConfigError, match="invalid partition specified: long"):
        SlurmLauncher(launcher.runs).submit(run)
    assert look(run).state == "stopped"


def test_a_job_that_vanished_from_a_cluster_without_accounting_has_failed(
    launcher: LocalLauncher, make_run: MakeRun, on_path: Callable[[str, str], None]
) -> None:
    """As Debian's slurmctld answers: sacct is disabled, and squeue does not know the job any more."""
    on_path("srun", "exit 0")
    on_path("sbatch", 'echo "Submitted batch job 4711"')
    on_path("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    on_path("squeue", "echo PENDING")
    run, cluster = make_run(), SlurmLauncher(launcher.runs)
    cluster.submit(run)
    assert cluster.status(run).state == "queued"
    on_path("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    status = cluster.status(run)
    assert status.state == "failed" and "ended the job" in status.reason
