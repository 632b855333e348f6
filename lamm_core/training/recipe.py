"""What to train, on what, and how: the recipe, a YAML file.

Does not know how it is carried out. Relative paths in a recipe start at the folder the command is run in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from lamm_core.config import LammConfig, as_number, read_settings, refuse_unknown, require, require_choice, require_key
from lamm_core.errors import ConfigError

__all__ = ["DataSource", "Precision", "Schedule", "TrackerName", "TrainingRecipe"]

Schedule = Literal["linear", "cosine"]
Precision = Literal["bf16", "fp32"]
TrackerName = Literal["trackio", "wandb"]


@dataclass(frozen=True)
class DataSource:
    """One file of instructions; ``repeat`` says how often an epoch goes through it.

    ``sha256`` is the content hash of the export that the file belongs to; training refuses any other version.
    """

    path: str
    media_root: str | None = None
    repeat: int = 1
    split: str = "train"
    sha256: str | None = None

    def __post_init__(self) -> None:
        pinned = self.sha256 is None or (isinstance(self.sha256, str) and re.fullmatch("[0-9a-f]{64}", self.sha256))
        require(bool(pinned), "data.sha256", self.sha256, "the 64 digits that manifest.json gives as content_hash")
        require(isinstance(self.repeat, int) and self.repeat >= 1, "data.repeat", self.repeat, "a whole number above 0")


@dataclass(frozen=True)
class TrainingRecipe:
    """All settings of one training run.

    ``model`` is a configuration to start from, or the checkpoint folder or hub id to go on from. A step is
    ``accumulation`` batches, shared out among however many processes run; a batch holds at most ``batch_size`` samples
    and at most ``batch_tokens`` tokens with padding. Learning rates are the peaks; the projector's is the same as the
    adapters' where it is not given. ``warmup`` is the share of all steps. At each evaluation the first ``eval_answers``
    held-apart samples are answered in words. With ``shard`` several processes divide the frozen language model among
    them, for one that is too large for a card. ``track`` names programs that curves go to besides the run's own files.
    """

    model: LammConfig | str
    data: tuple[DataSource, ...]
    eval_fraction: float = 0.02
    eval_data: tuple[DataSource, ...] = ()
    eval_steps: int = 200
    eval_samples: int = 256
    eval_answers: int = 4
    epochs: int = 1
    max_steps: int | None = None
    max_tokens: int | None = None
    batch_tokens: int | None = 1024
    batch_size: int | None = None
    accumulation: int = 1
    learning_rate: float = 5e-4
    projector_learning_rate: float | None = None
    schedule: Schedule = "linear"
    warmup: float = 0.1
    weight_decay: float = 1e-3
    clip: float = 1.0
    precision: Precision = "bf16"
    quantize: Literal["nf4"] | None = None
    gradient_checkpointing: bool = False
    shard: bool = False
    seed: int = 0
    checkpoint_minutes: float = 10.0
    checkpoint_steps: int | None = None
    keep: int = 2
    track: tuple[TrackerName, ...] = ()
    out: str | None = None

    def __post_init__(self) -> None:
        require_choice(self.schedule, get_args(Schedule), "schedule")
        require_choice(self.precision, get_args(Precision), "precision")
        require(self.quantize in (None, "nf4"), "quantize", self.quantize, "nf4 or null")
        require(len(self.data) > 0, "data", self.data, "a list with at least one entry")
        for name in ("epochs", "accumulation", "keep", "eval_steps", "eval_samples"):
            whole = isinstance(getattr(self, name), int) and getattr(self, name) >= 1
            require(whole, name, getattr(self, name), "a whole number above 0")
        answers = isinstance(self.eval_answers, int) and self.eval_answers >= 0
        require(answers, "eval_answers", self.eval_answers, "a whole number, 0 or more")
        for name in ("max_steps", "max_tokens", "batch_tokens", "batch_size", "checkpoint_steps"):
            value = getattr(self, name)
            fits = value is None or (isinstance(value, int) and value >= 1)
            require(fits, name, value, "a whole number above 0, or null")
        for name in ("learning_rate", "clip", "checkpoint_minutes"):
            require(
                is_number(getattr(self, name)) and getattr(self, name) > 0,
                name,
                getattr(self, name),
                "a number above 0",
            )
        rate = self.projector_learning_rate
        positive = rate is None or (is_number(rate) and rate > 0)
        require(positive, "projector_learning_rate", rate, "a number above 0, or null")
        for name in ("eval_fraction", "warmup"):
            share = is_number(getattr(self, name)) and 0 <= getattr(self, name) < 1
            require(share, name, getattr(self, name), "a share from 0 to below 1")
        require(is_number(self.weight_decay) and self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        require(isinstance(self.shard, bool), "shard", self.shard, "true or false")
        for name in self.track:
            require_choice(name, get_args(TrackerName), "track")
        if self.batch_tokens is None and self.batch_size is None:
            raise ConfigError("Give batch_tokens or batch_size: without either a batch has no end.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingRecipe:
        """Raises ConfigError for a key or value that does not fit, naming the nearest valid key."""
        refuse_unknown(values, cls, where="the recipe")
        for key in ("model", "data"):
            require_key(values, key, where="the recipe")
        known = dict(values)
        if not isinstance(known["model"], str):
            known["model"] = LammConfig.from_dict(known["model"])
        if "track" in known:
            known["track"] = tuple(_listed(known["track"], "track", of="names"))
        for key in ("data", "eval_data"):
            if key in known:
                known[key] = tuple(_source(entry, key) for entry in _listed(known[key], key))
        for key in ("learning_rate", "projector_learning_rate", "weight_decay"):
            if key in known:
                known[key] = as_number(known[key], key)
        return cls(**known)

    @classmethod
    def from_yaml(cls, path: Path) -> TrainingRecipe:
        """Read a recipe file. Raises ConfigError naming the file."""
        return read_settings(path, cls.from_dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that YAML can hold; `from_dict` reads them back."""
        values = asdict(self)
        values["model"] = self.model if isinstance(self.model, str) else self.model.to_dict()
        values["track"] = list(self.track)
        values["data"] = [asdict(source) for source in self.data]
        values["eval_data"] = [asdict(source) for source in self.eval_data]
        return values

    def to_yaml(self) -> str:
        """The recipe as text."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


def is_number(value: Any) -> bool:
    """Whether a setting is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(value: Any, key: str, *, of: str = "files, each a path or keys and values") -> list[Any]:
    if not isinstance(value, list):
        raise ConfigError(f"{key} is {value!r}; expected a list of {of}.")
    return value


def _source(entry: Any, key: str) -> DataSource:
    if isinstance(entry, str):
        return DataSource(entry)
    refuse_unknown(entry, DataSource, where=key)
    require_key(entry, "path", where=key)
    return DataSource(**entry)
