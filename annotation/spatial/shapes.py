"""Solids that rays can hit: boxes and round bodies, placed and turned in space.

Does not know what things are made of them, nor cameras. N rays, one origin; distances along unit-free directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "box", "corners", "cylinder", "moved", "round_body", "sphere", "spin"]

Floats = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]
FAR = np.float32(1e9)


@dataclass(frozen=True, eq=False)
class Part:
    """One solid. Its own frame has the middle of its bottom at the origin; ``turn`` (3, 3) and ``place`` bring it out.

    A box spans ``size``. A round body has the outline radius(t)^2 = a t^2 + b t + c, t from 0 at the bottom to 1 at
    the top, in half-sizes of x and y; ``closed`` says whether it has a bottom and a top.
    """

    size: Vector
    place: Vector = (0.0, 0.0, 0.0)
    turn: Floats | None = None
    outline: tuple[float, float, float] | None = None
    closed: tuple[bool, bool] = (True, True)
    tint: Vector | None = None  # 0 to 1; None takes the thing's own colour

    def hit(self, origin: Floats, rays: Floats) -> tuple[Floats, Floats]:
        """Distances (N,), FAR where missed, and normals (3, N) that face the rays (3, N)."""
        turn = np.eye(3) if self.turn is None else self.turn
        turn = turn.astype(np.float32)
        start = (origin - np.asarray(self.place, dtype=np.float32)) @ turn
        along = turn.T @ rays
        distance, normal = (self._hit_box if self.outline is None else self._hit_round)(start, along)
        return distance, turn @ normal

    def _hit_box(self, start: Floats, along: Floats) -> tuple[Floats, Floats]:
        half = np.array(self.size, dtype=np.float32) / 2
        entry = np.full(along.shape[1], -FAR, dtype=np.float32)
        leave = np.full(along.shape[1], FAR, dtype=np.float32)
        axis = np.zeros(along.shape[1], dtype=np.intp)
        for number, offset in enumerate((start[0], start[1], start[2] - half[2])):
            inverse = np.float32(1) / np.where(np.abs(along[number]) < 1e-9, np.float32(1e-9), along[number])
            middle, reach = -offset * inverse, np.abs(inverse) * half[number]
            near = middle - reach
            axis[near > entry] = number
            np.maximum(entry, near, out=entry)
            np.minimum(leave, middle + reach, out=leave)
        normal = np.zeros_like(along)
        columns = np.arange(along.shape[1])
        normal[axis, columns] = -np.sign(along[axis, columns])
        return np.where((entry < leave) & (entry > 1e-6), entry, FAR), normal

    def _hit_round(self, start: Floats, along: Floats) -> tuple[Floats, Floats]:
        assert self.outline is not None
        a, b, c = self.outline
        scale = np.array((2 / self.size[0], 2 / self.size[1], 1 / self.size[2]), dtype=np.float32)
        o, d = start * scale, along * scale[:, None]
        qa = d[0] ** 2 + d[1] ** 2 - a * d[2] ** 2
        qb = 2 * (o[0] * d[0] + o[1] * d[1]) - (2 * a * o[2] + b) * d[2]
        qc = o[0] ** 2 + o[1] ** 2 - (a * o[2] ** 2 + b * o[2] + c)
        inside = qb**2 - 4 * qa * qc
        root = np.sqrt(np.maximum(inside, 0))
        qa = np.where(np.abs(qa) < 1e-9, np.float32(1e-9), qa)
        best = np.full(d.shape[1], FAR, dtype=np.float32)
        for sign in (-1, 1):
            distance = (-qb + sign * root) / (2 * qa)
            height = o[2] + distance * d[2]
            good = (inside >= 0) & (distance > 1e-6) & (height >= 0) & (height <= 1) & (distance < best)
            best[good] = distance[good]
        normal = np.zeros_like(d)
        hit = best < FAR
        x, y, z = o[:, None] + best[hit] * d[:, hit]
        normal[:, hit] = np.stack((x, y, -(a * z + b / 2))) * scale[:, None]
        for is_there, level in zip(self.closed, (0, 1), strict=True):
            if not is_there:
                continue
            distance = (level - o[2]) / np.where(np.abs(d[2]) < 1e-9, np.float32(1e-9), d[2])
            radius = (o[0] + distance * d[0]) ** 2 + (o[1] + distance * d[1]) ** 2
            good = (distance > 1e-6) & (distance < best) & (radius <= a * level**2 + b * level + c)
            best[good] = distance[good]
            normal[:, good] = np.array(((0,), (0,), (1 if level else -1,)), dtype=np.float32)
        normal /= np.maximum(np.sqrt(np.einsum("in,in->n", normal, normal)), 1e-9)
        normal *= np.where(np.einsum("in,in->n", normal, along) > 0, -1, 1)  # the inside of a bowl faces the viewer
        return best, normal


def box(size: Vector, place: Vector = (0.0, 0.0, 0.0), *, tint: Vector | None = None) -> Part:
    """A box standing on ``place``."""
    return Part(size, place, tint=tint)


def cylinder(
    size: Vector,
    place: Vector = (0.0, 0.0, 0.0),
    *,
    top: float = 1.0,
    closed: tuple[bool, bool] = (True, True),
    tint: Vector | None = None,
) -> Part:
    """A cylinder, or a cut cone: ``top`` is the ratio of its upper radius to the lower, size that of the wider end."""
    lower, upper = (1.0, top) if top <= 1 else (1 / top, 1.0)
    step = upper - lower
    return Part(size, place, outline=(step**2, 2 * lower * step, lower**2), closed=closed, tint=tint)


def sphere(size: Vector, place: Vector = (0.0, 0.0, 0.0), *, tint: Vector | None = None) -> Part:
    """An ellipsoid standing on ``place``."""
    return Part(size, place, outline=(-4.0, 4.0, 0.0), closed=(False, False), tint=tint)


def round_body(size: Vector, outline: tuple[float, float, float], *, closed: tuple[bool, bool] = (True, False),
               tint: Vector | None = None) -> Part:  # fmt: skip
    """A body with the given outline, such as a bowl, open above."""
    return Part(size, outline=outline, closed=closed, tint=tint)


def spin(angle: float) -> Floats:
    """The turn (3, 3) by an angle about the vertical."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array(((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)))


def moved(part: Part, turn: Floats, place: Vector) -> Part:
    """The part carried along with the thing it belongs to."""
    there = turn @ np.asarray(part.place) + np.asarray(place)
    own = turn if part.turn is None else turn @ part.turn
    return replace(part, turn=own, place=(float(there[0]), float(there[1]), float(there[2])))


def corners(part: Part) -> Floats:
    """The corners (8, 3) of the box around the part, in space."""
    x, y, z = part.size[0] / 2, part.size[1] / 2, part.size[2]
    local = np.array([(sx * x, sy * y, sz * z) for sx in (-1, 1) for sy in (-1, 1) for sz in (0, 1)])
    turn = np.eye(3) if part.turn is None else part.turn
    return local @ turn.T + np.asarray(part.place)
