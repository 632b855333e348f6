"""Where things stand: spread out, touching, in rows behind one another, stacked.

Does not know cameras or colours; positions in metres, z up, the support at height 0.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np

from annotation.spatial.shapes import corners, moved, spin
from annotation.spatial.things import Thing, furniture, table_thing
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.shades import NAMES

__all__ = ["Placed", "room", "table_top"]


@dataclass(frozen=True, eq=False)
class Placed:
    """A thing at its place with the box around all of it, hidden parts included."""

    thing: Thing
    box: Box3D


def _placed(thing: Thing, x: float, y: float, z: float, angle: float) -> Placed:
    parts = tuple(moved(part, spin(angle), (x, y, z)) for part in thing.parts)
    every = np.concatenate([corners(part) for part in parts])
    low, high = every.min(0), every.max(0)
    middle, size = (low + high) / 2, high - low
    place = Box3D(
        (float(middle[0]), float(middle[1]), float(middle[2])), (float(size[0]), float(size[1]), float(size[2]))
    )
    return Placed(replace(thing, parts=parts), place)


def _apart(new: Box3D, others: list[Placed], gap: float) -> bool:
    return all(
        any(max(new.low[a], old.box.low[a]) - min(new.high[a], old.box.high[a]) >= gap for a in (0, 1))
        or new.low[2] >= old.box.high[2] - 1e-6
        for old in others
    )


def _palette(rng: random.Random) -> tuple[str, ...]:
    """Few colours make many things of one colour, which is where counting and relations begin."""
    return tuple(rng.sample(NAMES, rng.choice((2, 3, 4, 6, len(NAMES)))))


def _beside(thing: Thing, old: Placed, rng: random.Random, *, gap: float) -> Placed:
    """The thing next to another one, on a random side of it or, more often, behind or before it."""
    angle = rng.uniform(0, math.tau) if rng.random() < 0.4 else rng.choice((0.0, math.pi / 2))
    trial = _placed(thing, 0.0, 0.0, 0.0, angle)
    axis, sign = rng.choice((0, 1, 1)), rng.choice((-1, 1))
    centre = list(old.box.centre[:2])
    centre[axis] += sign * ((old.box.size[axis] + trial.box.size[axis]) / 2 + gap)
    centre[1 - axis] += rng.uniform(-0.5, 0.5) * old.box.size[1 - axis]
    return _placed(thing, centre[0] - trial.box.centre[0], centre[1] - trial.box.centre[1], 0.0, angle)


def _above(thing: Thing, old: Placed, rng: random.Random) -> Placed | None:
    """The thing on top of another one, its middle well inside."""
    angle = rng.uniform(0, math.tau) if rng.random() < 0.5 else rng.choice((0.0, math.pi / 2))
    x, y, _ = old.box.centre
    slack = [rng.uniform(-0.2, 0.2) * side for side in old.box.size[:2]]
    new = _placed(thing, x + slack[0], y + slack[1], old.box.high[2], angle)
    small = all(new.box.size[axis] < 1.7 * old.box.size[axis] for axis in (0, 1))
    return new if small else None


def table_top(rng: random.Random) -> list[Placed]:
    """One to nine small things within 0.4 m of the middle: spread out, or crowded, touching and stacked."""
    wanted = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9))
    colours = _palette(rng)
    stacking, touching = rng.choice(((0.0, 0.0), (0.0, 0.5), (0.4, 0.2), (0.7, 0.1), (0.2, 0.7)))
    half = rng.uniform(0.2, 0.4)
    placed: list[Placed] = []
    for _ in range(wanted * 12):
        if len(placed) == wanted:
            break
        thing = table_thing(rng, colours=colours)
        flat = [old for old in placed if old.thing.flat_top and old.box.high[2] < 0.3]
        chance = rng.random()
        new: Placed | None
        if flat and chance < stacking:
            new = _above(thing, rng.choice(flat), rng)
        elif placed and chance < stacking + touching:
            new = _beside(thing, rng.choice(placed), rng, gap=rng.choice((0.001, 0.003, 0.01)))
        else:
            new = _placed(thing, rng.uniform(-half, half), rng.uniform(-half, half), 0.0, rng.uniform(0, math.tau))
        if new and max(abs(new.box.centre[0]), abs(new.box.centre[1])) < 0.45 and _apart(new.box, placed, 0.0):
            placed.append(new)
    return placed


def room(rng: random.Random, *, half: float) -> list[Placed]:
    """Two to nine pieces of furniture within ``half`` metres of the middle; some against the far wall, some stacked."""
    wanted = rng.randint(2, 9)
    colours = _palette(rng)
    placed: list[Placed] = []
    for _ in range(wanted * 12):
        if len(placed) == wanted:
            break
        thing = furniture(rng, colours=colours)
        flat = [old for old in placed if old.thing.flat_top and old.box.high[2] < 1.0]
        new: Placed | None
        if flat and rng.random() < 0.15:
            new = _above(table_thing(rng, colours=colours) if rng.random() < 0.3 else thing, rng.choice(flat), rng)
            if new and new.box.size[2] > 0.7:
                new = None
        else:
            new = _placed(thing, rng.uniform(-half, half), rng.uniform(-half, half), 0.0, 0.0)
        if new and _apart(new.box, placed, rng.choice((0.0, 0.1, 0.3))):
            placed.append(new)
    return placed
