"""Synthetic scans: table-tops and rooms as one depth camera sees them, with noise, shadows and holes.

Does not know language. Rays are cast in numpy; what the camera cannot see is not in the scan.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.spatial.layout import Placed, room, table_top
from annotation.spatial.objects import from_instances
from annotation.spatial.scan import Scan
from annotation.spatial.shapes import FAR, box, corners
from annotation.spatial.things import Thing, tint

__all__ = ["scan", "scans"]

Floats = NDArray[np.floating[Any]]
WIDTH, HEIGHT = 320, 240
ROOM_SHARE = 0.35
FEWEST_POINTS = 80  # less than this of a thing is no evidence of it
SEEN_SHARE = 0.12  # of its outline: what is almost wholly hidden is no evidence either
PLAIN_NAMES = 0.4  # of table-tops name every thing "object", as scans without class labels do


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole at ``position`` (3,) with rays (3, HEIGHT, WIDTH) whose depth along the axis is 1."""

    position: Floats
    axes: Floats  # rows: right, down, forward
    focal: float  # pixels
    rays: Floats

    def window(self, points: Floats) -> tuple[slice, slice]:
        """Rows and columns that can show these points (M, 3)."""
        seen = (points - self.position) @ self.axes.T
        depth = np.maximum(seen[:, 2], 0.05)
        columns = seen[:, 0] / depth * self.focal + WIDTH / 2
        rows = seen[:, 1] / depth * self.focal + HEIGHT / 2
        return (slice(max(0, int(rows.min()) - 1), max(0, min(HEIGHT, int(rows.max()) + 2))),
                slice(max(0, int(columns.min()) - 1), max(0, min(WIDTH, int(columns.max()) + 2))))  # fmt: skip


def _camera(rng: random.Random, *, away: float, pitch: float, aim: Floats) -> Camera:
    """A camera ``away`` metres from ``aim``, looking down by ``pitch`` radians along y."""
    forward = np.array((0.0, math.cos(pitch), -math.sin(pitch)))
    right = np.array((1.0, 0.0, 0.0))
    axes = np.stack((right, np.cross(forward, right), forward))
    focal = WIDTH / 2 / math.tan(math.radians(rng.uniform(54, 62)) / 2)
    local = np.ones((3, HEIGHT, WIDTH), dtype=np.float32)
    local[0] = (np.arange(WIDTH) - WIDTH / 2 + 0.5) / focal
    local[1] = ((np.arange(HEIGHT) - HEIGHT / 2 + 0.5) / focal)[:, None]
    rays = (axes.T.astype(np.float32) @ local.reshape(3, -1)).reshape(3, HEIGHT, WIDTH)
    return Camera((aim - forward * away).astype(np.float32), axes, focal, rays)


@dataclass(eq=False)
class _Image:
    """What each pixel shows so far; ``outline`` counts the pixels of each instance, hidden ones included."""

    depth: Floats  # (HEIGHT, WIDTH)
    normal: Floats  # (3, HEIGHT, WIDTH)
    colour: Floats  # (3, HEIGHT, WIDTH), 0 to 1
    instance: NDArray[np.uint8]
    outline: dict[int, int]

    def draw(self, camera: Camera, thing: Thing, number: int, noise: np.random.Generator) -> None:
        """Put a thing in front of what is behind it."""
        waves = noise.normal(0, 40 if max(thing.parts[0].size) < 0.4 else 9, (3, 3)).astype(np.float32)
        phase = noise.uniform(0, math.tau, (3, 1)).astype(np.float32)
        whole = np.zeros(self.depth.shape, dtype=bool)
        for part in thing.parts:
            window = camera.window(corners(part))
            depth = self.depth[window]
            if not depth.size:
                continue
            every = (slice(None), *window)
            hit, facing = part.hit(camera.position, camera.rays[every].reshape(3, -1))
            distance, normal = hit.reshape(depth.shape), facing.reshape(3, *depth.shape)
            whole[window] |= distance < FAR
            nearer = distance < depth
            np.copyto(depth, distance, where=nearer)
            np.copyto(self.normal[every], normal, where=nearer)
            np.copyto(self.instance[window], np.uint8(number), where=nearer)
            colour = self.colour[every]
            np.copyto(colour, np.array(part.tint or thing.tint, dtype=np.float32)[:, None, None], where=nearer)
            if thing.print_share and part.tint is None:
                place = camera.rays[every][:, nearer] * distance[nearer]
                printed = np.sin(waves @ place + phase).sum(0) > 2.5 * (0.5 - thing.print_share)
                shown = np.zeros_like(nearer)
                shown[nearer] = printed
                np.copyto(colour, np.array(thing.print_tint, dtype=np.float32)[:, None, None], where=shown)
        self.outline[number] = int(whole.sum())


