"""What is done with a run's model is a command of lamm; what was measured of it is found and compared."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import Order, RunStarter
from app.run_models import RunModels
from app.training import Training
from lamm_core.errors import ConfigError, HubError
from lamm_core.launchers.local import LocalLauncher
from lamm_core.launchers.run import create_run
from tests.app.inspection.made_runs import figures, record, write_run

# Says what it was asked to do, as the last line; fails where a word of it is "refused".
ECHO = """#!/bin/sh
case "$*" in *refused*) echo "HubError: no" >&2; exit 1;; esac
echo "noise" >&2
echo "$*"
"""


@pytest.fixture
def models(tmp_path: Path, make_recipe: Callable[..., Any]) -> Iterator[RunModels]:
    """Two runs with models, of which the first went on from a model of its own."""
    runs = tmp_path / "runs" / "training"
    echo = tmp_path / "echo"
    echo.write_text(ECHO)
    echo.chmod(0o755)
    training = Training(
        runs, LocalLauncher(runs), cache=tmp_path / "cache", models=tmp_path / "models", python=str(echo)
    )
    begun = replace(make_recipe(), model=str(tmp_path / "begun"))
    for title, recipe in (("first", begun), ("second", make_recipe())):
        folder = create_run(runs, recipe, title=title)
        for adapter in ("image", "pointcloud"):
            (folder / "model" / f"adapter-{adapter}").mkdir(parents=True)
        (folder / "model" / "config.json").write_text("{}")
    shelf = RunShelf([tmp_path / "measured"])
    starter = RunStarter(tmp_path / "measured", program=(sys.executable, "-c", "pass"))
    yield RunModels(training, shelf, starter, exported=tmp_path / "exported", token="hf_test")


def ended(models: RunModels, name: str = "first") -> dict[str, str]:
    """The newest job once it has ended."""
    while not models.jobs(name) or models.jobs(name)[0]["state"] == "running":
        time.sleep(0.02)
    return models.jobs(name)[0]


def measure(models: RunModels, name: str, model: Path, scores: str) -> None:
    """A finished benchmark run of a model: one record for each letter, r is right."""
    records = [record(f"s{place}", float(letter == "r")) for place, letter in enumerate(scores)]
    about = {"name": model.name, "folder": str(model)}
    folder = models.training.models.parent / "measured" / name
    write_run(folder, records, summary=figures(0.5, n=len(records)), state={"state": "completed"})
    manifest = folder / "run.json"
    manifest.write_text(
        manifest.read_text().replace('"model": {"name": "lamm-mini"}', f'"model": {about}'.replace("'", '"'))
    )


def test_an_export_is_the_command_that_a_person_would_type(models: RunModels, tmp_path: Path) -> None:
    out = models.export("first", "gguf", modality="image")
    job = ended(models)
    assert out == str(tmp_path / "exported" / "first-image.gguf") and job["state"] == "done"
    assert job["command"] == f"lamm runs export first {out} --gguf image"
    assert job["said"] == f"-m lamm_core runs export first {out} --gguf image"
    models.export("first", "adapters", target=str(tmp_path / "here"))
    assert ended(models)["said"].endswith(f"runs export first {tmp_path / 'here'}")
    assert models.jobs("second") == []
    (models.training.folder("second") / "model" / "adapter-pointcloud").rmdir()
    assert models.export("second", "merged").endswith("second-image")  # the only one there is
    assert ended(models, "second")["said"].endswith("--merged image")


def test_what_cannot_be_exported_is_said_before_anything_starts(models: RunModels, tmp_path: Path) -> None:
    for modality in ("smell", ""):
        with pytest.raises(ConfigError, match="image, pointcloud"):
            models.export("first", "merged", modality=modality)
    with pytest.raises(ConfigError, match="there already"):
        models.export("first", "adapters", target=str(tmp_path))
    with pytest.raises(ConfigError, match="no form"):
        models.export("first", "onnx")
    assert models.jobs("first") == []


def test_a_push_needs_a_token_and_a_name_and_tells_what_the_hub_said(models: RunModels) -> None:
    for name in ("dogs", "-x/dogs", ""):
        with pytest.raises(ConfigError, match="OWNER/NAME"):
            models.push("first", name)
    models.push("first", "team/refused", public=True)
    assert ended(models)["said"].endswith("HubError: no") and ended(models)["state"] == "failed"
    models._token = None
    with pytest.raises(HubError, match="HF_TOKEN"):
        models.push("first", "team/dogs")


def test_a_benchmark_starts_with_the_run_s_model_under_its_name(models: RunModels, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("s1\n")
    name = models.benchmark("first", Order("animals", str(tmp_path), "", only=str(ids)))
    assert name.startswith("animals-first-") and (models.training.models / "first" / "config.json").is_file()
    with pytest.raises(ConfigError, match="no file"):
        models.benchmark("first", Order("animals", str(tmp_path), "", only="absent.txt"))


def test_measurements_are_set_beside_the_model_it_began_with_and_other_runs(models: RunModels, tmp_path: Path) -> None:
    measure(models, "before", tmp_path / "begun", "rrwwwwwwwwww")
    measure(models, "after", models.training.models / "first", "rrrrrrrrrrrr")
    measure(models, "other", models.training.folder("second") / "model", "rwrwrwrwrwrw")
    assert [run.name for run in models.measured("first")] == ["after"]
    (one,) = models.beside("first")
    assert (one.first.name, one.second.name) == ("after", "before")
    assert one.found is not None and (one.found.n, one.found.only_a, one.found.only_b) == (12, 10, 0)
    assert one.found.p < 0.01 and one.found.low is not None and one.found.low > 0
    (two,) = models.beside("first", "second")
    assert two.found is not None and two.found.only_a == 6
    assert models.beside("second") == []
    assert models.suggestion("first").task == "animals"
    (models.training.folder("first") / "recipe.yaml").write_text("epoch: 1", encoding="utf-8")
    assert models.beside("first") == [] and models.suggestion("first").only == ""
