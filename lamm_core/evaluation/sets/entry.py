"""An entry of a raw set, and the forms that a set may come in below a data folder.

Does not know any form. Pictures that lie inside archives are unpacked only once an entry is chosen.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from lamm_core.errors import TaskError

__all__ = ["Entry", "Form", "chosen", "entries", "find", "unpack"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Entry:
    """One thing to ask about. ``picture`` is a file, or the bytes of one.

    ``group`` names the picture or scene, which several entries may share; ``query`` is the question that the set itself
    asks; ``more`` is what only this kind of task needs. ``truth`` and ``more`` hold what JSON can.
    """

    id: str
    picture: Path | bytes
    truth: Any
    source: str
    group: str
    query: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def file(self, media: Path) -> Path:
        """The file of the picture, unpacked into ``media`` if need be."""
        return self.picture if isinstance(self.picture, Path) else unpack(self.picture, media, self.group)


@dataclass(frozen=True)
class Form:
    """A set in one form: where its files may lie (patterns below the data folder, the first that fits), and its reader.

    ``read`` gets the files that fit, at least one, sorted.
    """

    places: tuple[str, ...]
    read: Callable[[list[Path]], list[Entry]]


def find(data: Path, places: Sequence[str]) -> list[Path]:
    """The files of the first place that has any."""
    for place in places:
        if files := sorted(path for path in data.glob(place) if path.is_file()):
            return files
    return []


def entries(data: Path, forms: Sequence[Form], *, name: str) -> list[Entry]:
    """The entries of a set in the first form that is there. Raises TaskError where none is, or ids are not unique."""
    for form in forms:
        if files := find(data, form.places):
            found = form.read(files)
            if not found:
                raise TaskError(f"{files[0]} holds nothing for the task {name}.")
            seen: set[str] = set()
            for entry in found:
                if entry.id in seen:
                    raise TaskError(f"{files[0]}: the id {entry.id!r} stands there twice; every record needs its own.")
                seen.add(entry.id)
            return found
    looked = ", ".join(form.places[0] for form in forms)
    raise TaskError(f"{data}: what the task {name} reads is missing. Looked for {looked}; --data names the folder.")


def chosen(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """All items, or so many of them drawn by the seed, in their own order."""
    if limit is None or limit >= len(items):
        return list(items)
    kept = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[index] for index in kept]


def unpack(content: bytes, media: Path, name: str) -> Path:
    """Store the bytes of a picture as they are and return the file; bytes that are no picture are stored all the same.

    Whoever opens the file then says what is wrong with it, and the sample is counted as broken rather than the set.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            ending = (image.format or "png").lower().replace("jpeg", "jpg")
    except OSError:
        ending = "png"
    path = media / f"{name}.{ending}"
    if not path.exists() or path.read_bytes() != content:
        media.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path
