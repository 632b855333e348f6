"""What the training tab calls: presets, previews of data, checks, and the runs with everything one does to them.

Does not know the page's components, nor how training goes: runs are folders, carried out by processes of their own.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from app.presets import preset_text
from lamm_core.config import read_yaml
from lamm_core.conversation import Sample
from lamm_core.data.instructions import HUB_PREFIX, read_samples
from lamm_core.data.pinned import MANIFEST
from lamm_core.errors import ConfigError, DataError, LammError
from lamm_core.launchers.checking import check_apart
from lamm_core.launchers.launcher import Launcher
from lamm_core.launchers.places import SETTINGS, launcher_at
from lamm_core.launchers.run import (
    RECIPE,
    command_of,
    create_run,
    delete_run,
    free_name,
    launch_or_none,
    list_runs,
    model_folder,
    read_launch,
    read_log,
    rename_run,
    shown_command,
)
from lamm_core.launchers.status import ACTIVE, RunStatus, look, why_not_resumed
from lamm_core.run_files import bytes_in
from lamm_core.training.preflight import CheckReport, note_worst
from lamm_core.training.progress import DROPPED, read_answers, read_dropped
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["LeftOut", "Training", "ViewedRun", "parse_recipe", "with_settings"]

REMOTE = {"slurm": "the Slurm cluster", "hub": "Hugging Face Jobs"}


@dataclass(frozen=True)
class ViewedRun:
    """A run as the list shows it."""

    folder: Path
    status: RunStatus

    @property
    def name(self) -> str:
        """The folder's name: what identifies it."""
        return self.folder.name


class LeftOut(NamedTuple):
    """How many samples a run left out, and the first of them: ``id`` and ``reason``."""

    total: int
    first: tuple[Mapping[str, str], ...]


