"""A scene as files for other programs: JSON with boxes, PLY with labels, a recording for Rerun.

Does not know the page. Places are those of the file after its fixes, origin included.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from app.conversation import Thread
from app.scene3d import Labelled, Scene, SceneThing
from app.scene_view import named_objects
from lamm_core.errors import MissingDependencyError

__all__ = ["scene_json", "write_ply", "write_rerun"]


def scene_json(scene: Scene, thread: Thread) -> dict[str, Any]:
    """Boxes in metres about ``origin``, what was fixed, and the conversation."""
    named = named_objects(scene, thread)

    def boxes(things: tuple[SceneThing, ...]) -> list[dict[str, Any]]:
        return [
            {
                "identifier": thing.identifier,
                "label": thing.label,
                "centre": list(thing.box.centre),
                "size": list(thing.box.size),
                "confidence": thing.confidence,
            }
            for thing in things
        ]

    objects = boxes(scene.objects)
    for thing, entry in zip(scene.objects, objects, strict=True):
        entry["named"] = named.get(thing.number)
    return {
        "format": "lamm-studio-scene/1",
        "file": scene.name,
        "points": scene.points,
        "origin": list(scene.origin),
        "fixes": [finding.fix.label for finding in scene.fixable if finding.fix and finding.name in scene.made],
        "findings": scene.diagnosis.record(),
        "objects": objects,
        "ground_truth": boxes(scene.truth),
        "conversation": thread.to_json()["exchanges"],
    }


def write_ply(scene: Scene, labelled: Labelled, path: Path) -> None:
    """Binary PLY: places in double precision, colours where there are any, and ``instance``, 0 for no object."""
    fields = [("x", "<f8"), ("y", "<f8"), ("z", "<f8")]
    if labelled.rgb is not None:
        fields += [("red", "u1"), ("green", "u1"), ("blue", "u1")]
    fields.append(("instance", "<i4"))
    rows = np.empty(len(labelled.cloud), fields)
    for axis, name in enumerate("xyz"):
        rows[name] = labelled.cloud.xyz[:, axis].astype(np.float64) + scene.origin[axis]
    if labelled.rgb is not None:
        for channel, name in enumerate(("red", "green", "blue")):
            rows[name] = labelled.rgb[:, channel]
    rows["instance"] = labelled.number
    names = {"<f8": "double", "u1": "uchar", "<i4": "int"}
    header = ["ply", "format binary_little_endian 1.0"]
    header += [f"comment obj{thing.number}: {thing.label}" for thing in scene.objects]
    header += [f"element vertex {len(rows)}"]
    header += [f"property {names[kind]} {name}" for name, kind in fields]
    with path.open("wb") as out:
        out.write("\n".join([*header, "end_header", ""]).encode("ascii", "replace"))
        out.write(rows.tobytes())


def write_rerun(scene: Scene, labelled: Labelled, path: Path) -> None:
    """A recording with the points and boxes. Raises MissingDependencyError without rerun-sdk."""
    try:
        rerun = importlib.import_module("rerun")
    except ImportError as error:
        raise MissingDependencyError(
            "Saving for Rerun needs the package rerun-sdk. Install it (170 MB) with: pip install rerun-sdk==0.41.0"
        ) from error
    recording = rerun.RecordingStream("lamm-studio")
    recording.save(str(path))  # from here on what is logged goes there
    recording.log("cloud", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    recording.log("cloud/points", rerun.Points3D(labelled.cloud.xyz, colors=labelled.rgb), static=True)
    for name, things in (("objects", scene.objects), ("ground_truth", scene.truth)):
        if things:
            boxes = rerun.Boxes3D(
                centers=[thing.box.centre for thing in things],
                sizes=[thing.box.size for thing in things],
                labels=[f"{thing.identifier} {thing.label}" for thing in things],
            )
            recording.log(f"cloud/{name}", boxes, static=True)
    recording.flush()
