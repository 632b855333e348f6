"""Harm done to a good cloud on purpose, and remembered: turned, shifted, rescaled, discoloured, strewn, thinned.

Does not know the doctor; it makes what the doctor is checked on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lamm_core.pointclouds.cloud import PointCloud

__all__ = ["COLOURS", "UNITS", "Harm", "harm"]

Floats = NDArray[np.float64]

UNITS = {"metres": 1.0, "centimetres": 100.0, "millimetres": 1000.0, "inches": 1 / 0.0254}
COLOURS = ("bytes", "0-255", "0-1", "-1-1", "16-bit", "0 or 1", "black", "none")
TURNS = 24  # of a cube
STRAY = -1


@dataclass(frozen=True, eq=False)
class Harm:
    """A harmed cloud and the truth: the name of its unit, what is up in it (3,), how its colours are written.

    ``support`` (N,) marks the points of the table or floor, ``strewn`` (N,) those that are no part of the scene.
    ``rgb`` (N, 3) uint8 are the true colours, ``strays`` their share, ``uneven`` says that a part was thinned,
    ``even_before`` that the scan was even until then.
    """

    cloud: PointCloud
    unit: str
    up: Floats
    colours: str
    rgb: NDArray[np.uint8]
    support: NDArray[np.bool_]
    strewn: NDArray[np.bool_]
    strays: float
    uneven: bool
    even_before: bool


def harm(
    xyz: NDArray[np.float32], rgb: NDArray[np.uint8], support: NDArray[np.bool_], *,
    number: int, seed: int, shift: bool, even: bool,
) -> Harm:  # fmt: skip
    """Copy ``number`` of a scan (N, 3) in metres with z up: the same harm for a number and a seed.

    Numbers go round the 24 turns of a cube; half are tilted by up to 15° besides. A quarter has 0.5 % and a quarter 2 %
    of points strewn over three times its box; in a quarter one half is thinned to a sixteenth.
    """
    chance = np.random.default_rng([seed, number])
    keep = np.ones(len(xyz), bool)
    uneven = bool(chance.random() < 0.25)
    if uneven:
        across = xyz @ np.append(chance.normal(size=2), 0)
        keep = (across < np.median(across)) | (chance.random(len(xyz)) < 1 / 16)
    xyz, rgb, support = xyz[keep], rgb[keep], support[keep]
    strays = float(chance.choice([0, 0, 0.005, 0.02]))
    count = round(strays * len(xyz))
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    strewn = chance.uniform(low - (high - low), high + (high - low), (count, 3))
    places = np.concatenate([xyz.astype(np.float64), strewn])
    true = np.concatenate([rgb, chance.integers(0, 256, (count, 3), dtype=np.uint8)])
    turn = Rotation.create_group("O")[number % TURNS]
    if chance.random() < 0.5:
        axis = chance.normal(size=3)
        turn = Rotation.from_rotvec(np.radians(chance.uniform(0, 15)) * axis / np.linalg.norm(axis)) * turn
    unit = str(chance.choice(list(UNITS)))
    if shift:
        places = places + chance.uniform(-1, 1, 3) * (high - low)
    colours = str(chance.choice(COLOURS))
    cloud = PointCloud(
        (turn.apply(places) * UNITS[unit]).astype(np.float32), "npz", colours=_written(true, colours), total=len(places)
    )
    return Harm(
        cloud, unit, turn.apply([0.0, 0.0, 1.0]), colours, true,
        support=np.append(support, np.zeros(count, bool)), strewn=np.arange(len(places)) >= len(xyz),
        strays=strays, uneven=uneven, even_before=even,
    )  # fmt: skip


def _written(rgb: NDArray[np.uint8], how: str) -> NDArray[np.generic] | None:
    shares = rgb.astype(np.float32) / 255
    written: dict[str, NDArray[np.generic] | None] = {
        "bytes": rgb, "0-255": rgb.astype(np.float64), "0-1": shares, "-1-1": 2 * shares - 1,
        "16-bit": rgb.astype(np.uint16) * 257, "0 or 1": np.floor(shares).astype(np.int32),
        "black": np.zeros_like(rgb), "none": None,
    }  # fmt: skip
    return written[how]
