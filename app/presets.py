"""Recipes to start from: those that are shipped, as the page offers them.

Does not know runs. Paths in them start at this program's folder, wherever the page was started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app.settings import REPOSITORY
from lamm_core.config import LammConfig, ModalitySettings
from lamm_core.errors import ConfigError
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["PRESETS", "Preset", "preset_text"]

RECIPES = REPOSITORY / "lamm_core" / "recipes"
SHIPPED = REPOSITORY / "assets" / "lamm-mini"


@dataclass(frozen=True)
class Preset:
    """A recipe to start from, with a sentence on what it is for."""

    name: str
    file: str
    words: str


PRESETS: tuple[Preset, ...] = (
    Preset("lamm-mini", "lamm-mini.yaml", "135M language model with our own eyes, anew. Trains on any laptop."),
    Preset("lamm-mini, further", "lamm-mini-further.yaml", "Goes on from the shipped model, with what was reviewed."),
    Preset("7B on 24 GB", "lamm-7b.yaml", "Vicuna-7B in 4 bits with CLIP. Made for one RTX 3090 or 4090."),
    Preset("13B on 24 GB", "lamm-13b.yaml", "Vicuna-13B in 4 bits with CLIP. Just fits one 24 GB card."),
)


def preset_text(name: str) -> str:
    """The YAML of a preset, comments left out: what is shown is what will be stored. Raises ConfigError."""
    chosen = next((one for one in PRESETS if one.name == name), None)
    if chosen is None:
        raise ConfigError(f"There is no preset {name!r}. Known: {', '.join(one.name for one in PRESETS)}.")
    recipe = TrainingRecipe.from_yaml(RECIPES / chosen.file)
    if isinstance(recipe.model, str):
        return replace(recipe, model=str(REPOSITORY / recipe.model)).to_yaml()
    return replace(recipe, model=_with_shipped_eyes(recipe.model)).to_yaml()


def _with_shipped_eyes(model: LammConfig) -> LammConfig:
    """An encoder that is to be tuned first is the shipped model's where nobody has tuned it here."""

    def seeing(name: str, settings: ModalitySettings) -> ModalitySettings:
        tuned, shipped = settings.options.get("weights"), SHIPPED / f"encoder-{name}.safetensors"
        if tuned is None or Path(tuned).exists() or not shipped.is_file():
            return settings
        options: Mapping[str, object] = {**settings.options, "weights": str(shipped)}
        return replace(settings, options=options)

    return replace(model, modalities={name: seeing(name, one) for name, one in model.modalities.items()})
