"""What the training tab calls: presets, previews, and the life of a run as far as the page changes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.run_events import RunEvents
from app.training import PRESETS, Training, parse_recipe, with_settings
from lamm_core.errors import ConfigError, DataError
from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.run import list_runs
from lamm_core.training.progress import RunFiles


@pytest.fixture
def training(tmp_path: Path) -> Training:
    runs = tmp_path / "runs"
    return Training(runs, LocalLauncher(runs), cache=tmp_path / "cache", models=tmp_path / "models")


@pytest.fixture
def recipe_text(make_recipe: Callable[..., Any]) -> str:
    return str(make_recipe().to_yaml())


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_a_preset_is_the_recipe_that_is_shipped(training: Training, name: str) -> None:
    recipe = parse_recipe(training.preset(name))
    assert not isinstance(recipe.model, str) and recipe.to_yaml() == training.preset(name)


def test_fields_write_into_the_text_and_wrong_values_are_named(recipe_text: str) -> None:
    after = with_settings(recipe_text, {"epochs": 3, "model.modalities.image.lora.r": 8, "quantize": "nf4"})
    values = yaml.safe_load(after)
    assert (values["epochs"], values["model"]["modalities"]["image"]["lora"]["r"], values["quantize"]) == (3, 8, "nf4")
    with pytest.raises(ConfigError, match="batch_size"):
        with_settings(recipe_text, {"batch_size": 0})
    with pytest.raises(ConfigError, match="Did you mean 'epochs'"):
        parse_recipe(recipe_text + "\nepoch: 3\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_recipe("a: [")


def test_a_preview_reads_no_further_than_it_shows(training: Training, squares: Path, tmp_path: Path) -> None:
    found = training.preview(str(squares), start=4, count=3)
    assert [sample.id for sample in found] == ["square-4", "square-5", "square-6"]
    torn = tmp_path / "torn.json"
    records = [json.dumps(one) for one in json.loads(squares.read_text(encoding="utf-8"))]
    torn.write_text("[" + ",\n".join(records) * 50 + ", {broken", encoding="utf-8")
    assert len(training.preview(str(torn), count=2)) == 2
    with pytest.raises(DataError, match="There is no file"):
        training.preview(str(tmp_path / "absent.json"))


def test_reviewed_exports_are_offered_with_their_version(tmp_path: Path) -> None:
    export = tmp_path / "exports" / "march"
    export.mkdir(parents=True)
    (export / "manifest.json").write_text(json.dumps({"content_hash": "abcdef0123456789"}), encoding="utf-8")
    (export / "train.json").write_text("[]", encoding="utf-8")
    runs = tmp_path / "runs"
    training = Training(runs, LocalLauncher(runs), cache=tmp_path, models=tmp_path, exports=[tmp_path / "exports"])
    assert ("reviewed: march, version abcdef012345", str(export / "train.json")) in training.data_files()


def test_a_run_is_started_once_named_published_and_deleted(training: Training, recipe_text: str) -> None:
    training.python = "/bin/false"  # the process ends at once and says nothing
    started = training.start(recipe_text, title="First: one", token="t")
    assert training.start(recipe_text, title="First: one", token="t") == started
    assert [run.name for run in training.list()] == ["first-one"]
    while training.list()[0].status.state in ("queued", "preparing", "running"):
        time.sleep(0.05)
    assert training.list()[0].status.state == "failed"
    training.rename("first-one", "Better")
    assert training.name_of("first-one") == "Better"
    with pytest.raises(ConfigError, match="no checkpoint yet"):
        training.publish("first-one")
    model = training.runs / "first-one" / "model"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    assert training.publish("first-one") == training.publish("first-one") == "first-one"
    assert (training.models / "first-one" / "config.json").is_file()
    training.delete("first-one")
    assert list_runs(training.runs) == []
    with pytest.raises(ConfigError, match="gone"):
        training.delete("first-one")


@pytest.mark.parametrize("name", ["..", "../x", "a/b", ""])
def test_names_from_outside_reach_no_other_folder(training: Training, name: str) -> None:
    training.runs.mkdir()
    with pytest.raises(ConfigError):
        training.folder(name)


def test_events_are_read_as_they_grow_and_anew_after_a_rewind(tmp_path: Path) -> None:
    files, events = RunFiles(tmp_path), RunEvents()
    assert events.of(tmp_path) == []
    for step in (1, 2, 3):
        files.event({"step": step})
    assert [one["step"] for one in events.of(tmp_path)] == [1, 2, 3]
    with (tmp_path / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4')
    assert len(events.of(tmp_path)) == 3
    with (tmp_path / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write("}\n")
    assert len(events.of(tmp_path)) == 4
    files.rewind(2)
    assert [one["step"] for one in events.of(tmp_path)] == [1, 2]
