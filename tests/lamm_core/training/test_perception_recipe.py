"""The recipe of encoder tuning refuses what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lamm_core.errors import ConfigError
from lamm_core.training.perception_recipe import EncoderRecipe

SHIPPED = Path(__file__).resolve().parents[3] / "lamm_core" / "recipes" / "perception.yaml"
WORDS = {"path": "words", "kind": "words"}
GOOD: dict[str, Any] = {"folders": [WORDS], "reading": {"seconds": 2}}


def test_the_shipped_recipe_is_valid() -> None:
    recipe = EncoderRecipe.from_yaml(SHIPPED)
    assert recipe.scene and recipe.small and recipe.reading
    assert {folder.kind for folder in recipe.folders} == {"small", "people", "objects", "words"}


def test_a_recipe_reads_back_as_written(tmp_path: Path) -> None:
    recipe = EncoderRecipe.from_yaml(SHIPPED)
    (tmp_path / "again.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert EncoderRecipe.from_yaml(tmp_path / "again.yaml") == recipe


def test_exponents_are_numbers() -> None:
    recipe = EncoderRecipe.from_dict({**GOOD, "reading": {"seconds": 2, "learning_rate": "1e-4"}})
    assert recipe.reading is not None and recipe.reading.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"held_appart": 0.1}, "Did you mean 'held_apart'"),
        ({"reading": {"seconds": 2, "lerning_rate": 1}}, "reading has no setting 'lerning_rate'. Did you mean 'learn"),
        ({"reading": {}}, "reading needs the setting 'seconds'"),
        ({"reading": {"seconds": 2, "learning_rate": "fast"}}, "reading.learning_rate is 'fast'"),
        ({"reading": {"seconds": -1}}, "reading.seconds is -1; expected a number above 0"),
        ({"reading": {"seconds": 1, "batch": 1.5}}, "reading.batch is 1.5"),
        ({"reading": None}, "settings here, or under small or reading"),
        ({"small": {"seconds": 2}}, "one of kind small for small"),
        ({"scene": {"seconds": 2}}, "one of kind small, objects, people for scene"),
        ({"scene": {"seconds": 2, "small_share": 2}}, "scene.small_share is 2"),
        ({"folders": [{**WORDS, "kind": "word"}]}, "Did you mean 'words'"),
        ({"folders": [{**WORDS, "wieght": 1}]}, "Did you mean 'weight'"),
        ({"folders": [{"path": "x"}]}, "folders needs the setting 'kind'"),
        ({"folders": {}}, "folders is {}; expected a list"),
        ({"held_apart": 1}, "held_apart is 1"),
        ({"evaluate_seconds": 0}, "evaluate_seconds is 0"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        EncoderRecipe.from_dict({**GOOD, **change})
    assert words in str(error.value)


def test_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("folders: []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: "):
        EncoderRecipe.from_yaml(tmp_path / "mine.yaml")
