"""What a model is made of: the language model, and for each modality its encoder, projector and LoRA.

Does not know how the parts are built or trained; standard library and YAML only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml

from lamm_core.errors import ConfigError
from lamm_core.registry import nearest

__all__ = [
    "LammConfig",
    "LoraSettings",
    "ModalitySettings",
    "ProjectorKind",
    "TemplateName",
    "as_number",
    "read_settings",
    "read_yaml",
    "refuse_unknown",
]

ProjectorKind = Literal["linear", "mlp", "words"]
TemplateName = Literal["chat", "vicuna_v0", "llama2"]
Built = TypeVar("Built")


@dataclass(frozen=True)
class LoraSettings:
    """The low-rank adapter of one modality; LAMM used r=32, alpha=32 on the same four projections."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")

    def __post_init__(self) -> None:
        require(isinstance(self.r, int) and self.r > 0, "lora.r", self.r, "a whole number above 0")
        require(isinstance(self.alpha, int) and self.alpha > 0, "lora.alpha", self.alpha, "a whole number above 0")
        dropout_fits = isinstance(self.dropout, int | float) and 0 <= self.dropout < 1
        require(dropout_fits, "lora.dropout", self.dropout, "a number from 0 to below 1")
        named = not isinstance(self.targets, str) and len(self.targets) > 0
        require(named, "lora.targets", self.targets, "a list of layer names")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LoraSettings:
        """Raises ConfigError for a key or value that does not fit."""
        refuse_unknown(values, cls, where="lora")
        known = dict(values)
        if "targets" in known and not isinstance(known["targets"], str):
            known["targets"] = tuple(known["targets"])
        return cls(**known)


@dataclass(frozen=True)
class ModalitySettings:
    """How one modality reaches the language model; ``options`` goes to the encoder as it stands."""

    encoder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    projector: ProjectorKind = "mlp"
    lora: LoraSettings = field(default_factory=LoraSettings)

    def __post_init__(self) -> None:
        require_choice(self.projector, get_args(ProjectorKind), "projector")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, where: str = "modality") -> ModalitySettings:
        """Raises ConfigError for a key or value that does not fit; ``where`` names the place in the message."""
        refuse_unknown(values, cls, where=where)
        require_key(values, "encoder", where=where)
        known = dict(values)
        if "lora" in known:
            known["lora"] = LoraSettings.from_dict(known["lora"])
        return cls(**known)


@dataclass(frozen=True)
class LammConfig:
    """One multimodal model. ``language_model`` is a backbone of ours, a folder or a hub id."""

    language_model: str
    modalities: Mapping[str, ModalitySettings]
    template: TemplateName = "chat"
    system: str = ""

    def __post_init__(self) -> None:
        require_choice(self.template, get_args(TemplateName), "template")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LammConfig:
        """Raises ConfigError for a key or value that does not fit."""
        refuse_unknown(values, cls, where="the model")
        for key in ("language_model", "modalities"):
            require_key(values, key, where="the model")
        require(isinstance(values["modalities"], Mapping), "modalities", values["modalities"], "a mapping by name")
        known = dict(values)
        known["modalities"] = {
            name: ModalitySettings.from_dict(settings, where=f"modalities.{name}")
            for name, settings in values["modalities"].items()
        }
        return cls(**known)

    @classmethod
    def from_yaml(cls, path: Path) -> LammConfig:
        """Read a YAML file. Raises ConfigError naming the file."""
        return read_settings(path, cls.from_dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold; `from_dict` reads them back."""
        values = asdict(self)
        for settings in values["modalities"].values():
            settings["lora"]["targets"] = list(settings["lora"]["targets"])
        return values


def read_settings(path: Path, build: Callable[[dict[str, Any]], Built]) -> Built:
    """What ``build`` makes of the mapping in a YAML file. Raises ConfigError naming the file."""
    values = read_yaml(path)
    try:
        return build(values)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError where there is none."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}. Give the path of a YAML file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path.name} holds {type(values).__name__}; expected keys and values.")
    return values


def refuse_unknown(values: Mapping[str, Any], settings: type[Any], *, where: str) -> None:
    """Raise ConfigError for the first key that dataclass ``settings`` does not have, naming the nearest one."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be keys and values, and is {values!r}.")
    valid = [one.name for one in fields(settings)]
    for key in values:
        if key not in valid:
            close = nearest(str(key), valid)
            hint = f" Did you mean {close!r}?" if close else ""
            raise ConfigError(f"{where} has no setting {key!r}.{hint} Known: {', '.join(sorted(valid))}.")


def require_key(values: Mapping[str, Any], key: str, *, where: str) -> None:
    """Raise ConfigError where a key without a default is missing."""
    if key not in values:
        raise ConfigError(f"{where} needs the setting {key!r}.")


def require_choice(value: Any, choices: tuple[str, ...], name: str) -> None:
    """Raise ConfigError where the value is none of the choices."""
    if value not in choices:
        close = nearest(str(value), choices)
        hint = f" Did you mean {close!r}?" if close else ""
        raise ConfigError(f"{name} is {value!r}.{hint} Known: {', '.join(choices)}.")


def as_number(value: Any, name: str) -> Any:
    """The value, a number where it is one in text: YAML 1.1 reads 5e-4 as text. Raises ConfigError."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError as error:
        raise ConfigError(f"{name} is {value!r}; expected a number.") from error


def require(fits: bool, name: str, value: Any, expected: str) -> None:
    """Raise ConfigError naming the setting, its value and what it may be."""
    if not fits:
        raise ConfigError(f"{name} is {value!r}; expected {expected}.")
