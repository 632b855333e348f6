"""Runs as Hugging Face Jobs: a container of this project trains there, a bucket keeps the run's folder.

Does not know training. Nobody can look into the container, so the job prints what its run writes (`told`), and whoever
asks how the run stands puts the files together here. Checkpoints and the model stay in the bucket, mounted at /runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamm_core.errors import ConfigError
from lamm_core.launchers.local import fresh
from lamm_core.launchers.run import LOG, RECIPE, Launch, list_runs, locked, read_launch, read_log, write_launch
from lamm_core.launchers.status import ACTIVE, RunStatus, look, startable
from lamm_core.launchers.told import hear
from lamm_core.training.progress import read_state, reset_state
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["HubJobSettings", "HubJobsLauncher"]

MOUNTED = "/runs"
LOOK_SECONDS = 15.0  # between two questions to the hub about one run


@dataclass(frozen=True)
class HubJobSettings:
    """Where and on what: ``bucket`` is owner/name, ``image`` holds this project (a Space of it is one).

    ``flavor`` is what `hf jobs hardware` lists, ``timeout`` as 8h or 2d, after which the job is ended.
    """

    bucket: str = ""
    image: str = ""
    flavor: str = "l4x1"
    timeout: str = "24h"
    namespace: str | None = None

    def __post_init__(self) -> None:
        if not self.bucket or not self.image:
            raise ConfigError(
                "launchers.yaml, hub: give bucket (owner/name, where runs are kept) and image (a container that holds "
                "this project, for example hf.co/spaces/OWNER/lamm-studio)."
            )


class HubJobsLauncher:
    """Hands the runs of one folder to the hub. ``api`` is a huggingface_hub.HfApi; its token is the user's own."""

    name = "hub"

    def __init__(self, runs: Path, settings: HubJobSettings, *, api: Any = None) -> None:
        self.runs = runs
        self.settings = settings
        self._api = api
        self._asked: dict[Path, float] = {}

    @property
    def api(self) -> Any:
        """The connection to the hub."""
        if self._api is None:
            from huggingface_hub import HfApi

            self._api = HfApi()
        return self._api

    def submit(self, run: Path) -> RunStatus:
        """Start a job for it. Raises ConfigError for data that the job could not read, and where the hub says no."""
        with locked(self.runs):
            launch = startable(run)
            if launch is None:
                return look(run)
            if blocked := _out_of_reach(TrainingRecipe.from_yaml(run / RECIPE)):
                raise ConfigError(f"{launch.title} cannot be started: {blocked}")
            recipe = (run / RECIPE).read_text(encoding="utf-8")
            job = self._call(
                "run_job",
                image=self.settings.image,
                command=["python", "-m", "lamm_core.launchers.told", f"{MOUNTED}/{run.name}", recipe],
                env={**launch.environment, "LAMM_CACHE": f"{MOUNTED}/cache"},
                flavor=self.settings.flavor,
                timeout=self.settings.timeout,
                name=run.name,
                volumes=[_bucket(self.settings.bucket)],
                namespace=self.settings.namespace,
            )
            handed = {"id": job.id, "namespace": job.owner.name, "stage": str(job.status.stage), "url": job.url}
            reset_state(run)
            again = fresh(launch, queued=time.time())
            write_launch(run, replace(again, launcher=self.name, job=handed, attempt=launch.attempt + 1))
        return self.status(run)

    def status(self, run: Path) -> RunStatus:
        """How it stands. The hub is asked now and then only; what it says is kept in the run's folder."""
        launch = read_launch(run)
        due = time.monotonic() - self._asked.get(run, -LOOK_SECONDS) >= LOOK_SECONDS
        if launch is not None and launch.job.get("stage") in ("SCHEDULING", "RUNNING") and due:
            self._asked[run] = time.monotonic()
            job = self._call("inspect_job", job_id=launch.job["id"], namespace=launch.job["namespace"])
            stage = str(job.status.stage)
            if stage != "SCHEDULING":
                hear(self._lines(launch), run)
            with locked(self.runs):
                launch = read_launch(run) or launch
                write_launch(run, _after(launch, stage))
            if stage == "ERROR" and read_state(run).get("state") != "failed":
                with (run / LOG).open("a", encoding="utf-8") as log:
                    log.write(f"Error: the job ended: {job.status.message or 'no reason given'}\n")
        return look(run)

    def logs(self, run: Path, offset: int = 0) -> tuple[str, int]:
        """What it wrote from ``offset`` on, and where that ends."""
        self.status(run)
        return read_log(run, offset)

    def cancel(self, run: Path) -> RunStatus:
        """End the job. It is not asked to save: what is kept is its newest checkpoint in the bucket."""
        status, launch = look(run), read_launch(run)
        if launch is None or not launch.job or (status.state != "queued" and status.state not in ACTIVE):
            return status
        self._call("cancel_job", job_id=launch.job["id"], namespace=launch.job["namespace"])
        with locked(self.runs):
            launch = read_launch(run) or launch
            write_launch(run, replace(_after(launch, "CANCELED"), stop_requested=time.time()))
        return look(run)

    def advance(self) -> list[Path]:
        """The hub has a queue of its own; only what became of its jobs is taken note of."""
        for run in list_runs(self.runs):
            launch = read_launch(run)
            if launch is not None and launch.launcher == self.name:
                self.status(run)
        return []

    def _lines(self, launch: Launch) -> list[str]:
        logs = self._call("fetch_job_logs", job_id=launch.job["id"], namespace=launch.job["namespace"])
        return [line for text in logs for line in str(text).splitlines()]

    def _call(self, method: str, **values: Any) -> Any:
        from httpx2 import HTTPError

        try:
            found = getattr(self.api, method)(**values)
            return list(found) if method == "fetch_job_logs" else found
        except (HTTPError, OSError) as error:  # the hub's own errors are among them
            raise ConfigError(
                f"The hub did not do it ({str(error).splitlines()[0]}). Log in with `hf auth login`; Jobs need a "
                "paid account."
            ) from error


def _after(launch: Launch, stage: str) -> Launch:
    """The launch of a run whose job has come so far."""
    launch = replace(launch, job={**launch.job, "stage": stage})
    if stage != "SCHEDULING":
        launch = replace(launch, queued=None)
    return replace(launch, exit_code=1) if stage == "ERROR" else launch


def _bucket(name: str) -> Any:
    from huggingface_hub import Volume

    return Volume(type="bucket", source=name, mount_path=MOUNTED)


def _out_of_reach(recipe: TrainingRecipe) -> str:
    """Why a container elsewhere could not carry it out; empty where it could."""
    if here := [source.path for source in (*recipe.data, *recipe.eval_data) if not source.path.startswith("hub:")]:
        return f"{here[0]} lies on this machine, where the job cannot read it. Push it as a data set: hub:OWNER/NAME."
    if isinstance(recipe.model, str) and Path(recipe.model).expanduser().exists():
        return f"The model {recipe.model} lies on this machine. Push it to the Hub and name it OWNER/NAME."
    return ""
