"""The commands under `lamm runs`: what the training tab does, typed.

Does not know how runs are carried out; each command calls the launcher and prints what the folder says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lamm_core.errors import ConfigError
from lamm_core.launchers.model_commands import add_model_commands
from lamm_core.launchers.places import launcher_at, launcher_of
from lamm_core.launchers.run import (
    create_run,
    delete_run,
    launch_or_none,
    list_runs,
    rename_run,
    shown_command,
)
from lamm_core.launchers.status import ACTIVE, RunStatus, look
from lamm_core.registry import nearest
from lamm_core.training.bars import time_left
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["in_words", "runs_app", "training_runs"]

runs_app = typer.Typer(name="runs", no_args_is_help=False, help="Runs that go on by themselves: start, stop, look.")
out = Console()

Name = Annotated[str, typer.Argument(help="The name of the run's folder, as `lamm runs` lists it.")]


def training_runs() -> Path:
    """Where runs of training lie: below LAMM_RUNS, by default in the cache folder."""
    return Path(os.environ.get("LAMM_RUNS") or cache_folder() / "runs").expanduser().absolute() / "training"


def cache_folder() -> Path:
    """LAMM_CACHE, or ``~/.cache/lamm-studio``."""
    return Path(os.environ.get("LAMM_CACHE") or Path.home() / ".cache" / "lamm-studio").expanduser().absolute()


@runs_app.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """List the runs and how they stand; what waits is started where there is room."""
    if context.invoked_subcommand is not None:
        return
    runs = training_runs()
    if runs.is_dir():
        used = {launch.launcher for run in list_runs(runs) if (launch := launch_or_none(run))}
        for place in {"local", *used}:
            launcher_at(place, runs).advance()
    table = Table("run", "state", "step", "", box=None, header_style="bold")
    for folder in list_runs(runs):
        status = look(folder)
        steps = f"{status.step:,} of {status.total_steps:,}" if status.total_steps else ""
        table.add_row(folder.name, status.state, steps, Text(in_words(status)))
    if table.row_count:
        out.print(table)
    else:
        out.print("There is no run yet. `lamm runs start RECIPE` starts one that goes on when you leave.")


@runs_app.command()
def start(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe.")],
    title: Annotated[str, typer.Option(help="What to call it; left out, the recipe's name.")] = "",
    on: Annotated[str, typer.Option(help="Where: local, slurm or hub; docs/clusters.md.")] = "local",
    processes: Annotated[int, typer.Option(min=1, help="How many share each step; one for each GPU.")] = 1,
) -> None:
    """Queue a run of a recipe; it starts when no other one runs, and goes on when this terminal is closed."""
    runs = training_runs()
    launcher = launcher_at(on, runs)
    folder = create_run(
        runs, TrainingRecipe.from_yaml(recipe), title=title or recipe.stem, launcher=on, processes=processes
    )
    status = launcher.submit(folder)
    out.print(f"{status.state}: {folder.name}", highlight=False)


@runs_app.command()
def resume(name: Name) -> None:
    """Go on with a run from its newest checkpoint."""
    run = found(name)
    out.print(launcher_of(run).submit(run).state)


@runs_app.command()
def stop(name: Name) -> None:
    """Stop a run; it saves a checkpoint first. One that is queued is taken out of the queue."""
    run = found(name)
    out.print(launcher_of(run).cancel(run).state)


@runs_app.command()
def rename(name: Name, title: Annotated[str, typer.Argument(help="What to call it from now on.")]) -> None:
    """Give a run another title; its folder keeps its name."""
    rename_run(found(name), title)
    out.print(f"renamed: {title}", markup=False, highlight=False)


@runs_app.command()
def delete(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a run with its checkpoints and log."""
    folder = found(name)
    if look(folder).state in ACTIVE:
        raise ConfigError(f"{name} is running. Stop it first: lamm runs stop {name}")
    if not yes:
        typer.confirm(f"Delete {folder} with everything in it?", abort=True)
    delete_run(folder)
    out.print(f"deleted: {name}", highlight=False)


@runs_app.command()
def log(name: Name) -> None:
    """Print what a run wrote last, and the command that runs it."""
    from lamm_core.launchers.run import read_launch, read_log

    folder = found(name)
    launch = read_launch(folder)
    if launch is not None:
        out.print(shown_command(launch.command), style="dim", soft_wrap=True, highlight=False)
    out.print(read_log(folder)[0], markup=False, highlight=False, soft_wrap=True)


add_model_commands(runs_app)


def found(name: str) -> Path:
    """The folder of a run by its name. Raises ConfigError naming the nearest."""
    folders = {folder.name: folder for folder in list_runs(training_runs())}
    if name not in folders:
        close = nearest(name, folders)
        raise ConfigError(f"There is no run {name!r}. {f'Did you mean {close!r}?' if close else 'See lamm runs.'}")
    return folders[name]


def in_words(status: RunStatus) -> str:
    """What else there is to say of a run: time left, what it prepares, or what went wrong and what to do."""
    if status.eta_seconds is not None:
        return time_left(status.eta_seconds)
    return " ".join(part for part in (status.doing, status.reason, status.remedy) if part)
