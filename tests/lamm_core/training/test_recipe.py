"""Recipes: every shipped one is valid, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lamm_core
from lamm_core.config import LammConfig
from lamm_core.errors import ConfigError
from lamm_core.training.recipe import DataSource, TrainingRecipe

SHIPPED = sorted((Path(lamm_core.__file__).parent / "recipes").glob("lamm-*.yaml"))
MODEL = {"language_model": "smollm2-135m-instruct", "modalities": {"image": {"encoder": "efficientnet-lite0"}}}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    recipe = TrainingRecipe.from_yaml(path)
    assert TrainingRecipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize("name", ["lamm-7b", "lamm-13b"])
def test_the_large_recipes_train_as_lamm_did(name: str) -> None:
    recipe = TrainingRecipe.from_yaml(next(path for path in SHIPPED if path.stem == name))
    assert isinstance(recipe.model, LammConfig)
    image = recipe.model.modalities["image"]
    assert (image.lora.r, image.lora.alpha, image.lora.dropout, image.projector) == (32, 32, 0.1, "linear")
    assert image.lora.targets == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert (recipe.epochs, (recipe.batch_size or 0) * recipe.accumulation) == (2, 64)
    assert (recipe.learning_rate, recipe.weight_decay, recipe.clip, recipe.warmup) == (5e-4, 1e-3, 1.0, 0.1)
    assert (recipe.schedule, recipe.quantize, recipe.model.template) == ("linear", "nf4", "vicuna_v0")


def test_a_recipe_survives_yaml(tmp_path: Path) -> None:
    recipe = TrainingRecipe.from_dict({"model": MODEL, "data": ["a.json", {"path": "b.json", "repeat": 3}]})
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    assert TrainingRecipe.from_yaml(tmp_path / "recipe.yaml") == recipe
    assert recipe.data == (DataSource("a.json"), DataSource("b.json", repeat=3))


def test_an_unknown_key_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("model: folder\ndata: [a.json]\nlearning_rates: 1\n")
    with pytest.raises(ConfigError, match=r"recipe\.yaml.*learning_rates.*'learning_rate'"):
        TrainingRecipe.from_yaml(tmp_path / "recipe.yaml")


def test_a_checkpoint_folder_may_stand_for_the_model() -> None:
    assert TrainingRecipe.from_dict({"model": "runs/first/model", "data": ["a.json"]}).model == "runs/first/model"


def test_a_rate_that_yaml_reads_as_text_is_a_number() -> None:
    assert TrainingRecipe.from_dict({"model": "m", "data": ["a"], "learning_rate": "5e-4"}).learning_rate == 5e-4


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"epochs": 0}, "epochs"),
        ({"max_steps": 0}, "max_steps"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"projector_learning_rate": 0}, "projector_learning_rate"),
        ({"schedule": "cosinus"}, "cosine"),
        ({"precision": "fp16"}, "precision"),
        ({"quantize": "int8"}, "quantize"),
        ({"eval_fraction": 1.0}, "eval_fraction"),
        ({"warmup": -0.1}, "warmup"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"clip": True}, "clip"),
        ({"data": []}, "data"),
        ({"data": "a.json"}, "data"),
        ({"data": [{"path": "a", "repeat": 0}]}, "repeat"),
        ({"data": [{"pfad": "a"}]}, "pfad"),
        ({"batch_tokens": None}, "batch_size"),
        ({"model": {"language_model": "x"}}, "modalities"),
    ],
)
def test_a_wrong_value_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        TrainingRecipe.from_dict({"model": MODEL, "data": ["a.json"]} | wrong)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(ConfigError, match="model"):
        TrainingRecipe.from_dict({"data": ["a.json"]})


def test_a_version_is_named_by_its_whole_hash() -> None:
    with pytest.raises(ConfigError, match=r"data\.sha256"):
        TrainingRecipe.from_dict({"model": "a", "data": [{"path": "a.json", "sha256": "12"}]})


def test_a_named_version_is_kept_in_the_recipe() -> None:
    recipe = TrainingRecipe.from_dict({"model": "a", "data": [{"path": "a.json", "sha256": "0" * 64}]})
    assert TrainingRecipe.from_dict(recipe.to_dict()) == recipe
