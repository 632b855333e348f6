"""What the training tab calls: presets, previews of data, checks, and the runs with everything one does to them.

Does not know the page's components, nor how training goes: runs are folders, carried out by processes of their own.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from lamm_core.conversation import Sample
from lamm_core.data.instructions import read_samples
from lamm_core.errors import ConfigError, DataError
from lamm_core.launchers.checking import check_apart
from lamm_core.launchers.launcher import Launcher
from lamm_core.launchers.run import (
    RECIPE,
    create_run,
    delete_run,
    list_runs,
    model_folder,
    read_launch,
    rename_run,
    shown_command,
)
from lamm_core.launchers.status import ACTIVE, RunStatus, look, why_not_resumed
from lamm_core.training.preflight import CheckReport, note_worst
from lamm_core.training.progress import read_answers
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["PRESETS", "Preset", "Training", "ViewedRun", "parse_recipe", "with_settings"]

RECIPES = Path(__file__).resolve().parent.parent / "lamm_core" / "recipes"


@dataclass(frozen=True)
class Preset:
    """A recipe to start from, with a sentence on what it is for."""

    name: str
    file: str
    words: str


PRESETS: tuple[Preset, ...] = (
    Preset("lamm-mini", "lamm-mini.yaml", "135M language model, our own picture encoder. Trains on any laptop."),
    Preset("7B on 24 GB", "lamm-7b.yaml", "Vicuna-7B in 4 bits with CLIP. Made for one RTX 3090 or 4090."),
    Preset("13B on 24 GB", "lamm-13b.yaml", "Vicuna-13B in 4 bits with CLIP. Just fits one 24 GB card."),
)


@dataclass(frozen=True)
class ViewedRun:
    """A run as the list shows it."""

    folder: Path
    status: RunStatus

    @property
    def name(self) -> str:
        """The folder's name: what identifies it."""
        return self.folder.name


