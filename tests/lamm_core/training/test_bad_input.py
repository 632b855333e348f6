"""What goes wrong around a run while it runs is said in words, leaves other runs alone, and can be gone on from."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamm_core.errors import ConfigError, DataError
from lamm_core.run_files import claimed
from lamm_core.training import trainer
from lamm_core.training.progress import EVENTS, RunFiles, list_checkpoints, read_events, read_state
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train

MakeRecipe = Callable[..., TrainingRecipe]


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Has something happen right before a step."""
    step = trainer.Run._step

    def arrange(number: int, happens: Callable[[], object]) -> None:
        def stepping(self: trainer.Run, planned: Any) -> Any:
            if planned.number == number:
                happens()
            return step(self, planned)

        monkeypatch.setattr(trainer.Run, "_step", stepping)

    return arrange


def test_a_second_run_in_the_folder_is_refused_and_the_first_one_unharmed(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with claimed(run, another=""):
        files = RunFiles(run)
        files.state("running", step=3, total_steps=9)
        before = (run / "state.json").read_bytes()
        with pytest.raises(ConfigError, match="choose another folder with --run"):
            train(make_recipe(), run=run, cache=tmp_path, progress=False)
        assert (run / "state.json").read_bytes() == before
        assert not (run / "recipe.yaml").exists()


def test_a_full_disk_is_named_and_the_checkpoint_before_it_is_whole(
    make_recipe: MakeRecipe, tmp_path: Path, at_step: Callable[[int, Callable[[], object]], None]
) -> None:
    run = tmp_path / "run"

    def fill() -> None:
        (run / EVENTS).rename(run / "events.kept")
        (run / EVENTS).symlink_to("/dev/full")  # as a disk without room answers: ENOSPC

    at_step(4, fill)
    recipe = make_recipe(max_steps=6, checkpoint_steps=3)
    with pytest.raises(OSError, match="No space left"):
        train(recipe, run=run, cache=tmp_path, progress=False)
    state = read_state(run)
    assert (state["state"], state["kind"], state["step"]) == ("failed", "disk", 3)
    (run / EVENTS).unlink()
    (run / "events.kept").rename(run / EVENTS)
    at_step(-1, lambda: None)
    train(recipe, run=run, cache=tmp_path, progress=False)
    assert [event["step"] for event in read_events(run)] == [1, 2, 3, 4, 5, 6]


def test_data_that_vanish_do_not_stop_a_run_that_has_begun_and_are_named_to_the_next(
    make_recipe: MakeRecipe, squares: Path, tmp_path: Path, at_step: Callable[[int, Callable[[], object]], None]
) -> None:
    copy = tmp_path / "copy.json"
    shutil.copy(squares, copy)
    recipe = make_recipe(data=[{"path": str(copy), "media_root": str(squares.parent)}], max_steps=8)

    def vanish() -> None:
        copy.unlink()
        shutil.rmtree(tmp_path / "features")

    at_step(2, vanish)  # instructions were read before the first step, features stay open
    train(recipe, run=tmp_path / "first", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "first")["state"] == "done"
    with pytest.raises(DataError, match=r"copy\.json"):
        train(recipe, run=tmp_path / "again", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "again")["kind"] == "data"


def test_a_clock_that_jumps_changes_nothing(
    make_recipe: MakeRecipe,
    tmp_path: Path,
    at_step: Callable[[int, Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time
    at_step(3, lambda: monkeypatch.setattr(time, "time", lambda: now() - 86_400))
    train(make_recipe(max_steps=5), run=tmp_path / "run", cache=tmp_path, progress=False)
    assert read_state(tmp_path / "run")["state"] == "done"
    assert all(0 < event["seconds"] < 3600 for event in read_events(tmp_path / "run"))
    assert [path.name for path in list_checkpoints(tmp_path / "run")] == ["step-00000005"]


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({}))
    with pytest.raises(ConfigError, match=r"cannot be written .*--run"):
        train(make_recipe(), run=tmp_path / "file" / "run", cache=tmp_path, progress=False)
