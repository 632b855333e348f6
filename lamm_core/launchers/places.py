"""Where runs can be carried out, by name, and what each place is asked for: launchers.yaml in the folder of runs.

Does not know how; each launcher has a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.config import read_yaml, refuse_unknown
from lamm_core.errors import ConfigError
from lamm_core.launchers.launcher import Launcher
from lamm_core.launchers.run import read_launch
from lamm_core.registry import nearest

__all__ = ["PLACES", "SETTINGS", "launcher_at", "launcher_of"]

SETTINGS = "launchers.yaml"
PLACES = ("local", "slurm", "hub")


def launcher_at(place: str, runs: Path) -> Launcher:
    """The launcher of a place. Raises ConfigError for one that does not exist, and for settings that do not fit."""
    if place not in PLACES:
        close = nearest(place, PLACES)
        hint = f"Did you mean {close!r}? " if close else ""
        raise ConfigError(f"Runs cannot be carried out on {place!r}. {hint}Known: {', '.join(PLACES)}.")
    path = runs / SETTINGS
    values = read_yaml(path) if path.exists() else {}
    if unknown := sorted(set(values) - {"slurm", "hub"}):
        raise ConfigError(f"{path} has a section {unknown[0]!r}; known are slurm and hub.")
    if place == "slurm":
        from lamm_core.launchers.slurm import SlurmLauncher, SlurmSettings

        return SlurmLauncher(runs, _settings(SlurmSettings, values, place))
    if place == "hub":
        from lamm_core.launchers.hub_jobs import HubJobSettings, HubJobsLauncher

        return HubJobsLauncher(runs, _settings(HubJobSettings, values, place))
    from lamm_core.launchers.local import LocalLauncher

    return LocalLauncher(runs)


def launcher_of(run: Path) -> Launcher:
    """The launcher that carries out, or last carried out, this run."""
    launch = read_launch(run)
    return launcher_at(launch.launcher if launch else "local", run.parent)


def _settings(kind: type[Any], values: Mapping[str, Any], place: str) -> Any:
    section = values.get(place) or {}
    refuse_unknown(section, kind, where=f"{SETTINGS}, {place}")
    return kind(**section)