class Training:
    """The runs below ``runs``. ``python`` and ``launcher`` are replaced in tests.

    ``off`` says why nothing may be started on this machine; empty where it may. ``trouble`` is what went wrong when the
    queue was looked at last.
    """

    def __init__(
        self,
        runs: Path,
        launcher: Launcher,
        *,
        cache: Path,
        models: Path,
        exports: Sequence[Path] = (),
        marks: Path | None = None,
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        off: str = "",
    ) -> None:
        self.runs = runs
        self.launcher = launcher
        self._launchers: dict[str, Launcher] = {launcher.name: launcher}
        self.cache = cache
        self.models = models
        self.exports = tuple(exports)
        self.environment = {"LAMM_CACHE": str(cache), **(environment or {})}
        self.marks = marks
        self.python = python
        self.off = off
        self.trouble = ""

    # Before a run.

    def preset(self, name: str) -> str:
        """The YAML of a preset, comments left out: what is shown is what will be stored."""
        return preset_text(name)

    def absent_data(self, text: str) -> str:
        """In words, which data of a recipe are not on this machine; empty where all are. Raises ConfigError."""
        paths = [source.path for source in parse_recipe(text).data if not source.path.startswith(HUB_PREFIX)]
        absent = [path for path in paths if not Path(path).expanduser().is_file()]
        if not absent:
            return ""
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        return f"The recipe names data that are not on this machine: {absent[0]}{more}. Name yours under Data."

    def data_files(self) -> list[tuple[str, str]]:
        """Data found on this machine: pinned exports of the review queue, then pairs made here. Label and path."""
        found = self._exported("train")
        for file in sorted(Path.cwd().glob("pairs/*/pairs.json")):
            found.append((f"pairs: {file.parent.name}", str(file)))
        return found

    def sample_lists(self) -> list[tuple[str, str]]:
        """Files that name samples to measure again: what is marked, and both splits of pinned exports."""
        marked = [("marked for review", str(self.marks))] if self.marks is not None and self.marks.is_file() else []
        return [*marked, *self._exported("test"), *self._exported("train")]

    def _exported(self, split: str) -> list[tuple[str, str]]:
        word = "reviewed" if split == "train" else "held apart"

        def version(manifest: Path) -> str:
            try:
                return f"version {_content_hash(manifest)[:12]}"
            except DataError:
                return "its manifest is broken"

        return [
            (f"{word}: {manifest.parent.name}, {version(manifest)}", str(file))
            for parent in self.exports
            for manifest in sorted(parent.glob(f"*/{MANIFEST}"))
            for file in sorted(manifest.parent.glob(f"{split}*.json*"))
        ]

    def source(self, path: str, media_root: str = "") -> dict[str, Any]:
        """The entry of a recipe's data for a file or a data set of the Hub; an export is pinned by its hash."""
        name = path.strip()
        if name.startswith(HUB_PREFIX):
            return {"path": name, "media_root": _expanded(media_root) or str(self._hub_media(name))}
        manifest = Path(_expanded(name)).parent / MANIFEST
        pinned = {"sha256": _content_hash(manifest)} if manifest.is_file() else {}
        return {"path": _expanded(name), "media_root": _expanded(media_root) or None, **pinned}

    def held_apart(self, path: str) -> dict[str, Any] | None:
        """The entry for the split that the same export holds apart; None where there is none."""
        file = Path(path.strip()).expanduser()
        other = file.with_name(file.name.replace("train", "test", 1))
        there = "train" in file.name and (file.parent / MANIFEST).is_file() and other.is_file()
        return self.source(str(other)) if there else None

    def preview(self, path: str, *, media_root: str = "", start: int = 0, count: int = 4) -> list[Sample]:
        """A few samples from a place on; what is read ends there and is never kept whole.

        ``path`` is a file, or ``hub:OWNER/NAME``, of which as much is fetched as is shown.
        """
        name = path.strip()
        root = Path(media_root.strip()).expanduser() if media_root.strip() else None
        file = Path(name).expanduser()
        if name.startswith(HUB_PREFIX):
            samples = read_samples(name, media_root=root or self._hub_media(name))
        elif name and file.is_file():
            samples = read_samples(file, media_root=root)
        else:
            raise DataError(
                f"There is no file {name or 'named yet'}. Give the path of a .json, .jsonl or .parquet, or "
                f"{HUB_PREFIX}OWNER/NAME for a data set of the Hub."
            )
        with closing(samples):
            return list(islice(samples, start, start + count))

    def _hub_media(self, name: str) -> Path:
        """Where the pictures of a data set of the Hub are written to."""
        return self.cache / "hub" / re.sub(r"[^\w.-]+", "--", name.removeprefix(HUB_PREFIX))

    def quick_check(self, text: str) -> CheckReport:
        """What can be said of a recipe from its text alone: the largest batch's memory on a card."""
        report = CheckReport()
        note_worst(parse_recipe(text), report, cache=self.cache)
        return report

    def check(self, text: str, *, probe: bool = False) -> CheckReport:
        """Check a recipe in a process of its own, as `lamm train RECIPE --check` does. Raises ConfigError."""
        return check_apart(parse_recipe(text), environment=self.environment, probe=probe, python=self.python)

    # Runs.

    def places(self) -> list[tuple[str, str]]:
        """Where a run may be carried out, label and name: here, and in the places that launchers.yaml describes.

        Raises ConfigError where that file cannot be read.
        """
        path = self.runs / SETTINGS
        described = read_yaml(path) if path.exists() else {}
        here = [] if self.off else [("this machine", self.launcher.name)]
        return here + [(words, place) for place, words in REMOTE.items() if place in described]

    @property
    def elsewhere(self) -> str:
        """In words, where training goes when it is off on this machine; empty where it is not."""
        if not self.off:
            return ""
        try:
            places = [words for words, _ in self.places()]
        except ConfigError as error:
            return f"{self.off} {error}"
        return f"{self.off} Runs go to {' or '.join(places)}." if places else self.off

    def start(self, text: str, *, title: str, token: str, on: str = "") -> Path:
        """Store the recipe as a run and queue it; with the same token, nothing is made twice. Raises ConfigError."""
        on = on or self.launcher.name
        self.require_on(on)
        launcher = self._at(on)
        folder = create_run(
            self.runs, parse_recipe(text), title=title, token=token, environment=self.environment, python=self.python,
            launcher=on,
        )  # fmt: skip
        launcher.submit(folder)
        return folder

    def list(self) -> list[ViewedRun]:
        """All runs, newest first; what waits is started where there is room."""
        if not self.runs.is_dir():
            return []
        folders = list_runs(self.runs)
        used = {launch.launcher for folder in folders if (launch := launch_or_none(folder))} - {self.launcher.name}
        try:
            for place in [*([] if self.off else [self.launcher.name]), *sorted(used)]:
                self._at(place).advance()
            self.trouble = ""
        except LammError as error:  # a folder that cannot be written can still be read
            self.trouble = str(error)
        return [ViewedRun(folder, look(folder)) for folder in folders]

    def log(self, folder: Path) -> tuple[str, int]:
        """The end of what a run wrote, and how much it wrote in all."""
        return read_log(folder)

    def _launcher(self, folder: Path) -> Launcher:
        launch = launch_or_none(folder)
        return self._at(launch.launcher) if launch else self.launcher

    def _at(self, place: str) -> Launcher:
        """The launcher of a place, always the same one: it knows when it asked its place last."""
        if place not in self._launchers:
            self._launchers[place] = launcher_at(place, self.runs)
        return self._launchers[place]

    def folder(self, name: str) -> Path:
        """The folder of a run by its name. Raises ConfigError where it is gone."""
        folder = self.runs / name
        if name in ("", ".", "..") or folder.parent != self.runs or not folder.is_dir():
            raise ConfigError(f"The run {name!r} is gone.")
        return folder

    def stop(self, name: str) -> RunStatus:
        """Ask a run to save and end."""
        folder = self.folder(name)
        return self._launcher(folder).cancel(folder)

    def resume(self, name: str) -> RunStatus:
        """Go on from the newest checkpoint. Raises ConfigError saying why it cannot."""
        folder = self.folder(name)
        launcher = self._launcher(folder)
        self.require_on(launcher.name)
        return launcher.submit(folder)

    def require_on(self, place: str) -> None:
        """Raise ConfigError where nothing may be started in that place."""
        if self.off and place == self.launcher.name:
            raise ConfigError(self.off)

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

    def titles(self, names: Sequence[str]) -> dict[str, str]:
        """What each run is called; beside the name of its folder where several are called the same."""
        titles = {name: self.name_of(name) for name in names}
        said = list(titles.values())
        return {name: title if said.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}

    def answers(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Sample answers that the run wrote at its evaluations."""
        return list(read_answers(self.folder(name)))

    def left_out(self, name: str) -> LeftOut:
        """The samples that the run could not learn from."""
        folder = self.folder(name)
        file = folder / DROPPED
        return _left_out(folder, file.stat().st_mtime_ns) if file.exists() else LeftOut(0, ())

    def planned_command(self, title: str) -> str:
        """The command line that a run of this title would be carried out by."""
        return shown_command(command_of(free_name(self.runs, title or "run"), python=self.python))

    def without_folder(self, text: str) -> str:
        """A stored recipe as one for a new run."""
        return replace(parse_recipe(text), out=None).to_yaml()

    def size(self, name: str) -> int:
        """Bytes of the run's folder."""
        return bytes_in(self.folder(name))

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


@lru_cache(maxsize=16)
def _left_out(folder: Path, modified_ns: int) -> LeftOut:
    """Read once: the list may be as long as the data. Another ``modified_ns`` is another attempt's."""
    lines = read_dropped(folder)
    first = tuple(islice(lines, 20))
    return LeftOut(len(first) + sum(1 for _ in lines), first)


def _expanded(path: str) -> str:
    """A path as it was typed, but with ~ as the home it means: recipes know none."""
    return str(Path(path.strip()).expanduser()) if path.strip() else ""


def _content_hash(manifest: Path) -> str:
    """The hash by which an export is pinned. Raises DataError where the manifest is none."""
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["content_hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{manifest} is no manifest of an export ({error}). Export again.") from error


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
