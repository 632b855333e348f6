"""Curves for other programs: what is asked for gets every step, and what is not installed is said before any work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lamm_core.errors import ConfigError, MissingDependencyError
from lamm_core.training.progress import read_events, read_state
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train

MakeRecipe = Callable[..., TrainingRecipe]


class Trackio(ModuleType):
    """As much of trackio as accelerate calls."""

    def __init__(self) -> None:
        super().__init__("trackio")
        self.__spec__ = ModuleSpec("trackio", None)
        self.project, self.logged, self.finished = "", [], 0  # type: ignore[var-annotated]
        self.config: Any = {}

    def init(self, project: str, **options: Any) -> Trackio:
        self.project, self.options = project, options
        self.config = Settings()
        return self

    def log(self, values: dict[str, Any], step: int) -> None:
        self.logged.append((step, values))

    def finish(self) -> None:
        self.finished += 1


class Settings(dict[str, Any]):
    """Settings of a run, as trackio keeps them."""

    def update(self, values: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        super().update(values)


def test_every_step_reaches_the_tracker(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trackio = Trackio()
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    train(make_recipe(max_steps=2, track=["trackio"]), run=tmp_path / "run", cache=tmp_path, progress=False)
    assert [(step, values["loss"]) for step, values in trackio.logged] == [
        (event["step"], event["loss"]) for event in read_events(tmp_path / "run")
    ]
    assert (trackio.project, trackio.options["name"], trackio.finished) == ("lamm-studio", "run", 1)
    assert trackio.config["learning_rate"] == 5e-3


def test_a_tracker_that_is_not_installed_fails_before_any_work(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamm_core.training.trackers.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install wandb"):
        train(make_recipe(track=["wandb"]), run=tmp_path / "run", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "run")["kind"] == "setting"


def test_a_tracker_that_does_not_exist_is_refused(make_recipe: MakeRecipe) -> None:
    with pytest.raises(ConfigError, match="trackio"):
        make_recipe(track=["trakio"])
    with pytest.raises(ConfigError, match="a list of names"):
        make_recipe(track="wandb")