def scan(identity: str, rng: random.Random) -> Scan:
    """One scene: two in three are table-tops seen from 0.6 to 1.5 m, the others rooms seen from 2 to 5 m."""
    noise = np.random.default_rng(rng.getrandbits(32))
    is_room = rng.random() < ROOM_SHARE
    if is_room:
        half = rng.uniform(1.0, 1.9)
        placed = room(rng, half=half)
        away, aim = (
            rng.uniform(2.0, 5.0),
            np.array((rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.4), rng.uniform(0.3, 0.7))),
        )
        pitch = rng.uniform(math.radians(12), math.radians(40))
    else:
        placed = table_top(rng)
        away, aim = rng.uniform(0.6, 1.5), np.array((rng.uniform(-0.08, 0.08), rng.uniform(-0.1, 0.15), 0.05))
        pitch = rng.uniform(math.radians(25), math.radians(60))
    camera = _camera(rng, away=away, pitch=pitch, aim=aim)
    blank = np.zeros((2, 3, HEIGHT, WIDTH), dtype=np.float32)
    image = _Image(np.full((HEIGHT, WIDTH), FAR), blank[0], blank[1], np.zeros((HEIGHT, WIDTH), dtype=np.uint8), {})
    for ground in _room_shell(rng, half) if is_room else _table(rng):
        image.draw(camera, ground, 0, noise)
    for number, one in enumerate(placed, start=1):
        image.draw(camera, one.thing, number, noise)
    return _measured(identity, camera, image, placed, rng, noise, is_room=is_room)


def _slab(size: tuple[float, float, float], place: tuple[float, float, float], colour: tuple[float, float, float],
          grain: float, rng: random.Random) -> Thing:  # fmt: skip
    other = tuple(max(0.0, value * 0.85) for value in colour)
    return Thing(
        "ground", (box(size, place),), colour, (other[0], other[1], other[2]), grain if rng.random() < 0.4 else 0.0
    )


def _table(rng: random.Random) -> list[Thing]:
    wide, deep = rng.uniform(0.9, 2.2), rng.uniform(0.8, 1.6)
    top = _slab((wide, deep, 0.04), (rng.uniform(-0.1, 0.1), rng.uniform(0.0, 0.15), -0.04),
                tint(rng, rng.choice(("brown", "white", "gray", "gray", "black"))), 0.3, rng)  # fmt: skip
    below = (
        [_slab((8, 8, 0.1), (0, 0, -rng.uniform(0.6, 0.9)), tint(rng, "gray"), 0.2, rng)] if rng.random() < 0.2 else []
    )
    return [top, *below]


def _room_shell(rng: random.Random, half: float) -> list[Thing]:
    side = half + rng.uniform(0.9, 1.6)
    wall = tint(rng, rng.choice(("white", "white", "gray", "yellow", "blue")))
    shell = [_slab((12, 12, 0.1), (0, 0, -0.1), tint(rng, rng.choice(("brown", "gray", "white", "gray"))), 0.3, rng)]
    if rng.random() < 0.8:
        shell.append(_slab((2 * side, 0.1, 2.6), (0, side, 0), wall, 0.1, rng))
    if rng.random() < 0.4:
        shell.append(_slab((0.1, 2 * side, 2.6), (rng.choice((-1, 1)) * side, 0, 0), wall, 0.1, rng))
    return shell


