"""How a run stands, read from its files and the processes that are alive: nothing is remembered anywhere else.

Does not know how runs are started. queued, preparing, running, stopping, then completed, stopped, failed with a reason
and a remedy, or lost: the process is gone without a word, as after a restart of the machine.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from lamm_core.errors import ConfigError, LammError
from lamm_core.launchers.run import ATTEMPT, HEARTBEAT, RECIPE, Launch, read_launch, read_log
from lamm_core.processes import ProcessMark, is_alive
from lamm_core.training.failures import REMEDIES, FailureKind, kind_of_log
from lamm_core.training.progress import EVENTS, STATE, newest_step, read_state
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["ACTIVE", "RunState", "RunStatus", "is_busy", "look", "startable", "why_not_resumed"]

RunState = Literal["queued", "preparing", "running", "stopping", "completed", "stopped", "failed", "lost"]
ACTIVE: tuple[RunState, ...] = ("preparing", "running", "stopping")
QUIET_SECONDS = 120.0  # an attendant on another machine signs every few seconds
RECENT_STEPS = 50
TAIL_BYTES = 32_768
LEAST_BYTES = 65_536  # free on a disk that is not full


@dataclass(frozen=True)
class RunStatus:
    """How a run stands.

    ``kind`` and ``remedy`` belong to a failure, ``eta_seconds`` to one that is running, ``doing`` to one that prepares.
    """

    state: RunState
    title: str
    step: int = 0
    total_steps: int = 0
    saved_step: int = 0
    reason: str = ""
    kind: FailureKind | None = None
    remedy: str = ""
    eta_seconds: float | None = None
    updated: float | None = None
    attempt: int = 0
    doing: str = ""

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None while nobody knows."""
        return self.step / self.total_steps if self.total_steps else None


def look(folder: Path) -> RunStatus:
    """How the run stands now. A folder that cannot be read is a failed run with the reason, not an error."""
    try:
        launch = read_launch(folder)
        said = read_state(folder)
    except LammError as error:
        return _failed(folder.name, {}, str(error), "setting")
    except (OSError, ValueError) as error:
        return _failed(folder.name, {}, f"{folder / STATE} cannot be read: {error}", "other")
    title = launch.title if launch else folder.name
    status = _state(folder, launch, said, title)
    step, total = int(said.get("step", 0)), int(said.get("total_steps", 0))
    return replace(
        status,
        step=step,
        total_steps=total,
        saved_step=newest_step(folder),
        updated=said.get("updated"),
        attempt=launch.attempt if launch else 0,
        eta_seconds=_eta(folder, total - step) if status.state == "running" else None,
        doing=str(said.get("doing", "")) if status.state in ACTIVE else "",
    )


def _state(folder: Path, launch: Launch | None, said: Mapping[str, Any], title: str) -> RunStatus:
    word = said.get("state")
    if launch and launch.queued is not None and launch.attendant is None:  # a cluster's queue counts too
        return RunStatus("queued", title)
    if word == "done":
        return RunStatus("completed", title)
    if is_busy(folder, launch, said):
        if word == "failed":
            return _failed(title, said, str(said.get("reason", "")), said.get("kind") or "other")
        stopping = launch is not None and launch.stop_requested is not None
        return RunStatus("stopping" if stopping else "running" if word == "running" else "preparing", title)
    if word == "stopped":
        return RunStatus("stopped", title)
    if word == "failed":
        return _failed(title, said, str(said.get("reason", "")), said.get("kind") or "other")
    if launch and launch.killed:
        return RunStatus("stopped", title, reason="It did not end when it was asked to, and was killed.")
    if launch and launch.exit_signal is not None and launch.stop_requested is None:
        return _failed(title, said, f"Signal {launch.exit_signal} ended the process.", "killed")
    if launch and launch.exit_code:
        kind, line = kind_of_log(read_log(folder, limit=TAIL_BYTES)[0])
        return _failed(title, said, line or f"The process ended with code {launch.exit_code}.", kind)
    if launch and (launch.stop_requested is not None or launch.attempt == 0):
        return RunStatus("stopped", title, reason="" if launch.attempt else "It was never started.")
    return _gone(folder, said, title)