class Training:
    """The runs below ``runs``. ``python`` and ``launcher`` are replaced in tests."""

    def __init__(
        self,
        runs: Path,
        launcher: Launcher,
        *,
        cache: Path,
        models: Path,
        exports: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.runs = runs
        self.launcher = launcher
        self.cache = cache
        self.models = models
        self.exports = tuple(exports)
        self.environment = {"LAMM_CACHE": str(cache), **(environment or {})}
        self.python = python

    # Before a run.

    def preset(self, name: str) -> str:
        """The YAML of a preset, comments left out: what is shown is what will be stored."""
        chosen = next((one for one in PRESETS if one.name == name), None)
        if chosen is None:
            raise ConfigError(f"There is no preset {name!r}. Known: {', '.join(one.name for one in PRESETS)}.")
        return TrainingRecipe.from_yaml(RECIPES / chosen.file).to_yaml()

    def data_files(self) -> list[tuple[str, str]]:
        """Data found on this machine: pinned exports of the review queue, then pairs made here. Label and path."""
        found: list[tuple[str, str]] = []
        for parent in self.exports:
            for manifest in sorted(parent.glob("*/manifest.json")):
                values = yaml.safe_load(manifest.read_text(encoding="utf-8"))
                digest = str(values.get("content_hash", ""))[:12]
                for file in sorted(path for path in manifest.parent.glob("train*.json*")):
                    found.append((f"reviewed: {manifest.parent.name}, version {digest}", str(file)))
        for file in sorted(Path.cwd().glob("pairs/*/pairs.json")):
            found.append((f"pairs: {file.parent.name}", str(file)))
        return found

    def preview(self, path: str, *, media_root: str = "", start: int = 0, count: int = 4) -> list[Sample]:
        """A few samples of a file from a place in it; the file is read up to there and never kept whole."""
        file = Path(path.strip()).expanduser()
        if not path.strip() or not file.is_file():
            raise DataError(
                f"There is no file {path.strip() or 'named yet'}. Give the path of a .json, .jsonl or .parquet."
            )
        root = Path(media_root).expanduser() if media_root.strip() else None
        return list(islice(read_samples(file, media_root=root), start, start + count))

    def quick_check(self, text: str) -> CheckReport:
        """What can be said of a recipe from its text alone: the largest batch's memory on a card."""
        report = CheckReport()
        note_worst(parse_recipe(text), report, cache=self.cache)
        return report

    def check(self, text: str, *, probe: bool = False) -> CheckReport:
        """Check a recipe in a process of its own, as `lamm train RECIPE --check` does. Raises ConfigError."""
        return check_apart(parse_recipe(text), environment=self.environment, probe=probe, python=self.python)

    # Runs.

    def start(self, text: str, *, title: str, token: str) -> Path:
        """Store the recipe as a run and queue it; with the same token, nothing is made twice. Raises ConfigError."""
        folder = create_run(
            self.runs, parse_recipe(text), title=title, token=token, environment=self.environment, python=self.python
        )
        self.launcher.submit(folder)
        return folder

    def list(self) -> list[ViewedRun]:
        """All runs, newest first; what waits is started where there is room."""
        if not self.runs.is_dir():
            return []
        self.launcher.advance()
        return [ViewedRun(folder, look(folder)) for folder in list_runs(self.runs)]

    def folder(self, name: str) -> Path:
        """The folder of a run by its name. Raises ConfigError where it is gone."""
        folder = self.runs / name
        if name in ("", ".", "..") or folder.parent != self.runs or not folder.is_dir():
            raise ConfigError(f"The run {name!r} is gone.")
        return folder

    def stop(self, name: str) -> RunStatus:
        """Ask a run to save and end."""
        return self.launcher.cancel(self.folder(name))

    def resume(self, name: str) -> RunStatus:
        """Go on from the newest checkpoint. Raises ConfigError saying why it cannot."""
        return self.launcher.submit(self.folder(name))

    def why_not(self, name: str) -> str:
        """Why it cannot be resumed; empty where it can."""
        return why_not_resumed(self.folder(name))

    def rename(self, name: str, title: str) -> None:
        """Give it another title."""
        rename_run(self.folder(name), title)

    def delete(self, name: str) -> None:
        """Delete it with everything in it. Raises ConfigError while it runs."""
        folder = self.folder(name)
        if look(folder).state in ACTIVE:
            raise ConfigError("It is running. Stop it first.")
        delete_run(folder)

    def name_of(self, name: str) -> str:
        """The run's title."""
        return look(self.folder(name)).title

    def answers(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Sample answers that the run wrote at its evaluations."""
        return list(read_answers(self.folder(name)))

    def without_folder(self, text: str) -> str:
        """A stored recipe as one for a new run."""
        return replace(parse_recipe(text), out=None).to_yaml()

    def size(self, name: str) -> int:
        """Bytes of the run's folder."""
        return sum(path.stat().st_size for path in self.folder(name).rglob("*") if path.is_file())

    def recipe_text(self, name: str) -> str:
        """The stored YAML."""
        file = self.folder(name) / RECIPE
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def command_of(self, name: str) -> str:
        """The stored command line."""
        launch = read_launch(self.folder(name))
        return shown_command(launch.command) if launch else ""

    def publish(self, name: str) -> str:
        """Copy the model to the models that the page offers; returns its name there, an older copy is replaced."""
        source, target = model_folder(self.folder(name)), self.models / name
        coming = target.with_name(f".{target.name}.coming")
        shutil.rmtree(coming, ignore_errors=True)
        coming.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, coming)
        if target.exists():
            shutil.rmtree(target)
        coming.rename(target)
        return name


def parse_recipe(text: str) -> TrainingRecipe:
    """The recipe in a YAML text. Raises ConfigError naming the key that is wrong."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"This is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError("A recipe is keys and values. Choose a preset to start from.")
    return TrainingRecipe.from_dict(values)


def with_settings(text: str, settings: Mapping[str, Any]) -> str:
    """The recipe's text with settings replaced; dotted keys reach into it, ``data`` takes a path and a media root."""
    recipe = parse_recipe(text)
    values = recipe.to_dict()
    for key, value in settings.items():
        place: Any = values
        *way, last = key.split(".")
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    return TrainingRecipe.from_dict(values).to_yaml()
