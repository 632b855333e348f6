"""Imagined scenes: where objects could stand and what a camera would leave of their boxes, without any points.

Does not know rays; thousands of scenes a minute, for teaching language what features cannot be rendered for in time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from annotation.spatial.layout import Placed, room, table_top
from annotation.spatial.objects import SceneObject, renumbered
from annotation.spatial.scan import Scan
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.shades import name_colour

__all__ = ["scan", "scans"]

ROOM_SHARE = 0.25
LABEL = "object"  # the encoder of scenes tells no kinds, so no question may turn on one
COLOURLESS = 0.08  # scenes without colours at all
SPACING = 0.0035  # metres between points of a table-top


def scan(identity: str, rng: random.Random) -> Scan:
    """One scene; boxes are those of the visible parts, numbers follow the points that would be seen."""
    is_room = rng.random() < ROOM_SHARE
    placed = room(rng, half=rng.uniform(1.0, 1.9)) if is_room else table_top(rng)
    colourless = rng.random() < COLOURLESS
    shift = (rng.uniform(-0.1, 0.1), rng.uniform(-0.3, 0.1))  # the support's middle is not that of the things
    objects = [
        _seen(one, number, rng, shift=shift, spacing=SPACING * (6 if is_room else 1), colourless=colourless)
        for number, one in enumerate(placed, start=1)
    ]
    return Scan(identity, "imagined", tuple(renumbered(objects)), "floor" if is_room else "table")


def _seen(
    one: Placed, number: int, rng: random.Random, *, shift: tuple[float, float], spacing: float, colourless: bool
) -> SceneObject:
    low, high = list(one.box.low), list(one.box.high)
    for axis in (0, 1):
        low[axis] += shift[axis]
        high[axis] += shift[axis]
    deep = high[1] - low[1]
    high[1] -= rng.uniform(0, 0.4) * deep if rng.random() < 0.6 else 0.0  # the far side is out of sight
    low[2] += 0.005
    visible = 1.0
    if rng.random() < 0.2:  # something stands before it
        axis, share = rng.choice((0, 0, 2)), rng.uniform(0.1, 0.5)
        cut = share * (high[axis] - low[axis])
        if axis == 0 and rng.random() < 0.5:
            high[0] -= cut
        else:
            low[axis] += cut
        visible = 1 - share
    size = [b - a for a, b in zip(low, high, strict=True)]
    box = Box3D(tuple((a + b) / 2 for a, b in zip(low, high, strict=True)), (size[0], size[1], size[2]))  # type: ignore[arg-type]
    points = (
        int((0.7 * size[0] * size[2] + 0.6 * size[0] * size[1]) / spacing**2 * visible * rng.uniform(0.6, 1.2)) + 40
    )
    if colourless:
        return SceneObject(number, LABEL, box, points=points)
    share, light = one.thing.print_share, rng.uniform(0.75, 1.05)
    own, other = ([255 * light * value for value in shade] for shade in (one.thing.tint, one.thing.print_tint))
    mean = [(1 - share) * a + share * b for a, b in zip(own, other, strict=True)]
    names = [
        name for name in (name_colour((own[0], own[1], own[2])), name_colour((other[0], other[1], other[2]))) if name
    ]
    possible = tuple(dict.fromkeys(names if share >= 0.25 else names[:1]))
    sure = names[0] if names and share < 0.4 and names[0] == name_colour((own[0], own[1], own[2])) else None
    return SceneObject(
        number, LABEL, box, sure, possible, points, (min(mean[0], 255), min(mean[1], 255), min(mean[2], 255))
    )


def scans(count: int, *, seed: str) -> Iterator[Scan]:
    """So many imagined scenes; the same for the same seed."""
    for index in range(count):
        yield scan(f"imagined-{'-'.join(seed.split())}-{index:06d}", random.Random(f"imagined {seed} {index}"))
