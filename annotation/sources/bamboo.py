"""Bamboo: pictures of fine classes, with the class's place in a label tree and its text from Wikipedia.

Does not know what is asked of them. ``meta`` has a picture and a class id on each line; the label tree is one JSON
object with ``id2name``, ``child2father`` and ``id2desc``; ``wikipedia`` maps class ids to longer texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import pairs
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Broken, Source
from lamm_core.conversation import Media

__all__ = ["READER", "LabelTree"]

TERMS = "research, not for commercial use"
DEEPEST = 12  # classes on a path: a tree of 300,000 has cycles now and then


class LabelTree:
    """Names, parents and texts of classes. A tree of 304,048 classes is held in memory, unlike the pictures."""

    def __init__(self, path: Path) -> None:
        self.broken: list[Broken] = []
        self._names, self._parents, self._texts = (
            self._table(path, key) for key in ("id2name", "child2father", "id2desc")
        )

    def _table(self, path: Path, key: str) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for entry in pairs(path, key):
            if isinstance(entry, Broken):
                self.broken.append(entry)
            else:
                table[entry[0]] = entry[1]
        return table

    def name(self, number: str) -> str:
        """The first name of a class. Raises KeyError with its id."""
        names = self._names[number]
        return str(names[0] if isinstance(names, list) else names).replace("_", " ")

    def path(self, number: str) -> tuple[str, ...]:
        """Names from the broadest class to this one, along the first parents."""
        numbers = [number]
        while parents := self._parents.get(numbers[-1]):
            parent = parents[0] if isinstance(parents, list) else parents
            if parent in numbers or parent not in self._names or len(numbers) >= DEEPEST:
                break
            numbers.append(parent)
        return tuple(self.name(one) for one in reversed(numbers))

    def text(self, number: str) -> str:
        """What the tree itself says about a class; may be empty."""
        return str(self._texts.get(number) or "")


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each line of the picture list."""
    tree = LabelTree(files["tree"])
    yield from tree.broken
    texts: dict[str, str] = {}
    if "wikipedia" in files:
        for entry in pairs(files["wikipedia"], ""):
            if isinstance(entry, Broken):
                yield entry
            else:
                texts[entry[0]] = str(entry[1])
    meta = files["meta"]
    with meta.open(encoding="utf-8", errors="replace") as file:
        for index, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                name, number = line.split()[:2]
                yield _source(files["images"] / name, number, tree, texts)
            except BROKEN_VALUES as error:
                yield Broken(f"{meta.name}, line {index}", problem(error))


def _source(file: Path, number: str, tree: LabelTree, texts: dict[str, str]) -> Source:
    try:
        label = tree.name(number)
    except KeyError:
        raise ValueError(f"its class {number!r} is not in the label tree") from None
    if not file.is_file():
        raise ValueError(f"its picture {file} does not exist")
    text = " ".join((texts.get(number) or tree.text(number)).split())
    return Source(
        f"bamboo-{number}-{file.stem}", "bamboo", (Media("image", file),), TERMS,
        label=label, label_path=tree.path(number), knowledge=text or None,
    )  # fmt: skip


READER = Reader(
    "bamboo",
    "Bamboo's fine classes with label tree and Wikipedia text",
    TERMS,
    "image",
    ("C2", "C4"),
    (
        Expected("meta", "train_meta.list", "the list of pictures with class ids"),
        Expected("tree", "bamboo_V4.json", "the label tree"),
        Expected("images", "images", "the folder of pictures"),
        Expected("wikipedia", "wikipedia.json", "texts by class id", required=False),
    ),
    read,
)
