"""A run is a folder: what shall run (recipe.yaml, launch.json) and what came of it (state.json, events.jsonl, log.txt).

Does not know how processes are started, nor how a run stands (status). launch.json belongs to launchers and is replaced
whole under the lock of the folder that holds the runs; the training process writes all the others.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from lamm_core.errors import ConfigError, LammError
from lamm_core.processes import ProcessMark
from lamm_core.run_files import replace_text
from lamm_core.training.progress import list_checkpoints
from lamm_core.training.recipe import TrainingRecipe

__all__ = [
    "ACCELERATE",
    "ATTEMPT",
    "HEARTBEAT",
    "LAUNCH",
    "LOG",
    "RECIPE",
    "Launch",
    "command_of",
    "create_run",
    "delete_run",
    "free_name",
    "launch_or_none",
    "list_runs",
    "locked",
    "model_folder",
    "read_launch",
    "read_log",
    "rename_run",
    "shown_command",
    "write_launch",
]

LAUNCH = "launch.json"
RECIPE = "recipe.yaml"
LOG = "log.txt"
ATTEMPT = "--- attempt"  # begins what an attempt writes into the log
HEARTBEAT = "attended"  # touched every few seconds by the process that attends a run
LOCK = ".lock"
MODEL = "model"
TITLE_LETTERS = 80
# All of it is said, so that nobody's ~/.cache/huggingface/accelerate configuration changes what is trained.
ACCELERATE = (
    "-m", "accelerate.commands.launch", "--num_machines", "1", "--main_process_port", "0", "--mixed_precision", "no",
    "--dynamo_backend", "no",
)  # fmt: skip


@dataclass(frozen=True)
class Launch:
    """What launchers know of a run. Times are seconds since 1970; ``exit_signal`` is set where one ended it.

    Where this machine carries the run out, ``stop_requested`` is told by the clock that nobody puts right: a jump of
    the other one would kill a run that is saving.
    """

    title: str
    command: tuple[str, ...]
    cwd: str
    created: float
    token: str = ""
    launcher: str = "local"
    environment: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0
    queued: float | None = None
    attendant: ProcessMark | None = None
    process: ProcessMark | None = None
    job: Mapping[str, str] = field(default_factory=dict)
    stop_requested: float | None = None
    killed: bool = False
    exit_code: int | None = None
    exit_signal: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Launch:
        """The launch that `to_dict` wrote."""
        known = dict(values)
        known.pop("format", None)
        known["command"] = tuple(known["command"])
        for name in ("attendant", "process"):
            known[name] = ProcessMark.from_dict(known.get(name))
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"format": 1} | asdict(self)


@contextmanager
def locked(runs: Path) -> Iterator[None]:
    """Nobody else starts, stops, renames or deletes a run in this folder meanwhile.

    Raises ConfigError where the folder cannot be written, and where what is done meanwhile meets a full disk.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        lock = FileLock(runs / LOCK, timeout=30)
        lock.acquire()
    except OSError as error:
        raise ConfigError(
            f"{runs} cannot be used for runs ({error.strerror or error}). Make it writable, or set LAMM_RUNS to "
            "another folder."
        ) from error
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigError(f"The disk that holds {runs} is full. Make room on it, then try again.") from error
        raise
    finally:
        lock.release()


def create_run(
    runs: Path,
    recipe: TrainingRecipe,
    *,
    title: str,
    token: str = "",
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
    cwd: Path | None = None,
    clock: float | None = None,
    launcher: str = "local",
    processes: int = 1,
) -> Path:
    """Make the folder of a new run and return it; with a ``token`` that has made one, return that one.

    With several ``processes`` its command starts them with accelerate, on a port that is free then. The recipe is
    stored as it will run. Raises ConfigError where the folder cannot be written.
    """
    now = time.time() if clock is None else clock
    with locked(runs):
        for folder in list_runs(runs):
            if token and (known := launch_or_none(folder)) and known.token == token:
                return folder
        folder = free_name(runs, title)
        recipe = replace(recipe, out=recipe.out or str(folder))
        launch = Launch(
            title=title.strip()[:TITLE_LETTERS] or folder.name,
            command=command_of(folder, python=python, processes=processes),
            cwd=str(Path.cwd() if cwd is None else cwd),
            created=now,
            token=token,
            launcher=launcher,
            environment=dict(environment or {}),
        )
        folder.mkdir()
        try:
            replace_text(folder / RECIPE, recipe.to_yaml())
            write_launch(folder, launch)
        except OSError:  # half a run would be listed as one
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder


