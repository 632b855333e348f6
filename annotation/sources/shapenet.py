"""ShapeNet: single objects of known class, as sampled points.

Does not know what is asked of them. Files are named ``SYNSET-MODEL....npy`` or lie in ``SYNSET/MODEL``; the names of
the classes and the tree above them come from ``taxonomy.json``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import items
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Broken, Source
from lamm_core.conversation import Media

__all__ = ["READER"]

TERMS = "research, not for commercial use"
ENDINGS = (".npy", ".npz", ".ply", ".obj", ".off", ".pcd")
_NAME = re.compile(r"^(\d{8})[-_](.+)$")


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each file of points, by class and model."""
    names: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    for entry in items(files["taxonomy"], "item"):
        if isinstance(entry, Broken):
            yield entry
        elif isinstance(entry, dict) and "synsetId" in entry:
            names[str(entry["synsetId"])] = [name.strip() for name in str(entry.get("name", "")).split(",")]
            parents.update(dict.fromkeys(map(str, entry.get("children", [])), str(entry["synsetId"])))
    for path, synset, model in _models(files["clouds"]):
        try:
            if synset not in names:
                raise ValueError(f"its class {synset!r} is not in {files['taxonomy'].name}")
            numbers = [synset]
            while (parent := parents.get(numbers[-1])) and parent not in numbers:
                numbers.append(parent)
            yield Source(
                f"shapenet-{synset}-{model}", "shapenet", (Media("pointcloud", path),), TERMS,
                label=names[synset][0], label_path=tuple(names[one][0] for one in reversed(numbers)),
            )  # fmt: skip
        except BROKEN_VALUES as error:
            yield Broken(path.name, problem(error))


def _models(folder: Path) -> Iterator[tuple[Path, str, str]]:
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        path = Path(entry.path)
        if entry.is_file() and path.suffix in ENDINGS:
            named = _NAME.match(path.stem)
            yield (path, named[1], named[2]) if named else (path, path.stem, path.stem)
        elif entry.is_dir():
            for model in sorted(path.iterdir()):
                if model.suffix in ENDINGS:
                    yield model, path.name, model.stem
                elif model.is_dir() and (found := sorted(one for one in model.rglob("*") if one.suffix in ENDINGS)):
                    yield found[0], path.name, model.name


READER = Reader(
    "shapenet",
    "ShapeNet's single objects",
    TERMS,
    "pointcloud",
    ("C2", "C4"),
    (
        Expected("taxonomy", "taxonomy.json", "the tree of classes"),
        Expected("clouds", "shapenet_pcls", "the folder of points"),
    ),
    read,
)
