"""What the tasks over 3D scenes share: boxes of an answer, by the numbers of proposals or in metres.

Does not know how objects are proposed. ``[obj3]`` in an answer is the third proposal of the sample's own scan, whatever
scan was shown; a box in metres is ``[cx, cy, cz, dx, dy, dz]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lamm_core.errors import LammError
from lamm_core.grounding import Box3D, find_boxes_3d, find_objects

__all__ = ["THRESHOLDS", "SceneBox", "boxes_in", "numbers_of", "proposals"]

THRESHOLDS = (0.25, 0.5)


class SceneBox(NamedTuple):
    """A box of an answer with what it is called there."""

    label: str
    box: Box3D


def proposals(path: Path) -> tuple[Box3D, ...] | None:
    """The boxes that the encoder "scene" tells of a scan, the first is ``[obj1]``; None for a scan that cannot be read.

    Such a scan is not asked about; the runner counts it as broken.
    """
    from lamm_core.modalities.pointcloud.scene import boxes_in as proposed

    try:
        return proposed(path)
    except (LammError, OSError):
        return None


def boxes_in(answer: str, every: Sequence[Box3D]) -> tuple[list[SceneBox], str]:
    """The boxes of an answer in its order, each proposal once, and how they were read."""
    mentions = find_objects(answer)
    if mentions:
        seen = {mention.number: mention.label for mention in reversed(mentions)}
        numbers = dict.fromkeys(mention.number for mention in mentions)
        found = [SceneBox(seen[number], every[number - 1]) for number in numbers if 1 <= number <= len(every)]
        return found, "numbers of objects" if found else "none"
    found = [SceneBox(label, box) for label, box in find_boxes_3d(answer)]
    return found, "boxes in metres" if found else "none"


def numbers_of(box: Box3D) -> list[float]:
    """Centre and sizes, as records hold a box."""
    return [*box.centre, *box.size]
