"""What stands in synthetic scenes: small things for tables and furniture for rooms, built from solids.

Does not know where they will stand. Sizes in metres; each thing stands on its own origin.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotation.spatial.shapes import Part, Vector, box, cylinder, moved, round_body, sphere, spin
from lamm_core.pointclouds.shades import NAMES, PALETTE

__all__ = ["FURNITURE", "TABLE_THINGS", "Thing", "furniture", "table_thing"]


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing of several solids. ``tint`` and ``print_tint`` are its colours, 0 to 1; ``print_share`` of it is printed.

    ``flat_top`` says whether another thing can stand on it.
    """

    label: str
    parts: tuple[Part, ...]
    tint: Vector
    print_tint: Vector
    print_share: float = 0.0
    flat_top: bool = False


def tint(rng: random.Random, name: str | None = None) -> Vector:
    """A colour that people would call by one of the eleven names, a little off the middle of it."""
    red, green, blue = PALETTE[name or rng.choice(NAMES)]
    light = rng.uniform(-0.08, 0.08)
    return tuple(min(1.0, max(0.0, v / 255 + light + rng.uniform(-0.05, 0.05))) for v in (red, green, blue))  # type: ignore[return-value]


def _box(rng: random.Random) -> tuple[Part, ...]:
    sides = [rng.uniform(0.045, 0.13), rng.uniform(0.06, 0.2), rng.uniform(0.1, 0.3)]
    rng.shuffle(sides)
    return (box((sides[0], sides[1], min(sides[2], 0.28))),)


def _book(rng: random.Random) -> tuple[Part, ...]:
    return (box((rng.uniform(0.11, 0.2), rng.uniform(0.16, 0.28), rng.uniform(0.02, 0.05))),)


def _cylinder(rng: random.Random) -> tuple[Part, ...]:
    wide = rng.uniform(0.06, 0.12)
    return (cylinder((wide, wide, rng.uniform(0.06, 0.24))),)


def _bowl(rng: random.Random) -> tuple[Part, ...]:
    wide, high = rng.uniform(0.12, 0.22), rng.uniform(0.05, 0.1)
    foot = rng.uniform(0.1, 0.3)
    bulge = rng.uniform(-0.5, -0.1)  # how round the side is
    return (round_body((wide, wide, high), (bulge, 1 - foot - bulge, foot)),)


def _cup(rng: random.Random) -> tuple[Part, ...]:
    wide, high = rng.uniform(0.07, 0.095), rng.uniform(0.08, 0.12)
    parts = [cylinder((wide, wide, high), top=rng.uniform(1.0, 1.3), closed=(True, False))]
    if rng.random() < 0.6:
        bar, reach = 0.011, rng.uniform(0.02, 0.03)
        out = wide / 2
        parts += [box((reach, bar, bar), (out + reach / 2 - 0.005, 0, high * 0.25)),
                  box((reach, bar, bar), (out + reach / 2 - 0.005, 0, high * 0.75)),
                  box((bar, bar, high * 0.5 + bar), (out + reach - 0.005, 0, high * 0.25))]  # fmt: skip
    return tuple(parts)


def _bottle(rng: random.Random) -> tuple[Part, ...]:
    wide, high = rng.uniform(0.055, 0.09), rng.uniform(0.17, 0.3)
    body, shoulder = high * rng.uniform(0.55, 0.7), high * rng.uniform(0.08, 0.18)
    neck = wide * rng.uniform(0.3, 0.45)
    lid = tint(rng)
    return (cylinder((wide, wide, body)), cylinder((wide, wide, shoulder), (0, 0, body), top=neck / wide),
            cylinder((neck, neck, high - body - shoulder), (0, 0, body + shoulder), tint=lid))  # fmt: skip


def _ball(rng: random.Random) -> tuple[Part, ...]:
    wide = rng.uniform(0.06, 0.18)
    return (sphere((wide, wide, wide)),)


