"""A recipe of generation: which sets, which kinds, how many pairs of each; YAML in, frozen values out.

Does not know clients. Unknown keys are refused with the nearest known one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from annotation.generation.slotting import TASKS
from annotation.sources import READERS, Opened
from lamm_core.errors import ConfigError
from lamm_core.registry import lookup, nearest

__all__ = ["KINDS", "Part", "Recipe", "load_recipe", "of_sources", "shipped"]

KINDS = ("C1", "C2", "C3", "C4")


@dataclass(frozen=True)
class Part:
    """So many pairs of one kind from one set; ``each`` are the pairs made of one source.

    ``query_tokens`` and ``answer_tokens`` are what an estimate takes where the files are not there to measure.
    ``tasks`` are those of C4. ``given`` is a set opened already, which needs no folder.
    """

    source: str
    kind: str
    items: int | None
    folder: str = "."
    files: Mapping[str, str] = field(default_factory=dict)
    each: int = 1
    tasks: tuple[str, ...] = ()
    query_tokens: int = 1200
    answer_tokens: int = 300
    given: Opened | None = None

    def __post_init__(self) -> None:
        reader = lookup(READERS, self.source, kind="reader of sources")
        if self.kind not in KINDS:
            raise ConfigError(f"{self.kind!r} is no kind; kinds are {', '.join(KINDS)}.")
        if self.kind not in reader.kinds:
            known = ", ".join(reader.kinds)
            raise ConfigError(f"{self.source} has not what {self.kind} needs; it feeds {known}.")
        for name, value in (("items", self.items), ("each", self.each)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ConfigError(f"{name} of {self.source} must be a whole number from 1 on, not {value!r}.")
        for task in self.tasks:
            lookup(TASKS, task, kind="task of C4")

    def open(self, data: Path | None) -> Opened:
        """The set's files under ``data``. Raises DataError where one is missing."""
        if self.given:
            return self.given
        if data is None:
            raise ConfigError(f"The recipe reads {self.source}: --data must name the folder that holds {self.folder}/.")
        reader = READERS[self.source]
        return Opened(reader, reader.at(data / self.folder, {name: Path(path) for name, path in self.files.items()}))


@dataclass(frozen=True)
class Recipe:
    """Parts, made one after the other."""

    name: str
    about: str
    parts: tuple[Part, ...]

    @property
    def items(self) -> int | None:
        """All pairs; None where a part takes what there is."""
        counts = [part.items for part in self.parts]
        return None if None in counts else sum(count for count in counts if count is not None)


def shipped() -> list[str]:
    """The recipes that come with the package."""
    names = (entry.name for entry in (resources.files("annotation") / "recipes").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name != "prices.yaml")


def load_recipe(name: str) -> Recipe:
    """A shipped recipe by its name, else the YAML file of that path. Raises ConfigError naming what is wrong."""
    if name in shipped():
        text = (resources.files("annotation") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise ConfigError(f"There is no recipe {name!r}. Shipped: {', '.join(shipped())}; or give a YAML file.")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"The recipe {name} is not valid YAML: {error}.") from error
    values = _known(content, {"name", "about", "parts"}, name)
    parts = values.get("parts")
    if not isinstance(parts, list) or not parts:
        raise ConfigError(f"The recipe {name} has no 'parts:' list.")
    return Recipe(str(values.get("name", Path(name).stem)), str(values.get("about", "")), tuple(map(_part, parts)))


def _part(content: Any) -> Part:
    keys = {"source", "kind", "items", "folder", "files", "each", "tasks", "query_tokens", "answer_tokens"}
    values = _known(content, keys, "a part")
    missing = {"source", "kind", "items"} - set(values)
    if missing:
        raise ConfigError(f"A part of the recipe has no {sorted(missing)[0]!r}: {values}.")
    return Part(**{**values, "tasks": tuple(values.get("tasks", ()))})


def _known(content: Any, keys: set[str], where: str) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} is not a mapping of keys to values.")
    for key in content:
        if key not in keys:
            close = nearest(str(key), keys)
            hint = f" Did you mean {close!r}?" if close else ""
            raise ConfigError(f"{where} has the unknown key {key!r}.{hint} Known: {', '.join(sorted(keys))}.")
    return dict(content)


def of_sources(opened: list[Opened], kinds: list[str], *, limit: int | None, each: int = 1) -> Recipe:
    """A recipe of sets given on the command line: every kind of every set that can feed it, ``limit`` pairs of each."""
    parts = [
        Part(one.reader.name, kind, limit, each=each, given=one)
        for one in opened
        for kind in kinds
        if kind in one.reader.kinds
    ]
    if not parts:
        can = "; ".join(f"{one.reader.name}: {', '.join(one.reader.kinds)}" for one in opened)
        raise ConfigError(f"None of the sources feeds {', '.join(kinds)}. {can}.")
    return Recipe("sources", "sets given on the command line", tuple(parts))
