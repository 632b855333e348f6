"""Curves in trackio or wandb, where a recipe asks for them, through accelerate's trackers.

Does not know training. Nothing leaves the machine: trackio keeps its runs in a local database, and wandb is started in
its offline mode, from which `wandb sync RUN/wandb/offline-run-*` sends a run when its owner wants that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lamm_core.errors import MissingDependencyError
from lamm_core.training.recipe import TrackerName

__all__ = ["Trackers"]

PROJECT = "lamm-studio"


class Trackers:
    """The trackers of one run, begun with its settings. Raises MissingDependencyError for one that is not installed."""

    def __init__(self, names: Sequence[TrackerName], run: Path, settings: Mapping[str, Any]) -> None:
        self._trackers = []
        for name in names:
            if find_spec(name) is None:
                raise MissingDependencyError(
                    f"track names {name}, which is not installed. Install it (pip install {name}) or leave it out."
                )
            from accelerate.tracking import LOGGER_TYPE_TO_CLASS

            own = {"mode": "offline", "dir": str(run), "name": run.name} if name == "wandb" else {"name": run.name}
            tracker = LOGGER_TYPE_TO_CLASS[name](PROJECT, **own)
            tracker.start()
            tracker.store_init_configuration(dict(settings))
            self._trackers.append(tracker)

    def log(self, event: Mapping[str, Any]) -> None:
        """One step's numbers."""
        values = {name: value for name, value in event.items() if name != "step"}
        for tracker in self._trackers:
            tracker.log(values, step=int(event["step"]))

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, *_: object) -> None:
        for tracker in self._trackers:
            tracker.finish()
