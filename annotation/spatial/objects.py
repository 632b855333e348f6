"""Objects in space as language speaks of them: number, label, colour, box.

Does not know points beyond counting them, nor how a scan was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.grounding import Box3D
from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.shades import shade_of

__all__ = ["SceneObject", "from_instances", "from_record", "renumbered", "to_record"]


@dataclass(frozen=True)
class SceneObject:
    """One thing in a scene, in metres: x to the viewer's right, y away from the viewer, z up.

    ``number`` is what answers call it, ``[obj3]``. ``colour`` is a name only where it is sure; ``possible`` are all
    names that somebody might use, so that what is doubtful is not asked about. ``rgb`` is the mean, 0 to 255.
    """

    number: int
    label: str
    box: Box3D
    colour: str | None = None
    possible: tuple[str, ...] = ()
    points: int = 0
    rgb: tuple[float, float, float] | None = None

    @property
    def top(self) -> float:
        """Height of the highest part."""
        return self.box.high[2]

    @property
    def volume(self) -> float:
        """Cubic metres of the box."""
        dx, dy, dz = self.box.size
        return dx * dy * dz


def from_instances(
    xyz: NDArray[np.floating[Any]],
    rgb: NDArray[np.uint8] | None,
    instance: NDArray[np.uint8],
    *,
    labels: Mapping[int, str] | None = None,
) -> list[SceneObject]:
    """The objects of a labelled cloud, most points first, numbered from 1 in that order.

    ``instance`` is (N,), 0 for what is no object. ``labels`` names instances; others are ``object``.
    """
    labels = labels or {}
    found = []
    order = np.argsort(instance, kind="stable")
    numbers, starts = np.unique(instance[order], return_index=True)
    for number, inside in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        if number == 0:
            continue
        colours = None if rgb is None else rgb[inside]
        shade = shade_of(colours)
        mean = None if colours is None else tuple(colours.mean(0).tolist())
        found.append(
            SceneObject(
                number,
                labels.get(number, "object"),
                box_around(xyz[inside]),
                shade.name,
                shade.possible,
                len(inside),
                mean,
            )
        )
    return renumbered(found)


def renumbered(objects: list[SceneObject]) -> list[SceneObject]:
    """The same objects, most points first, numbered from 1: the order in which proposals are listed."""
    ranked = sorted(objects, key=lambda thing: (-thing.points, thing.number))
    return [replace(thing, number=place) for place, thing in enumerate(ranked, start=1)]


def to_record(thing: SceneObject) -> dict[str, Any]:
    """The object as a record's target holds it; ``bbox`` is [cx, cy, cz, dx, dy, dz] in metres."""
    return {
        "number": thing.number,
        "label": thing.label,
        "colour": thing.colour,
        "possible": list(thing.possible),
        "bbox": [round(value, 4) for value in (*thing.box.centre, *thing.box.size)],
        "points": thing.points,
        "rgb": None if thing.rgb is None else [round(value) for value in thing.rgb],
    }


def from_record(record: Mapping[str, Any]) -> SceneObject:
    """The object that `to_record` wrote."""
    rgb = record.get("rgb")
    return SceneObject(record["number"], record["label"], Box3D.of(record["bbox"]), record.get("colour"),
                       tuple(record.get("possible", ())), record.get("points", 0),
                       None if rgb is None else (rgb[0], rgb[1], rgb[2]))  # fmt: skip
