"""Growing shares of one mix are nested, trained on, measured the same way, and drawn."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamm_core.data.instructions import read_samples
from lamm_core.errors import ConfigError
from lamm_core.evaluation.respondent import LocalModel, Respondent
from lamm_core.evaluation.scaling import scale, share_of_recipe
from lamm_core.evaluation.task import Task
from lamm_core.inference.engine import LocalEngine
from lamm_core.model.lamm import LammModel
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train


def test_smaller_shares_lie_inside_larger_ones(make_recipe: Callable[..., TrainingRecipe], tmp_path: Path) -> None:
    recipe = make_recipe(epochs=2)
    found = {}
    for share in (0.2, 0.6, 1.0):
        reduced, records = share_of_recipe(recipe, share, tmp_path / str(share), equal_steps=False)
        samples = list(read_samples(reduced.data[0].path))
        assert len(samples) == records and reduced.epochs == 2
        assert all(medium.path.is_file() for sample in samples for medium in sample.media)
        found[share] = {(sample.id, sample.turns) for sample in samples}
    whole = list(read_samples(recipe.data[0].path))
    assert found[0.2] < found[0.6] < found[1.0] and len(found[1.0]) == len(whole)
    assert share_of_recipe(recipe, 0.5, tmp_path / "equal", equal_steps=True)[0].epochs == 4


@pytest.mark.slow
def test_each_share_is_trained_measured_and_drawn_and_a_second_call_goes_on(
    make_recipe: Callable[..., TrainingRecipe], tmp_path: Path, naming: Any
) -> None:
    calls: list[Path] = []

    def trained(recipe: TrainingRecipe, folder: Path) -> Path:
        calls.append(folder)
        return train(recipe, run=folder, cache=tmp_path / "cache", progress=False)

    def loaded(folder: Path, task: Task) -> Respondent:
        engine = LocalEngine(LammModel.from_pretrained(folder, cache=tmp_path / "cache"))
        return LocalModel(engine, adapter="image", batch=4, identity={"name": str(folder)})

    class Shown(type(naming)):  # type: ignore[misc]
        def samples(self, data: Path, media: Path, **_: Any) -> list[Any]:
            kept = list(read_samples(make_recipe().data[0].path))[:4]
            return [dataclasses.replace(one, turns=one.turns[:1], target="CAT") for one in kept]

    def both() -> dict[str, Any]:
        return scale(
            make_recipe(max_steps=2), shares=(1.0, 0.5), tasks=[Shown()], data=tmp_path, out=tmp_path / "out",
            train=trained, respondent=loaded,
        )  # fmt: skip

    result = both()
    assert [point["share"] for point in result["points"]] == [0.5, 1.0]
    assert result["points"][0]["records"] < result["points"][1]["records"]
    assert all(point["n"] == 4 and point["blind"] is not None for point in result["points"])
    assert json.loads((tmp_path / "out" / "scaling.json").read_text())["points"] == result["points"]
    chart = (tmp_path / "out" / "scaling.html").read_text()
    assert "naming, right" in chart and 'src="http' not in chart
    assert len(calls) == 2 and both() == result and len(calls) == 2


def test_shares_that_are_none_are_refused(make_recipe: Callable[..., TrainingRecipe], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="above 0 and at most 1"):
        scale(make_recipe(), shares=(30,), tasks=[], data=tmp_path, out=tmp_path, train=lambda *_: tmp_path,
              respondent=lambda *_: pytest.fail("not reached"))  # fmt: skip
    with pytest.raises(ConfigError, match="not a single record"):
        share_of_recipe(make_recipe(), 1e-9, tmp_path / "none", equal_steps=False)