def _vase(rng: random.Random) -> tuple[Part, ...]:
    wide, high = rng.uniform(0.08, 0.14), rng.uniform(0.15, 0.28)
    return (round_body((wide, wide, high), (-rng.uniform(1.2, 2.0), rng.uniform(1.2, 1.7), 0.35)),)


def _legs(wide: float, deep: float, high: float, thick: float) -> list[Part]:
    x, y = wide / 2 - thick / 2, deep / 2 - thick / 2
    return [box((thick, thick, high), (sx * x, sy * y, 0)) for sx in (-1, 1) for sy in (-1, 1)]


def _chair(rng: random.Random) -> tuple[Part, ...]:
    wide, seat, high = rng.uniform(0.4, 0.55), rng.uniform(0.4, 0.5), rng.uniform(0.78, 1.0)
    back = box((wide, 0.05, high - seat), (0, wide / 2 - 0.025, seat))
    return (*_legs(wide, wide, seat - 0.04, 0.045), box((wide, wide, 0.05), (0, 0, seat - 0.05)), back)


def _stool(rng: random.Random) -> tuple[Part, ...]:
    wide, high = rng.uniform(0.3, 0.42), rng.uniform(0.42, 0.7)
    return (*_legs(wide * 0.7, wide * 0.7, high - 0.03, 0.04), cylinder((wide, wide, 0.04), (0, 0, high - 0.04)))


def _table(rng: random.Random) -> tuple[Part, ...]:
    wide, deep, high = rng.uniform(0.8, 1.8), rng.uniform(0.6, 1.0), rng.uniform(0.45, 0.78)
    return (*_legs(wide * 0.92, deep * 0.92, high - 0.03, 0.06), box((wide, deep, 0.04), (0, 0, high - 0.04)))


def _cabinet(rng: random.Random) -> tuple[Part, ...]:
    return (box((rng.uniform(0.5, 1.4), rng.uniform(0.35, 0.6), rng.uniform(0.7, 2.0))),)


def _sofa(rng: random.Random) -> tuple[Part, ...]:
    wide, deep, seat, high = (
        rng.uniform(1.3, 2.2),
        rng.uniform(0.75, 0.95),
        rng.uniform(0.38, 0.46),
        rng.uniform(0.7, 0.9),
    )
    arm = rng.uniform(0.12, 0.22)
    arms = [box((arm, deep, seat + 0.18), (side * (wide - arm) / 2, 0, 0)) for side in (-1, 1)]
    return (box((wide, deep, seat)), box((wide, 0.22, high), (0, deep / 2 - 0.11, 0)), *arms)


def _bed(rng: random.Random) -> tuple[Part, ...]:
    wide, long, high = rng.uniform(0.9, 1.8), rng.uniform(1.9, 2.1), rng.uniform(0.4, 0.6)
    pillow = box((wide * 0.8, 0.35, 0.1), (0, long / 2 - 0.25, high), tint=(0.92, 0.92, 0.9))
    return (box((wide, long, high)), box((wide, 0.06, high + 0.4), (0, long / 2, 0)), pillow)


def _lamp(rng: random.Random) -> tuple[Part, ...]:
    high, shade = rng.uniform(1.2, 1.8), rng.uniform(0.3, 0.5)
    foot, pole = cylinder((0.28, 0.28, 0.03)), cylinder((0.035, 0.035, high - 0.25))
    return (foot, pole, cylinder((shade, shade, 0.28), (0, 0, high - 0.28), top=rng.uniform(0.6, 0.95)))


def _person(rng: random.Random) -> tuple[Part, ...]:
    high = rng.uniform(1.5, 1.95)
    skin, trousers = tint(rng, "brown"), tint(rng)
    if rng.random() < 0.6:
        skin = (0.86, 0.67, 0.55)
    legs = [cylinder((0.17, 0.19, high * 0.48), (side * 0.1, 0, 0), tint=trousers) for side in (-1, 1)]
    arms = [cylinder((0.11, 0.12, high * 0.36), (side * 0.27, 0, high * 0.46)) for side in (-1, 1)]
    torso = cylinder((0.44, 0.27, high * 0.36), (0, 0, high * 0.47), top=0.9)
    return (*legs, *arms, torso, sphere((0.18, 0.22, high * 0.15), (0, 0, high * 0.85), tint=skin))


