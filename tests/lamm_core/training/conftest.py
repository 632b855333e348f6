"""A data set of coloured squares and a recipe on the tiny models; small enough that a run takes a second.

Does not know what is tested.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lamm_core.training.recipe import TrainingRecipe

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 220)}
MakeRecipe = Callable[..., TrainingRecipe]


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LAMM JSON file of 48 pictures of one colour each, with answers of different lengths."""
    folder = tmp_path_factory.mktemp("squares")
    choose = random.Random(0)
    records = []
    for index in range(48):
        name = choose.choice(list(COLOURS))
        shade = tuple(value + choose.randint(-20, 20) for value in COLOURS[name])
        Image.new("RGB", (32, 32), shade).save(folder / f"{index}.png")
        answer = f"It is {name}." + " Yes." * choose.randint(0, 3)
        turns = [{"from": "human", "value": "Which colour?"}, {"from": "gpt", "value": answer}]
        records.append({"id": f"square-{index}", "image": f"{index}.png", "conversations": turns})
    path = folder / "squares.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


@pytest.fixture
def make_recipe(squares: Path, tiny_lm_folder: Path, tiny_clip_folder: Path) -> MakeRecipe:
    """A recipe on tiny models and coloured squares; keyword arguments replace its settings."""

    def make(**settings: Any) -> TrainingRecipe:
        values: dict[str, Any] = {
            "model": {
                "language_model": str(tiny_lm_folder),
                "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}", "lora": {"r": 4, "alpha": 8}}},
            },
            "data": [{"path": str(squares)}],
            "eval_fraction": 0.15,
            "batch_tokens": 256,
            "learning_rate": 5e-3,
            "max_steps": 12,
            "eval_steps": 6,
            "precision": "fp32",
        }
        return TrainingRecipe.from_dict(values | settings)

    return make
