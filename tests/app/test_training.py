"""What the training tab calls: presets, previews, and the life of a run as far as the page changes it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets.config
import huggingface_hub.constants
import pytest
import yaml

from app.presets import PRESETS
from app.run_events import RunEvents
from app.training import Training, parse_recipe, with_settings
from lamm_core.errors import ConfigError, DataError
from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.run import list_runs
from lamm_core.training.progress import RunFiles
from tests.fake_hub import serving


@pytest.fixture
def training(tmp_path: Path) -> Training:
    runs = tmp_path / "runs"
    return Training(runs, LocalLauncher(runs), cache=tmp_path / "cache", models=tmp_path / "models")


@pytest.fixture
def recipe_text(make_recipe: Callable[..., Any]) -> str:
    return str(make_recipe().to_yaml())


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_a_preset_is_the_recipe_that_is_shipped(
    training: Training, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where neither its data nor encoders tuned for it are
    recipe = parse_recipe(training.preset(name))
    assert recipe.to_yaml() == training.preset(name)
    if isinstance(recipe.model, str):
        assert (Path(recipe.model) / "config.json").is_file()
    else:  # what it wants tuned first is here
        options = [one.options for one in recipe.model.modalities.values()]
        assert all(Path(one["weights"]).exists() for one in options if "weights" in one)
    assert "not on this machine" in training.absent_data(recipe.to_yaml())


def test_data_that_are_there_are_not_called_absent(training: Training, recipe_text: str) -> None:
    assert training.absent_data(recipe_text) == ""


def test_a_path_from_home_is_written_out(training: Training) -> None:
    source = training.source("~/mine.json", "~/pictures")
    assert source == {"path": str(Path.home() / "mine.json"), "media_root": str(Path.home() / "pictures")}


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
    assert training.source(str(export / "train.json"))["sha256"] == "abcdef0123456789"
    assert training.held_apart(str(export / "train.json")) is None
    (export / "test.json").write_text("[]", encoding="utf-8")
    apart = training.held_apart(str(export / "train.json"))
    assert apart is not None and apart["path"] == str(export / "test.json") and apart["sha256"] == "abcdef0123456789"
    assert next(label for label, _ in training.sample_lists()) == "held apart: march, version abcdef012345"
    (export / "manifest.json").write_text("torn", encoding="utf-8")
    assert ("reviewed: march, its manifest is broken", str(export / "train.json")) in training.data_files()
    with pytest.raises(DataError, match="Export again"):
        training.source(str(export / "train.json"))


def test_a_set_of_the_hub_is_previewed_without_being_loaded(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    rows = [
        {"image": {"bytes": b"\x89PNG" + os.urandom(50_000), "path": None}, "question": "Who?", "answer": f"Dog {n}."}
        for n in range(20)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    content = (tmp_path / "rows.parquet").read_bytes()
    for module, name in ((huggingface_hub.constants, "HF_HUB_OFFLINE"), (datasets.config, "HF_HUB_OFFLINE")):
        monkeypatch.setattr(module, name, False)
    with serving() as hub:
        hub.files = {f"data/train-0000{part}-of-00004.parquet": content for part in range(4)}
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        found = training.preview("hub:team/dogs", start=1, count=2)
        assert [sample.turns[1].text for sample in found] == ["Dog 1.", "Dog 2."]
        assert all(sample.media[0].path.is_relative_to(training.cache / "hub" / "team--dogs") for sample in found)
        assert hub.bytes_given < 2 * len(content)  # of four such files
    assert training.source("hub:team/dogs")["media_root"] == str(training.cache / "hub" / "team--dogs")


def test_a_hub_that_cannot_be_asked_is_said(training: Training) -> None:
    with pytest.raises(DataError, match=r"could not be read from the Hub.*Check the network"):
        training.preview("hub:team/absent")


def test_a_page_where_training_is_off_starts_nothing(training: Training, recipe_text: str) -> None:
    training.launcher.slots = 0  # type: ignore[attr-defined]
    training.start(recipe_text, title="one", token="t")
    training.off = "It is off here."
    assert training.places() == [] and training.elsewhere == "It is off here."
    with pytest.raises(ConfigError, match="off here"):
        training.start(recipe_text, title="two", token="u")
    with pytest.raises(ConfigError, match="off here"):
        training.resume("one")
    assert [run.name for run in training.list()] == ["one"]
    (training.runs / "launchers.yaml").write_text("hub: {bucket: team/runs, image: team/image}\n", encoding="utf-8")
    assert training.places() == [("Hugging Face Jobs", "hub")]
    assert training.elsewhere == "It is off here. Runs go to Hugging Face Jobs."
    training.off = ""
    assert [place for _, place in training.places()] == ["local", "hub"]
    (training.runs / "launchers.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML"):
        training.places()


def test_a_folder_that_cannot_be_written_is_still_read(
    training: Training, recipe_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.launcher.slots = 0  # type: ignore[attr-defined]
    training.start(recipe_text, title="one", token="t")

    def refuse() -> None:
        raise ConfigError("cannot be used for runs")

    monkeypatch.setattr(training.launcher, "advance", refuse)
    assert [run.name for run in training.list()] == ["one"] and "cannot be used" in training.trouble


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


def test_runs_that_are_called_the_same_are_told_apart(training: Training, recipe_text: str) -> None:
    training.launcher.slots = 0  # type: ignore[attr-defined]
    for title, token in (("One", "t"), ("One", "u"), ("Two", "v")):
        training.start(recipe_text, title=title, token=token)
    assert training.titles(["one", "two"]) == {"one": "One", "two": "Two"}
    assert training.titles(["one", "one-2"]) == {"one": "One (one)", "one-2": "One (one-2)"}


def test_what_a_run_left_out_is_told(training: Training, recipe_text: str) -> None:
    training.launcher.slots = 0  # type: ignore[attr-defined]
    folder = training.start(recipe_text, title="one", token="t")
    assert training.left_out("one").total == 0
    RunFiles(folder).dropped({f"sample-{number}": "too long" for number in range(30)})
    left = training.left_out("one")
    assert (left.total, len(left.first)) == (30, 20)
    assert left.first[0] == {"id": "sample-0", "reason": "too long"}


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
    with (tmp_path / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 3, "lo{"step": 4}\n{"step": 5}\n')  # torn by a kill, then gone on with
    assert [one["step"] for one in events.of(tmp_path)] == [1, 2, 5]