def _measured(identity: str, camera: Camera, image: _Image, placed: list[Placed], rng: random.Random,
              noise: np.random.Generator, *, is_room: bool) -> Scan:  # fmt: skip
    """What a depth sensor makes of the image: noise that grows with distance, edges lost, shadows, patches missing."""
    depth = image.depth
    seen = (depth < FAR) & (depth < (7.0 if is_room else 2.2))
    facing = np.einsum("ihw,ihw->hw", image.normal, camera.rays)
    length = np.sqrt(np.einsum("ihw,ihw->hw", camera.rays, camera.rays))
    seen &= np.abs(facing) > rng.uniform(0.05, 0.15) * length  # a surface seen edge on gives no echo
    jump = np.diff(depth, axis=1, prepend=depth[:, :1])
    reach = 0.03 * np.minimum(depth, 10)
    edge = np.abs(jump) > reach
    seen &= ~edge | (noise.random(depth.shape, dtype=np.float32) > 0.6)
    shadow = rng.randint(0, 4)  # pixels to one side of a nearer thing that the projector does not reach
    behind = jump > reach
    for shift in range(1, shadow + 1):
        seen[:, shift:] &= ~behind[:, : WIDTH - shift] | (depth[:, shift:] < depth[:, : WIDTH - shift] - 0.01)
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    for _ in range(rng.randint(0, 5)):
        row, column, radius = rng.randrange(HEIGHT), rng.randrange(WIDTH), rng.uniform(2, 9)
        seen &= (rows - row) ** 2 > radius**2 - (columns - column) ** 2
    seen &= noise.random(depth.shape, dtype=np.float32) > rng.choice((0.0, 0.02, 0.1, 0.3))
    numbers = image.instance[seen]
    counts = np.bincount(numbers, minlength=len(placed) + 1)
    hidden = [n for n in range(1, len(placed) + 1)
              if counts[n] < max(FEWEST_POINTS, SEEN_SHARE * image.outline[n])]  # fmt: skip
    seen &= ~np.isin(image.instance, hidden)

    kept = np.flatnonzero(seen)
    rays, normal, colour = (values.reshape(3, -1).take(kept, 1) for values in (camera.rays, image.normal, image.colour))
    distance, instance = depth.ravel()[kept], image.instance.ravel()[kept]
    spread = rng.uniform(0.5, 1.5) * (0.001 + 0.0019 * np.maximum(distance - 0.4, 0) ** 2)  # as measured on the Kinect
    error = noise.standard_normal(len(distance), dtype=np.float32) * np.minimum(spread, 0.03)
    xyz = (camera.position[:, None] + rays * (distance + error)).T
    ground = xyz[(instance == 0) & (np.abs(xyz[:, 2]) < 0.05)]
    if len(ground):
        xyz -= (*ground[:, :2].mean(0), 0.0)
    rgb = _lit(colour, normal, rng, noise)
    plain = not is_room and rng.random() < PLAIN_NAMES
    labels = {} if plain else {number: one.thing.label for number, one in enumerate(placed, start=1)}
    points = np.ascontiguousarray(xyz, dtype=np.float32)
    objects = from_instances(points, rgb, instance, labels=labels)
    return Scan(identity, "synthetic", tuple(objects), "floor" if is_room else "table", points, rgb, instance)


def _lit(colour: Floats, normal: Floats, rng: random.Random, noise: np.random.Generator) -> NDArray[np.uint8]:
    """Bytes of the colours under one lamp of slightly tinted light, with the noise of a small camera."""
    lamp = np.array((rng.uniform(-0.6, 0.6), rng.uniform(-0.8, 0.2), 1.0), dtype=np.float32)
    lamp /= np.linalg.norm(lamp)
    ambient = rng.uniform(0.55, 0.85)
    light = ambient + (1.05 - ambient) * np.maximum(lamp @ normal, 0)
    white = np.array([rng.uniform(0.94, 1.05) for _ in range(3)], dtype=np.float32) * rng.uniform(0.8, 1.05)
    grain = noise.standard_normal(colour.shape, dtype=np.float32) * rng.uniform(0.01, 0.035)
    return (np.clip(colour * light * white[:, None] + grain, 0, 1) * 255).astype(np.uint8).T.copy()


def scans(count: int, *, seed: str) -> Iterator[Scan]:
    """So many scenes with something in them; the same for the same seed."""
    made, attempt = 0, 0
    while made < count:
        one = scan(f"synthetic-{'-'.join(seed.split())}-{made:06d}", random.Random(f"synthetic {seed} {attempt}"))
        attempt += 1
        if one.objects:
            made += 1
            yield one
