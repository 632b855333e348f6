"""What is said of a recipe before it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamm_core.training.check_command import histogram
from lamm_core.training.preflight import CheckReport, check, check_files, note_worst
from lamm_core.training.recipe import TrainingRecipe

MakeRecipe = Callable[..., TrainingRecipe]


def test_the_first_batch_is_shown_as_the_model_sees_it(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    report = check(make_recipe(batch_size=2, batch_tokens=None), cache=tmp_path, probe=True)
    assert report.fine and report.samples == 48 and report.media == 48
    pieces = report.first_batch[0].pieces
    assert any(piece.medium.endswith("0.png") and piece.tokens == 16 for piece in pieces)
    learned = "".join(piece.text for piece in pieces if piece.learned)
    assert learned.startswith("It is ") and learned.endswith("<|im_end|>")
    assert "Which colour?" in "".join(piece.text for piece in pieces if not piece.learned)
    assert set(report.media_tokens) == {16} and min(report.text_tokens) > 10
    assert sum(report.memory.values()) > 0
    assert report.probed_bytes is not None and report.probed_bytes > 0
    assert CheckReport.from_json(report.to_json()) == report


def test_missing_files_and_broken_records_are_problems_with_a_way_out(
    make_recipe: MakeRecipe, squares: Path, tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = json.loads(squares.read_text(encoding="utf-8"))
    (tmp_path / "moved.json").write_text(json.dumps(records), encoding="utf-8")
    (tmp_path / "broken.json").write_text('[{"conversations": []}]', encoding="utf-8")
    (tmp_path / "empty.json").write_text("[]", encoding="utf-8")
    names = ("moved.json", "broken.json", "empty.json", "absent.json")
    recipe = make_recipe(data=[{"path": str(tmp_path / name)} for name in names])
    report = CheckReport()
    check_files(recipe, report)
    said = "\n".join(report.problems)
    assert "48 of its media are missing" in said and "media_root" in said
    assert "broken.json, record 0" in said
    assert "empty.json holds no samples" in said
    assert "There is no file" in said and "absent.json" in said
    assert len(report.problems) == len(names)  # each said once
    assert not check(recipe, cache=tmp_path).fine


def test_what_is_measured_on_is_no_part_of_an_epoch_and_nothing_to_measure_is_remarked(
    make_recipe: MakeRecipe, squares: Path
) -> None:
    source, report = {"path": str(squares), "repeat": 2}, CheckReport()
    check_files(make_recipe(data=[source], eval_data=[str(squares)], eval_fraction=0.0), report)
    assert report.fine and report.samples == 2 * 48 and not report.remarks
    check_files(make_recipe(data=[source], eval_data=[], eval_fraction=0.0), report)
    assert "eval_fraction" in report.remarks[0]


def test_another_version_than_the_recipe_names_is_a_problem(make_recipe: MakeRecipe, squares: Path) -> None:
    report = CheckReport()
    check_files(make_recipe(data=[{"path": str(squares), "sha256": "0" * 64}]), report)
    assert len(report.problems) == 1 and "manifest.json" in report.problems[0]


def test_a_model_that_is_not_there_is_a_problem(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    report = check(make_recipe(model=str(tmp_path / "nothing")), cache=tmp_path)
    assert len(report.problems) == 1


@pytest.mark.parametrize("name", ["lamm-7b", "lamm-13b"])
def test_the_large_recipes_are_estimated_without_their_weights(name: str, tmp_path: Path) -> None:
    report = CheckReport()
    recipe = TrainingRecipe.from_yaml(Path(f"lamm_core/recipes/{name}.yaml"))
    note_worst(recipe, report, cache=tmp_path)
    assert 4e9 < sum(report.memory.values()) < 24 * 2**30
    assert report.memory_device == "cuda"


def test_a_histogram_is_a_row_of_bars() -> None:
    assert histogram([1, 1, 1, 12], columns=12) == "█          ▃"
    assert histogram([5, 5]) == "█" + " " * 11
