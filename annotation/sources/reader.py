"""What a reader of a published format is: its files, its terms, the kinds of data it can feed, and its function.

Does not know any format; the readers are listed in the package's ``__init__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.sources.source import Broken, Source
from lamm_core.errors import DataError

__all__ = ["Expected", "Files", "Reader", "number", "share"]

Files = Mapping[str, Path]
KINDS = ("C1", "C2", "C3", "C4")


@dataclass(frozen=True)
class Expected:
    """A file or folder of a set: its name, where it lies in the published layout, and what it is."""

    name: str
    default: str
    about: str
    required: bool = True
    written: bool = False  # a folder that the reader itself writes to: pictures that lie inside another file


@dataclass(frozen=True)
class Reader:
    """One published format. ``read`` gives a source or a broken item for each item of the set, in the set's order."""

    name: str
    about: str
    terms: str
    modality: str
    kinds: tuple[str, ...]
    files: tuple[Expected, ...]
    read: Callable[[Files], Iterator[Source | Broken]]

    def at(self, folder: Path, given: Mapping[str, Path] | None = None) -> dict[str, Path]:
        """The paths of its files under ``folder``, those given instead of the published ones. Raises DataError."""
        given = given or {}
        unknown = set(given) - {one.name for one in self.files}
        if unknown:
            known = ", ".join(one.name for one in self.files)
            raise DataError(f"{self.name} has no file called {sorted(unknown)[0]!r}; it knows {known}.")
        paths: dict[str, Path] = {}
        for one in self.files:
            path = given.get(one.name, folder / one.default)
            path = path if path.is_absolute() or path.exists() else folder / path
            if path.exists() or one.written:
                paths[one.name] = path
            elif one.required or one.name in given:
                raise DataError(
                    f"{self.name} needs {one.about}, and {path} does not exist. "
                    f"Name it: {self.name}={folder},{one.name}=PATH."
                )
        return paths


def share(value: float, whole: float) -> float:
    """A length in pixels as a share of the picture, inside [0, 1]."""
    return min(1.0, max(0.0, value / whole))


def number(value: Any, what: str) -> float:
    """A finite number. Raises ValueError saying what should have been one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        raise ValueError(f"{what} is {value!r} and not a number")
    return float(value)
