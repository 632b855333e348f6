"""Folders of runs: made, named, renamed, deleted, and what is stored in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamm_core.errors import ConfigError
from lamm_core.launchers.run import create_run, delete_run, list_runs, read_launch, rename_run, shown_command
from lamm_core.training.recipe import TrainingRecipe

MakeRun = Callable[..., Path]
RECIPE = TrainingRecipe.from_dict({"model": "some-model", "data": [{"path": "pairs.json"}], "learning_rate": 1e-4})


def test_what_is_stored_is_what_runs(tmp_path: Path) -> None:
    folder = create_run(tmp_path, RECIPE, title="My run: nr. 1!")
    launch = read_launch(folder)
    assert launch is not None
    assert folder.name == "my-run-nr-1"
    shown = shown_command(launch.command)
    assert shown == f"lamm train {folder}/recipe.yaml --run {folder} --resume"
    stored = TrainingRecipe.from_yaml(folder / "recipe.yaml")
    assert stored.out == str(folder) and stored.learning_rate == 1e-4
    assert stored.to_yaml() == (folder / "recipe.yaml").read_text(encoding="utf-8")


def test_same_titles_get_folders_of_their_own(tmp_path: Path) -> None:
    names = [create_run(tmp_path, RECIPE, title="same").name for _ in range(3)]
    assert names == ["same", "same-2", "same-3"]


def test_renaming_changes_the_title_alone(tmp_path: Path) -> None:
    folder = create_run(tmp_path, RECIPE, title="before")
    rename_run(folder, "after")
    launch = read_launch(folder)
    assert launch is not None and (launch.title, folder.name) == ("after", "before")
    with pytest.raises(ConfigError, match="empty"):
        rename_run(folder, " ")


def test_deleting_leaves_the_others(tmp_path: Path) -> None:
    doomed, kept = (create_run(tmp_path, RECIPE, title=name) for name in ("doomed", "kept"))
    delete_run(doomed)
    assert list_runs(tmp_path) == [kept]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["kept"]


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="LAMM_RUNS"):
        create_run(tmp_path / "file" / "runs", RECIPE, title="one")


def test_several_processes_are_started_by_accelerate_on_a_free_port(tmp_path: Path) -> None:
    launch = read_launch(create_run(tmp_path, RECIPE, title="two", processes=2))
    assert launch is not None
    shown = shown_command(launch.command)
    assert shown.startswith("accelerate launch --num_machines 1 --main_process_port 0 ")
    assert f"--num_processes 2 -m lamm_core train {tmp_path}/two/recipe.yaml --run {tmp_path}/two" in shown
