"""No picture is on both sides, whatever its file is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator
from rich.progress import Progress

from lamm_core.training.preparation import Prepared, prepare
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import build_model

MakeRecipe = Callable[..., TrainingRecipe]


def pictures(examples: list[Any]) -> set[str]:
    return {key for example in examples for _, key in example.media}


@pytest.fixture
def run(make_recipe: MakeRecipe, tmp_path: Path) -> Callable[..., Prepared]:
    def prepared(**settings: Any) -> Prepared:
        recipe = make_recipe(**settings)
        model = build_model(recipe, cache=tmp_path)
        return prepare(recipe, model, cache=tmp_path, accelerator=Accelerator(), bars=Progress(disable=True))

    return prepared


def test_the_sides_share_no_picture_and_follow_from_the_seed(
    run: Callable[..., Prepared], squares: Path, tmp_path: Path
) -> None:
    records = json.loads(squares.read_text())
    copy = tmp_path / "copy.png"  # the same picture under another name, in another file
    copy.write_bytes((squares.parent / records[0]["image"]).read_bytes())
    other = tmp_path / "other.json"
    other.write_text(json.dumps([records[0] | {"image": str(copy)}, *records[1:]]))
    sources = [str(squares), {"path": str(other), "media_root": str(squares.parent)}]
    found = run(data=sources, eval_fraction=0.3)
    assert pictures(found.train) and pictures(found.evaluation)
    assert not pictures(found.train) & pictures(found.evaluation)
    assert len(found.train) + len(found.evaluation) == 96
    assert pictures(run(data=sources, eval_fraction=0.3).evaluation) == pictures(found.evaluation)
    assert pictures(run(data=sources, eval_fraction=0.3, seed=1).evaluation) != pictures(found.evaluation)


def test_a_sample_with_pictures_of_both_sides_is_left_out(
    run: Callable[..., Prepared], squares: Path, tmp_path: Path
) -> None:
    records = json.loads(squares.read_text())
    pairs = [
        records[index] | {"id": f"pair-{index}", "image": [records[index]["image"], records[index + 1]["image"]]}
        for index in range(40)
    ]
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps(pairs))
    found = run(data=[{"path": str(path), "media_root": str(squares.parent)}], eval_fraction=0.4)
    assert found.dropped and all("both sides" in reason for reason in found.dropped.values())
    assert not pictures(found.train) & pictures(found.evaluation)


def test_what_an_evaluation_file_shows_is_not_learned(
    run: Callable[..., Prepared], squares: Path, tmp_path: Path
) -> None:
    measured = tmp_path / "measured.json"
    measured.write_text(json.dumps(json.loads(squares.read_text())[:5]))
    found = run(eval_data=[{"path": str(measured), "media_root": str(squares.parent)}])
    assert (len(found.evaluation), len(found.train), len(found.dropped)) == (5, 43, 5)
    assert not pictures(found.train) & pictures(found.evaluation)


def test_repeat_shows_a_file_more_often(run: Callable[..., Prepared], squares: Path) -> None:
    found = run(data=[{"path": str(squares), "repeat": 3}], eval_fraction=0.0)
    assert len(found.train) == 3 * 48
    assert len({example.sample_id for example in found.train}) == 48
