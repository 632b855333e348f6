"""Scene tokens composed from lists of objects, as if they had been found in a cloud.

Does not know points.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lamm_core.grounding import Box3D
from lamm_core.modalities.pointcloud.scene_tokens import Seen, scene_tokens
from lamm_core.pointclouds.shades import NAMES

__all__ = ["compose"]


def compose(findings: Mapping[str, Any], rng: random.Random) -> Tensor:
    """Tokens ``(n, width)`` of ``objects`` with ``bbox`` [cx, cy, cz, dx, dy, dz] and the names of their colours.

    ``colour`` is the name of most of an object, ``possible`` are all that it could be given. Raises KeyError or
    ValueError for other values.
    """
    return scene_tokens([_seen(item, rng) for item in findings["objects"]])


def _seen(item: Mapping[str, Any], rng: random.Random) -> Seen:
    return Seen(Box3D.of(item["bbox"]), _shares(item, rng), rng.uniform(0.3, 1.0))


def _shares(item: Mapping[str, Any], rng: random.Random) -> Sequence[float]:
    shares = [0.0] * len(NAMES)
    if not item.get("possible"):
        if item.get("rgb") is not None:  # coloured, but so that no name is sure
            for name in rng.sample(NAMES, 3):
                shares[NAMES.index(name)] = rng.uniform(0.02, 0.24)
        return shares
    left = 1.0
    first, *others = item["possible"]
    if item.get("colour") == first:
        shares[NAMES.index(first)] = rng.uniform(0.55, 1.0)
    else:
        shares[NAMES.index(first)] = rng.uniform(0.25, 0.49)
    left -= shares[NAMES.index(first)]
    for name in others:
        shares[NAMES.index(name)] = min(left, rng.uniform(0.25, 0.45))
        left -= shares[NAMES.index(name)]
    for name in rng.sample(NAMES, 2):  # a few points of other colours
        place = NAMES.index(name)
        if not shares[place]:
            shares[place] = max(0.0, left) * rng.uniform(0, 0.5)
            left -= shares[place]
    return shares
