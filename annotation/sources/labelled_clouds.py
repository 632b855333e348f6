"""Labelled point clouds: scans whose points carry the number of their object, as .npz.

Does not know what is asked of them. ``clouds/learn_00.npz`` holds ``xyz`` in metres, ``rgb`` and ``instance``.
"""

from __future__ import annotations

from collections.abc import Iterator

from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.source import Broken, Source, Thing
from annotation.spatial import osd
from lamm_core.conversation import Media
from lamm_core.errors import DataError

__all__ = ["READER"]

TERMS = "BSD-3"


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each scan, by name; an object's colour is its attribute where it is sure."""
    for path in sorted(files["clouds"].glob("*.npz")):
        try:
            scan = osd.read(path)
        except DataError as error:
            yield Broken(path.name, str(error))
            continue
        things = tuple(
            Thing(one.label, one.box.centre, one.box.size, (one.colour,) if one.colour else ()) for one in scan.objects
        )
        if things:
            yield Source(f"osd-{path.stem}", "osd", (Media("pointcloud", path),), TERMS, things=things)
        else:
            yield Broken(path.name, "none of its points belongs to an object")


READER = Reader(
    "osd",
    "labelled scans of table tops",
    TERMS,
    "pointcloud",
    ("C1", "C3", "C4"),
    (Expected("clouds", "clouds", "the folder of .npz files"),),
    read,
)
