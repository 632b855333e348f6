"""3RScan's rooms with the scene graphs of 3DSSG: objects, their attributes, boxes and relations.

Does not know what is asked of them. Boxes come from a scan's ``semseg.v2.json``; without one its objects have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import Gathered, items
from annotation.sources.reader import Expected, Files, Reader, number
from annotation.sources.source import Broken, Relation, Source, Thing
from lamm_core.conversation import Media

__all__ = ["READER", "TERMS", "cloud_of", "things_of"]

TERMS = "research, not for commercial use; a form to sign"
CLOUDS = ("labels.instances.annotated.v2.ply", "mesh.refined.v2.obj", "cloud.ply", "cloud.npy")
MOST_RELATIONS = 60  # of a scan: 3DSSG has 367 a scan on average, most of them comparisons of size or shape


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each scan of ``objects.json``."""
    with Gathered() as related:
        if "relationships" in files:
            for scan in items(files["relationships"], "scans.item"):
                if isinstance(scan, Broken):
                    yield scan
                elif isinstance(scan, dict) and "scan" in scan:
                    related.add(scan["scan"], scan.get("relationships", []))
        for index, scan in enumerate(items(files["objects"], "scans.item")):
            if isinstance(scan, Broken):
                yield scan
                continue
            try:
                rows = related.take(scan["scan"])
                yield _source(scan, files["scans"], rows[0] if rows else [])
            except (OSError, *BROKEN_VALUES) as error:
                yield Broken(f"{files['objects'].name}, scan {index}", problem(error))


def _source(scan: Mapping[str, Any], folder: Path, relationships: list[Any]) -> Source:
    name = str(scan["scan"])
    names = {str(one["id"]): str(one["label"]) for one in scan["objects"]}
    relations = [
        Relation(names[str(one[0])], str(one[3]), names[str(one[1])])
        for one in relationships
        if str(one[0]) in names and str(one[1]) in names
    ]
    return Source(
        f"3rscan-{name}", "3rscan", (Media("pointcloud", cloud_of(folder, name)),), TERMS,
        things=things_of(scan["objects"], folder / name), relations=tuple(relations[:MOST_RELATIONS]),
    )  # fmt: skip


def cloud_of(folder: Path, name: str) -> Path:
    """The scan's file of points. Raises ValueError where there is none."""
    places = [folder / name / cloud for cloud in CLOUDS] + [folder / f"{name}.npy", folder / f"{name}.ply"]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ValueError(f"{folder / name} holds none of {', '.join(CLOUDS)}")
    return found


def things_of(objects: list[Any], scan: Path) -> tuple[Thing, ...]:
    """The objects of a scan; ``attributes`` are 3DSSG's, colours first."""
    boxes = _boxes(scan / "semseg.v2.json")
    things = []
    for one in objects:
        kinds = one.get("attributes") or {}
        ordered = [
            *kinds.get("color", []),
            *(word for kind, words in kinds.items() if kind != "color" for word in words),
        ]
        centre, size = boxes.get(str(one["id"]), (None, None))
        things.append(Thing(str(one["label"]), centre, size, tuple(map(str, ordered))))
    return tuple(things)


Triple = tuple[float, float, float]


def _boxes(path: Path) -> dict[str, tuple[Triple, Triple]]:
    """Boxes along the axes around the oriented ones, by the object's id."""
    if not path.is_file():
        return {}
    boxes = {}
    for group in json.loads(path.read_text(encoding="utf-8"))["segGroups"]:
        oriented = group["obb"]
        x, y, z = (number(value, "a centre") for value in oriented["centroid"])
        lengths = [number(value, "a length") for value in oriented["axesLengths"]]
        axes = [number(value, "an axis") for value in oriented["normalizedAxes"]]
        sides = [sum(abs(axes[3 * axis + side]) * lengths[axis] for axis in range(3)) for side in range(3)]
        boxes[str(group["objectId"])] = ((x, y, z), (sides[0], sides[1], sides[2]))
    return boxes


READER = Reader(
    "3rscan",
    "3RScan's rooms with the scene graphs of 3DSSG",
    TERMS,
    "pointcloud",
    ("C1", "C3", "C4"),
    (
        Expected("objects", "3DSSG/objects.json", "3DSSG's objects"),
        Expected("scans", "3RScan", "the folder of scans"),
        Expected("relationships", "3DSSG/relationships.json", "3DSSG's relationships", required=False),
    ),
    read,
)