def _bin(rng: random.Random) -> tuple[Part, ...]:
    wide = rng.uniform(0.25, 0.4)
    return (cylinder((wide, wide, rng.uniform(0.3, 0.6)), top=rng.uniform(1.05, 1.3), closed=(True, False)),)


def _crate(rng: random.Random) -> tuple[Part, ...]:
    return (box((rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.6))),)


def _plant(rng: random.Random) -> tuple[Part, ...]:
    pot, high = rng.uniform(0.25, 0.4), rng.uniform(0.7, 1.5)
    leaves = rng.uniform(0.4, 0.7)
    return (cylinder((pot, pot, 0.3), top=1.2, tint=tint(rng, rng.choice(("brown", "white", "orange")))),
            sphere((leaves, leaves, high - 0.3), (0, 0, 0.28)))  # fmt: skip


Maker = Callable[[random.Random], tuple[Part, ...]]
# Label: how it is made, whether things can stand on it, how often it comes.
TABLE_THINGS: dict[str, tuple[Maker, bool, float]] = {
    "box": (_box, True, 4), "book": (_book, True, 1), "cylinder": (_cylinder, True, 1.5), "bowl": (_bowl, False, 2),
    "cup": (_cup, False, 1.5), "bottle": (_bottle, False, 1), "ball": (_ball, False, 0.6), "vase": (_vase, False, 0.5),
}  # fmt: skip
FURNITURE: dict[str, tuple[Maker, bool, float]] = {
    "chair": (_chair, False, 4), "table": (_table, True, 2), "cabinet": (_cabinet, True, 2),
    "sofa": (_sofa, False, 1.2),
    "bed": (_bed, False, 0.5), "lamp": (_lamp, False, 1), "person": (_person, False, 1.2), "bin": (_bin, False, 0.8),
    "box": (_crate, True, 1.5), "plant": (_plant, False, 0.8), "stool": (_stool, True, 0.8),
}  # fmt: skip
LYING = ("bottle", "cylinder")


def table_thing(rng: random.Random, *, colours: tuple[str, ...] = NAMES) -> Thing:
    """A small thing in one of the colours, printed like a package or plain; some round ones lie on their side."""
    label = rng.choices(list(TABLE_THINGS), [weight for *_, weight in TABLE_THINGS.values()])[0]
    make, flat, _ = TABLE_THINGS[label]
    parts = make(rng)
    lies = label in LYING and rng.random() < 0.12
    if lies:
        radius = max(max(part.size[:2]) for part in parts) / 2
        over = np.array(((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)))
        length = max(part.place[2] + part.size[2] for part in parts)
        parts = tuple(moved(part, over, (-length / 2, 0.0, radius)) for part in parts)
    printed = rng.uniform(0.1, 0.6) if rng.random() < 0.5 else 0.0
    return Thing(label, parts, tint(rng, rng.choice(colours)), tint(rng), printed, flat and not lies)


def furniture(rng: random.Random, *, colours: tuple[str, ...] = NAMES) -> Thing:
    """A piece of furniture, a plant or a person, mostly turned square to the room."""
    label = rng.choices(list(FURNITURE), [weight for *_, weight in FURNITURE.values()])[0]
    make, flat, _ = FURNITURE[label]
    own = rng.choice(("green", "green", "green", "brown")) if label == "plant" else rng.choice(colours)
    angle = rng.choice((0, 1, 2, 3)) * math.pi / 2 + (rng.uniform(-0.3, 0.3) if rng.random() < 0.3 else 0.0)
    parts = tuple(moved(part, spin(angle), (0.0, 0.0, 0.0)) for part in make(rng))
    return Thing(label, parts, tint(rng, own), tint(rng), rng.uniform(0.05, 0.4) if rng.random() < 0.2 else 0.0, flat)
