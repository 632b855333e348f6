"""What to tune the perception encoder on and for how long: the recipe, a YAML file.

Does not know how it is carried out. Relative paths start at the folder the command is run in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from lamm_core.config import as_number, read_settings, refuse_unknown, require, require_choice, require_key
from lamm_core.training.perception_data import KINDS, Kind
from lamm_core.training.recipe import is_number

__all__ = ["EncoderRecipe", "PicturesFolder", "ReadingSettings", "SceneSettings", "SmallSettings"]


@dataclass(frozen=True)
class PicturesFolder:
    """A folder of pairs. Weights compare folders of objects and people, and folders of words, with each other."""

    path: str
    kind: Kind
    weight: float = 1.0

    def __post_init__(self) -> None:
        require_choice(self.kind, KINDS, "folders.kind")
        _above_zero(self, "folders", "weight")


@dataclass(frozen=True)
class SceneSettings:
    """How long and how fast the scene stream learns; ``small_share`` of its batches are small pictures."""

    seconds: float
    learning_rate: float = 5e-4
    small_share: float = 0.5
    small_batch: int = 64
    batch: int = 16

    def __post_init__(self) -> None:
        _above_zero(self, "scene", "seconds", "learning_rate")
        _whole(self, "scene", "small_batch", "batch")
        fits = is_number(self.small_share) and 0 <= self.small_share <= 1
        require(fits, "scene.small_share", self.small_share, "a share from 0 to 1")


@dataclass(frozen=True)
class SmallSettings:
    """How long and how fast the small stream learns."""

    seconds: float
    learning_rate: float = 5e-4
    batch: int = 64

    def __post_init__(self) -> None:
        _above_zero(self, "small", "seconds", "learning_rate")
        _whole(self, "small", "batch")


@dataclass(frozen=True)
class ReadingSettings:
    """How long and how fast the reading stream learns."""

    seconds: float
    learning_rate: float = 1e-3
    batch: int = 48

    def __post_init__(self) -> None:
        _above_zero(self, "reading", "seconds", "learning_rate")
        _whole(self, "reading", "batch")


@dataclass(frozen=True)
class EncoderRecipe:
    """All settings of one run; a stream without settings is left out.

    ``held_apart`` is the share of each folder's pictures that is only measured on, every ``evaluate_seconds``.
    A killed run goes on from what it wrote every ``checkpoint_seconds``.
    """

    folders: tuple[PicturesFolder, ...]
    scene: SceneSettings | None = None
    small: SmallSettings | None = None
    reading: ReadingSettings | None = None
    held_apart: float = 0.04
    evaluate_seconds: float = 420.0
    checkpoint_seconds: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        share = is_number(self.held_apart) and 0 <= self.held_apart < 1
        require(share, "held_apart", self.held_apart, "a share from 0 to below 1")
        _above_zero(self, "", "evaluate_seconds", "checkpoint_seconds")
        require(isinstance(self.seed, int), "seed", self.seed, "a whole number")
        streams = self.scene or self.small or self.reading
        require(bool(streams), "scene", None, "settings here, or under small or reading")
        kinds = {folder.kind for folder in self.folders}
        if self.scene:
            scenes = ("small", "objects", "people")
            require(bool(kinds & set(scenes)), "folders", sorted(kinds), f"one of kind {', '.join(scenes)} for scene")
        if self.small:
            require("small" in kinds, "folders", sorted(kinds), "one of kind small for small")
        if self.reading:
            require("words" in kinds, "folders", sorted(kinds), "one of kind words for reading")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncoderRecipe:
        """Raises ConfigError for a key or value that does not fit, naming the nearest valid key."""
        refuse_unknown(values, cls, where="the recipe")
        require_key(values, "folders", where="the recipe")
        known = dict(values)
        require(isinstance(known["folders"], list), "folders", known["folders"], "a list")
        known["folders"] = tuple(_settings(PicturesFolder, one, "folders") for one in known["folders"])
        for name, kind in (("scene", SceneSettings), ("small", SmallSettings), ("reading", ReadingSettings)):
            if known.get(name) is not None:
                known[name] = _settings(kind, known[name], name)
        return cls(**known)

    @classmethod
    def from_yaml(cls, path: Path) -> EncoderRecipe:
        """Read a recipe file. Raises ConfigError naming the file."""
        return read_settings(path, cls.from_dict)

    def to_yaml(self) -> str:
        """The recipe as text that `from_yaml` reads back."""
        values = asdict(self)
        values["folders"] = list(values["folders"])
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _settings(kind: type[Any], values: Any, where: str) -> Any:
    refuse_unknown(values, kind, where=where)
    for key in ("path", "kind") if kind is PicturesFolder else ("seconds",):
        require_key(values, key, where=where)
    known = dict(values)
    if "learning_rate" in known:
        known["learning_rate"] = as_number(known["learning_rate"], f"{where}.learning_rate")
    return kind(**known)


def _above_zero(settings: Any, where: str, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        require(is_number(value) and value > 0, f"{where}.{name}".lstrip("."), value, "a number above 0")


def _whole(settings: Any, where: str, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        require(isinstance(value, int) and value > 0, f"{where}.{name}", value, "a whole number above 0")
