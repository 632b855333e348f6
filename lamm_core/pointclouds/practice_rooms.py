"""Rooms that never were, scanned by a laser or a depth camera that never was, to check the doctor on.

Does not know the doctor. Real scans decide; these only widen the range of scenes: floors half hidden, walls larger than
the floor, ceilings, furniture turned any way. Truth by construction: metres, z up, the floor at z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Room", "practice_room"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Room:
    """A scan: ``xyz`` (N, 3) float32 metres, z up, floor at 0; ``rgb`` (N, 3) uint8; where the first scanner stood."""

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    eye: tuple[float, float, float]
    stations: int


@dataclass(frozen=True)
class _Block:
    """A box turned about z: ``centre`` and ``half`` sizes in metres, ``turn`` in radians."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    turn: float = 0.0


def practice_room(seed: int, *, points: int = 40_000) -> Room:
    """A furnished room seen from one to three places inside it; about ``points`` points, the same ones for a seed."""
    chance = np.random.default_rng([8, seed])
    width, depth, height = chance.uniform(2.6, 8), chance.uniform(2.6, 8), chance.uniform(2.3, 3.2)
    camera = chance.random() < 0.5
    ceiling = chance.random() < 0.5
    blocks = _walls(width, depth, height, ceiling=ceiling)
    for _ in range(int(chance.integers(2, 12))):
        blocks += _furniture(chance, width, depth)
    colours = chance.integers(20, 235, (len(blocks), 3))
    stations = int(chance.integers(1, 4))
    xyz, owner = [], []
    eyes: list[tuple[float, float, float]] = []
    while len(eyes) < stations:
        eye = np.array([chance.uniform(-0.4, 0.4) * width, chance.uniform(-0.4, 0.4) * depth, chance.uniform(1.1, 1.8)])
        rays = _rays(chance, points // stations, towards=-eye, camera=camera)
        distances, hit = _cast(eye, rays, blocks)
        seen = np.isfinite(distances) & (distances > 0.3)
        if seen.mean() < 0.5:  # it stood in a cabinet
            continue
        noise = chance.normal(size=int(seen.sum())) * (
            0.0015 * distances[seen] ** 2 if camera else chance.uniform(0.001, 0.006)
        )
        eyes.append((float(eye[0]), float(eye[1]), float(eye[2])))
        xyz.append(eye + rays[seen] * (distances[seen] + noise)[:, None])
        owner.append(hit[seen])
    blocks_hit = np.concatenate(owner)
    rgb = np.clip(colours[blocks_hit] + chance.normal(0, 8, (len(blocks_hit), 3)), 0, 255).astype(np.uint8)
    return Room(np.concatenate(xyz).astype(np.float32), rgb, eyes[0], stations)


def _walls(width: float, depth: float, height: float, *, ceiling: bool) -> list[_Block]:
    x, y, z, thick = width / 2, depth / 2, height / 2, 0.05
    walls = [
        _Block((0, 0, -thick), (x + 1, y + 1, thick)),
        _Block((x + thick, 0, z), (thick, y, z)), _Block((-x - thick, 0, z), (thick, y, z)),
        _Block((0, y + thick, z), (x, thick, z)), _Block((0, -y - thick, z), (x, thick, z)),
    ]  # fmt: skip
    return [*walls, _Block((0, 0, height + thick), (x, y, thick))] if ceiling else walls


def _furniture(chance: np.random.Generator, width: float, depth: float) -> list[_Block]:
    """A table, a chair, a cabinet, a shelf, a bed or a lamp: most stand along the walls, some are turned."""
    x, y = chance.uniform(-0.42, 0.42, 2) * (width, depth)
    turn = float(chance.choice([0.0, np.pi / 2, chance.uniform(0, np.pi)]))
    cosine, sine = np.cos(turn), np.sin(turn)

    def at(dx: float, dy: float, z: float, half: tuple[float, float, float]) -> _Block:
        return _Block((x + cosine * dx - sine * dy, y + sine * dx + cosine * dy, z), half, turn)

    kind = chance.integers(0, 6)
    if kind == 0:
        long, wide, high = chance.uniform(0.4, 1.0), chance.uniform(0.3, 0.5), chance.uniform(0.65, 0.78)
        legs = [
            at(a * (long - 0.05), b * (wide - 0.05), high / 2, (0.025, 0.025, high / 2))
            for a in (-1, 1)
            for b in (-1, 1)
        ]
        things = [
            at(chance.uniform(-0.8, 0.8) * long, chance.uniform(-0.8, 0.8) * wide, high + 0.1, (0.1, 0.07, 0.1))
            for _ in range(int(chance.integers(0, 4)))
        ]
        return [at(0, 0, high, (long, wide, 0.02)), *legs, *things]
    if kind == 1:
        return [
            at(0, 0, 0.44, (0.22, 0.22, 0.02)),
            at(0, 0.2, 0.7, (0.22, 0.02, 0.25)),
            at(0, 0, 0.22, (0.03, 0.03, 0.22)),
        ]
    if kind == 2:
        high = chance.uniform(0.35, 1.0)
        return [at(0, 0, high, (chance.uniform(0.3, 0.6), 0.25, high))]
    if kind == 3:
        return [at(0, 0, z, (0.4, 0.15, 0.012)) for z in (0.3, 0.7, 1.1, 1.5)] + [at(0, 0.15, 0.9, (0.4, 0.01, 0.9))]
    if kind == 4:
        return [at(0, 0, 0.25, (1.0, 0.7, 0.25)), at(-0.8, 0, 0.56, (0.2, 0.5, 0.06))]
    return [at(0, 0, 0.02, (0.15, 0.15, 0.02)), at(0, 0, 0.75, (0.015, 0.015, 0.75)), at(0, 0, 1.6, (0.15, 0.15, 0.12))]


def _rays(chance: np.random.Generator, count: int, *, towards: Floats, camera: bool) -> Floats:
    """Unit directions (R, 3): a picture 58° wide that looks inwards and a little down, or the sphere around a laser."""
    if not camera:
        azimuth = chance.uniform(0, 2 * np.pi, count)
        elevation = np.radians(chance.uniform(-60, 80, count))
        return np.stack(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], axis=1
        )
    azimuth = np.arctan2(towards[1], towards[0]) + chance.uniform(-0.7, 0.7)
    pitch = np.radians(chance.uniform(-35, 5))
    ahead = np.array([np.cos(azimuth) * np.cos(pitch), np.sin(azimuth) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    above = np.cross(right, ahead)
    across, down = chance.uniform(-0.55, 0.55, count), chance.uniform(-0.42, 0.42, count)
    rays: Floats = ahead + across[:, None] * right + down[:, None] * above
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _cast(eye: Floats, rays: Floats, blocks: list[_Block]) -> tuple[Floats, NDArray[np.intp]]:
    """How far each ray (R, 3) goes, infinite where it meets nothing, and the place of the block it meets."""
    nearest, owner = np.full(len(rays), np.inf), np.zeros(len(rays), np.intp)
    for number, block in enumerate(blocks):
        cosine, sine = np.cos(block.turn), np.sin(block.turn)
        back = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
        start, ahead = back @ (eye - np.array(block.centre)), rays @ back.T
        with np.errstate(divide="ignore", invalid="ignore"):
            slabs = np.stack([(-np.array(block.half) - start) / ahead, (np.array(block.half) - start) / ahead])
        enter, leave = slabs.min(axis=0).max(axis=1), slabs.max(axis=0).min(axis=1)
        met = (enter < leave) & (enter > 0) & (enter < nearest)
        nearest[met], owner[met] = enter[met], number
    return nearest, owner
