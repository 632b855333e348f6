"""Features ahead of training: every worker does its share, and training finds all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lamm_core.errors import DataError
from lamm_core.launchers.features import compute_ahead
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import train

MakeRecipe = Callable[..., TrainingRecipe]


@pytest.mark.slow
def test_two_workers_leave_nothing_for_training_to_encode(
    make_recipe: MakeRecipe, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = json.loads(squares.read_text())[:24]
    (tmp_path / "broken.png").write_text("no picture")
    records.append({**records[0], "id": "broken", "image": str(tmp_path / "broken.png")})
    path = tmp_path / "some.json"
    path.write_text(json.dumps(records))
    recipe = make_recipe(data=[{"path": str(path), "media_root": str(squares.parent)}], max_steps=1)
    seen: list[tuple[int, int]] = []
    found = compute_ahead(recipe, cache=tmp_path, workers=2, advance=lambda done, total: seen.append((done, total)))
    assert found.media == 25 and seen[-1] == (25, 25)
    assert [Path(name).name for name in found.failures] == ["broken.png"]

    monkeypatch.setattr("lamm_core.model.encoding.modality", lambda name: pytest.fail("it is in the cache"))
    path.write_text(json.dumps(records[:24]))
    train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False)


@pytest.mark.slow
def test_a_worker_that_cannot_begin_is_said(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ended early"):
        compute_ahead(make_recipe(data=[str(tmp_path / "none.json")]), cache=tmp_path)