def command_of(folder: Path, *, python: str = sys.executable, processes: int = 1) -> tuple[str, ...]:
    """What carries out the run of a folder, made or to be made; ``processes`` share each step."""
    several = (*ACCELERATE, "--num_processes", str(processes)) if processes > 1 else ()
    return (python, *several, "-m", "lamm_core", "train", str(folder / RECIPE), "--run", str(folder), "--resume")


def free_name(runs: Path, title: str) -> Path:
    """A folder that is not there yet, named after the title."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "run"
    number = 1
    while (runs / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return runs / (name if number == 1 else f"{name}-{number}")


def list_runs(runs: Path) -> list[Path]:
    """The folders of runs, newest first; those that `lamm train` filled by hand are among them."""
    found = {path.parent for name in (LAUNCH, RECIPE) for path in runs.glob(f"*/{name}")}
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda one: (-born(one), one.name))


def born(folder: Path) -> float:
    """When the run was made, as far as its files say."""
    path = folder / LAUNCH
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["created"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.stat().st_mtime if folder.exists() else 0.0


def read_launch(folder: Path) -> Launch | None:
    """What launchers know of the run; None for one that was started by hand. Raises ConfigError where it is broken."""
    path = folder / LAUNCH
    if not path.exists():
        return None
    try:
        return Launch.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}). Delete the run, or put the file right.") from error


def launch_or_none(folder: Path) -> Launch | None:
    """What launchers know of the run, as far as it can be read."""
    try:
        return read_launch(folder)
    except LammError:
        return None


def write_launch(folder: Path, launch: Launch) -> None:
    """Replace launch.json. The caller holds the lock."""
    replace_text(folder / LAUNCH, json.dumps(launch.to_dict(), indent=2) + "\n")


def rename_run(folder: Path, title: str) -> None:
    """Give the run another title; its folder keeps its name, for a process may be writing there."""
    if not title.strip():
        raise ConfigError("A run's name cannot be empty.")
    with locked(folder.parent):
        launch = read_launch(folder)
        if launch is None:
            raise ConfigError(f"{folder.name} was started by hand and is called after its folder: rename the folder.")
        write_launch(folder, replace(launch, title=title.strip()[:TITLE_LETTERS]))


def delete_run(folder: Path) -> None:
    """Delete the folder with everything in it; the caller has made sure that nothing runs there.

    It is renamed first, so that a kill in the middle leaves nothing that looks like a run.
    """
    with locked(folder.parent):
        doomed = folder.with_name(f".{folder.name}.deleted-{os.getpid()}")
        folder.rename(doomed)
    shutil.rmtree(doomed)


def model_folder(folder: Path) -> Path:
    """The model as it is now: the finished one, or that of the newest checkpoint. Raises ConfigError."""
    places = [folder / MODEL, *(path / MODEL for path in reversed(list_checkpoints(folder)))]
    found = next((place for place in places if (place / "config.json").is_file()), None)
    if found is None:
        raise ConfigError("There is no checkpoint yet. One is written every checkpoint_minutes, and at a stop.")
    return found


def read_log(folder: Path, offset: int = 0, *, limit: int = 65_536) -> tuple[str, int]:
    """The log from a place in it, at most its last ``limit`` bytes, and the place where it ends now."""
    path = folder / LOG
    if not path.exists():
        return "", 0
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(offset if offset <= size else 0, size - limit)
        file.seek(start)
        return file.read(size - start).decode(errors="replace"), size


def shown_command(command: Sequence[str]) -> str:
    """The command as a person would type it."""
    import shlex

    words = list(command)
    if words[1:3] == ["-m", "lamm_core"]:
        words[:3] = ["lamm"]
    elif words[1:3] == ["-m", "accelerate.commands.launch"]:
        words[:3] = ["accelerate", "launch"]
    return shlex.join(words)
