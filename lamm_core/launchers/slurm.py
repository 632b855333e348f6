"""Runs on a Slurm cluster, through submitit: a job attends the run as the process on one's own machine would.

Does not know training. The folder of runs lies on a disk that the nodes share: state, log and the wish to stop travel
through it. A job that reaches its time limit, or has to make room, saves a checkpoint and is queued again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamm_core.errors import ConfigError, MissingDependencyError
from lamm_core.launchers.attend import attend
from lamm_core.launchers.local import fresh
from lamm_core.launchers.run import list_runs, locked, read_launch, read_log, write_launch
from lamm_core.launchers.status import ACTIVE, RunStatus, look, startable
from lamm_core.processes import is_alive

__all__ = ["AttendedRun", "SlurmLauncher", "SlurmSettings"]

ENDED = ("FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "INTERRUPTED")
JOBS = "jobs"  # folder in a run's: submission files, and what the jobs themselves print
SAVING_SECONDS = 120  # between the warning and the end of a job


@dataclass(frozen=True)
class SlurmSettings:
    """What a run asks the cluster for; ``partition`` and ``account`` as the cluster calls them."""

    minutes: int = 24 * 60
    gpus: int = 1
    cpus: int = 8
    memory_gb: int = 64
    partition: str | None = None
    account: str | None = None

    def parameters(self, name: str) -> dict[str, Any]:
        """As submitit takes them."""
        known: dict[str, Any] = {
            "name": name,
            "timeout_min": self.minutes,
            "gpus_per_node": self.gpus,
            "cpus_per_task": self.cpus,
            "mem_gb": self.memory_gb,
            "nodes": 1,
            "tasks_per_node": 1,
            "slurm_signal_delay_s": SAVING_SECONDS,
        }
        for key, value in (("slurm_partition", self.partition), ("slurm_account", self.account)):
            if value is not None:
                known[key] = value
        return known


@dataclass(frozen=True)
class AttendedRun:
    """The job: attends the run, and where it has to leave, has it saved and comes again."""

    run: str

    def __call__(self) -> bool:
        """Carry the run out."""
        return attend(Path(self.run))

    def checkpoint(self) -> Any:
        """Called by submitit shortly before the job must end: stop the training, which saves, and queue again."""
        import submitit

        run = Path(self.run)
        with locked(run.parent):
            launch = read_launch(run)
        process = launch.process if launch else None
        if process is not None and is_alive(process):
            os.kill(process.pid, signal.SIGTERM)
            for _ in range(SAVING_SECONDS * 5):
                if not is_alive(process):
                    break
                time.sleep(0.2)
        with locked(run.parent):
            launch = read_launch(run)
            if launch is not None:
                write_launch(run, replace(launch, attendant=None, process=None))
        return submitit.helpers.DelayedSubmission(self)


class SlurmLauncher:
    """Hands the runs of one folder to the cluster. ``cluster`` "local" carries them out here, as tests do."""

    name = "slurm"

    def __init__(
        self, runs: Path, settings: SlurmSettings | None = None, *, cluster: str = "slurm", grace_seconds: float = 300.0
    ) -> None:
        self.runs = runs
        self.settings = settings or SlurmSettings()
        self.cluster = cluster
        self.grace_seconds = grace_seconds

    def submit(self, run: Path) -> RunStatus:
        """Hand it to the cluster, whose queue it waits in. Raises ConfigError, and where there is no cluster."""
        with locked(self.runs):
            launch = startable(run)
            if launch is None:
                return look(run)
            job = self._handed_in(run, launch.title)
            handed = {"cluster": self.cluster, "id": str(job.job_id)}
            again = fresh(launch, queued=time.time())
            write_launch(run, replace(again, launcher=self.name, job=handed, attempt=launch.attempt + 1))
        return look(run)

    def status(self, run: Path) -> RunStatus:
        """How it stands; a job that the cluster ended before it began is a failed run."""
        with locked(self.runs):
            launch = read_launch(run)
            if launch is not None and launch.job and look(run).state == "queued":
                state = self._state(run, launch.job)
                if state.split()[0] in ENDED:
                    write_launch(run, replace(launch, queued=None, exit_code=1))
                    (run / "log.txt").open("a", encoding="utf-8").write(f"Error: the cluster ended the job: {state}\n")
        return look(run)

    def logs(self, run: Path, offset: int = 0) -> tuple[str, int]:
        """What it wrote from ``offset`` on, and where that ends."""
        return read_log(run, offset)

    def cancel(self, run: Path) -> RunStatus:
        """Take it out of the cluster's queue, or ask it to save and end; called again after the grace, end the job."""
        with locked(self.runs):
            status, launch = look(run), read_launch(run)
            if launch is None or not launch.job or (status.state != "queued" and status.state not in ACTIVE):
                return status
            asked = launch.stop_requested
            late = asked is not None and time.time() - asked > self.grace_seconds
            waiting = status.state == "queued"
            if waiting or late:
                self._job(run, launch.job).cancel()
            launch = replace(launch, stop_requested=asked or time.time(), killed=launch.killed or late)
            if waiting:
                launch = replace(launch, queued=None, exit_code=0, job={})
            write_launch(run, launch)
        return look(run)

    def advance(self) -> list[Path]:
        """The cluster has a queue of its own; only what it ended is taken note of."""
        for run in list_runs(self.runs):
            self.status(run)
        return []

    def submission(self, run: Path) -> str:
        """The batch script that the run was handed in with; empty before that."""
        found = sorted((run / JOBS).glob("*_submission.sh"))
        return found[-1].read_text(encoding="utf-8") if found else ""

    def _handed_in(self, run: Path, title: str) -> Any:
        executor = self._executor(run, title)
        from submitit.core.utils import FailedJobError

        try:
            return executor.submit(AttendedRun(str(run.absolute())))
        except FailedJobError as error:
            said = str(error).strip().splitlines() or ["it gave no reason"]
            raise ConfigError(f"Slurm did not take the run: {said[0]}") from error

    def _state(self, run: Path, job: Any) -> str:
        """What became of a job. Where the cluster keeps no accounts, one that its queue does not know has ended."""
        state = str(self._job(run, job).state)
        if state == "UNKNOWN" and job["cluster"] == "slurm":
            asked = subprocess.run(["squeue", "-h", "-j", job["id"], "-o", "%T"], capture_output=True, check=False)
            return asked.stdout.decode().strip() or "FAILED (it is not in the queue any more)"
        return state

    def _executor(self, run: Path, title: str) -> Any:
        try:
            import submitit
        except ImportError as error:
            raise MissingDependencyError("Slurm needs submitit. Install it: pip install submitit") from error
        try:
            executor = submitit.AutoExecutor(folder=run.absolute() / JOBS, cluster=self.cluster)
        except RuntimeError as error:
            raise ConfigError(f"There is no Slurm here ({error}). Log in where srun and sbatch are.") from error
        executor.update_parameters(**self.settings.parameters(title))
        return executor

    def _job(self, run: Path, job: Any) -> Any:
        import submitit

        kind = submitit.LocalJob if job["cluster"] == "local" else submitit.SlurmJob
        return kind(folder=run.absolute() / JOBS, job_id=job["id"])
