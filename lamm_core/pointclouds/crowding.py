"""Crowded scenes out of calm ones: objects of other scans set down beside, behind and on top of those of one.

Does not know how objects are found. What the camera of the scans would not see any more is taken away, so the result
has the shadows and the cut-off objects of a real crowd, in real colours and with real noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.labelled import LabelledScene

__all__ = ["crowd"]

# Where the planes through the rows of the scans' depth pictures meet; five scenes agree to 5 cm on height and depth.
CAMERA = np.array([0.0, -0.68, 0.59])
FORWARD, UPWARD = np.array([0.0, 0.78, -0.62]), np.array([0.0, 0.62, 0.78])
RAY = 0.0045  # the share of its distance that a sight ray is wide
THICK = 0.012  # metres behind the nearest point of a ray that are still seen
MOST_OBJECTS = 9
LEAST_POINTS = 150  # of an object that still counts as seen
TRIES = 60

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


def crowd(scenes: list[LabelledScene], generator: np.random.Generator) -> LabelledScene:
    """The first scene with the objects of the others put into it where they find a place."""
    base = scenes[0]
    xyz, rgb, instance = [base.xyz], [base.rgb], [base.instance]
    bounds = [_bounds(base.xyz[base.instance == name]) for name in base.names()]
    name = int(base.instance.max())
    for scene in scenes[1:]:
        for other in scene.names():
            mine = scene.instance == other
            shift = _place(_bounds(scene.xyz[mine]), bounds, generator) if len(bounds) < MOST_OBJECTS else None
            if shift is None:
                continue
            name += 1
            xyz.append((scene.xyz[mine] + shift).astype(np.float32))
            rgb.append(scene.rgb[mine])
            instance.append(np.full(int(mine.sum()), name, dtype=np.int32))
            bounds.append(_bounds(xyz[-1]))
    return _seen(LabelledScene(base.name, np.concatenate(xyz), np.concatenate(rgb), np.concatenate(instance)))


def _bounds(points: NDArray[np.floating]) -> Bounds:
    return np.asarray(points.min(axis=0), float), np.asarray(points.max(axis=0), float)


def _place(mine: Bounds, others: list[Bounds], generator: np.random.Generator) -> NDArray[np.float64] | None:
    """How far to move an object so that it touches another one, or nearly, and goes through none."""
    low, high = mine
    floating = low[2] > 0.03  # it stood on something; set down on the table it would show too little
    stacked = floating or generator.random() < 0.3
    for _ in range(TRIES):
        base_low, base_high = others[generator.integers(len(others))]
        size = base_high - base_low
        if stacked and size[:2].min() > 0.06:
            middle = base_low[:2] + size[:2] * generator.uniform(0.3, 0.7, 2)
            lift = base_high[2] + 0.001 - max(low[2], 0.0)
        else:
            turn = generator.uniform(0, 2 * np.pi)
            away = np.array([np.cos(turn), np.sin(turn)])
            reach = float(np.min((size[:2] + high[:2] - low[:2]) / 2 / np.maximum(np.abs(away), 1e-6)))
            middle = (base_low + base_high)[:2] / 2 + away * (reach + abs(generator.normal(0, 0.03)) + 0.002)
            lift = -max(low[2], 0.0)
        shift = np.array([*(middle - (low + high)[:2] / 2), lift])
        if np.any(np.abs(shift[:2]) > (0.25, 0.2)) or high[2] + lift > 0.35:
            continue
        if any(np.all(low + shift + 0.004 < top) and np.all(high + shift - 0.004 > bottom) for bottom, top in others):
            continue
        return shift
    return None


def _seen(scene: LabelledScene) -> LabelledScene:
    """What the camera sees of a scene, without the objects of which it sees next to nothing."""
    sight = scene.xyz - CAMERA
    depth = sight @ FORWARD
    across = np.floor(sight[:, 0] / depth / RAY).astype(np.int64)
    along = np.floor(sight @ UPWARD / depth / RAY).astype(np.int64)
    _, ray = np.unique((across - across.min()) * 100_000 + along - along.min(), return_inverse=True)
    distance = np.linalg.norm(sight, axis=1)
    nearest = np.full(int(ray.max()) + 1, np.inf)
    np.minimum.at(nearest, ray, distance)
    kept = distance < nearest[ray] + THICK
    shown = np.bincount(scene.instance[kept], minlength=int(scene.instance.max()) + 1)
    kept &= (scene.instance == 0) | (shown[scene.instance] >= LEAST_POINTS)
    return LabelledScene(scene.name, scene.xyz[kept], scene.rgb[kept], scene.instance[kept])