def _gone(folder: Path, said: Mapping[str, Any], title: str) -> RunStatus:
    """Nobody could write down how it ended. On a full disk nobody can, but a last line may have fitted into the log."""
    kind, line = kind_of_log(read_log(folder, limit=TAIL_BYTES)[0].rpartition(ATTEMPT)[2])
    if kind != "other":
        return _failed(title, said, line, kind)
    if shutil.disk_usage(folder).free < LEAST_BYTES:
        return _failed(title, said, "The disk is full, so nothing is written of how it ended.", "disk")
    return RunStatus(
        "lost",
        title,
        reason="The process is gone without a word; the machine may have been restarted.",
        remedy="Resume goes on from the last checkpoint.",
    )


def _failed(title: str, said: Mapping[str, Any], reason: str, kind: Any) -> RunStatus:
    kind = kind if kind in REMEDIES else "other"
    return RunStatus("failed", title, reason=reason, kind=kind, remedy=REMEDIES[kind])


def is_busy(folder: Path, launch: Launch | None = None, said: Mapping[str, Any] | None = None) -> bool:
    """Whether a process works in this folder, or is about to."""
    launch = read_launch(folder) if launch is None else launch
    if launch and launch.job.get("stage") in ("SCHEDULING", "RUNNING"):  # in a container that nobody can look into
        return True
    said = read_state(folder) if said is None else said
    marks = [launch.attendant, launch.process] if launch else []
    if said.get("state") in ("preparing", "running"):
        marks.append(ProcessMark.from_dict(said.get("process")))
    if any(is_alive(mark) for mark in marks):
        return True
    return any(_elsewhere(mark) for mark in marks) and _signed(folder)


def _elsewhere(mark: ProcessMark | None) -> bool:
    return mark is not None and mark.host != socket.gethostname()


def _signed(folder: Path) -> bool:
    heartbeat = folder / HEARTBEAT
    return heartbeat.exists() and time.time() - heartbeat.stat().st_mtime < QUIET_SECONDS


def _eta(folder: Path, steps_left: int) -> float | None:
    """Seconds left at the pace of the last steps."""
    path = folder / EVENTS
    if steps_left <= 0 or not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = deque(islice(file, 0 if file.tell() == 0 else 1, None), maxlen=RECENT_STEPS)
    seconds = [float(json.loads(line)["seconds"]) for line in lines if line.endswith(b"\n")]
    return steps_left * sum(seconds) / len(seconds) if seconds else None


def startable(folder: Path) -> Launch | None:
    """What launchers know of a run that may start now; None where it waits or runs already.

    Raises ConfigError saying why it cannot start.
    """
    status, launch = look(folder), read_launch(folder)
    if status.state == "queued" or status.state in ACTIVE:
        return None
    if launch is None:
        raise ConfigError(f"{folder.name} was started by hand; go on with: lamm train ... --resume")
    if blocked := why_not_resumed(folder):
        raise ConfigError(f"{launch.title} cannot be started: {blocked}")
    return launch


def why_not_resumed(folder: Path) -> str:
    """Why the run cannot go on; empty where it can."""
    status = look(folder)
    if status.state == "queued":
        return "It is queued already and starts when its turn comes."
    if status.state in ACTIVE:
        return "It is running."
    if status.state == "completed":
        return "It has come to its end. To train further, start a new run from its model."
    if not (folder / RECIPE).is_file():
        return f"{RECIPE} is gone from its folder."
    try:
        recipe = TrainingRecipe.from_yaml(folder / RECIPE)
    except LammError as error:
        return str(error)
    for source in (*recipe.data, *recipe.eval_data):
        if not source.path.startswith("hub:") and not Path(source.path).exists():
            return f"The data {source.path} is gone. Put it back, then resume."
    return ""
