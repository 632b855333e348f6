"""The table or the floor that everything stands on.

Does not know which way is up: it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.axes import Up
from lamm_core.pointclouds.findings import Finding
from lamm_core.pointclouds.fixes import Recentre
from lamm_core.pointclouds.survey import Plane, Survey

__all__ = ["Support", "find_support_plane", "support_finding"]

Floats = NDArray[np.float64]

LEVEL = np.cos(np.radians(12))
UNDER = 0.08  # of all surface: flying pixels, a floor seen past the edge of a table


@dataclass(frozen=True, eq=False)
class Support:
    """``point`` (3,) amid it, ``height`` of it along up, ``inclination`` in degrees, ``share`` of the points on it."""

    point: Floats
    height: float
    inclination: float
    share: float
    spread: float


def find_support_plane(measured: Survey, up: Up | None) -> Support | None:
    """The largest level plane with next to nothing under it, or None."""
    if up is None:
        return None
    level = [plane for plane in measured.planes if abs(plane.normal @ up.direction) > LEVEL]
    lowest = [plane for plane in level if _under(plane, up.direction) < UNDER]
    if not lowest:
        return None
    plane = max(lowest, key=lambda plane: plane.share)
    depth = max(3 * plane.spread, 1e-9 * measured.reach)
    on = np.abs(measured.points @ plane.normal - plane.offset) < depth
    inclination = float(np.degrees(np.arccos(min(1.0, abs(float(plane.normal @ up.direction))))))
    return Support(plane.point, float(plane.point @ up.direction), inclination, float(on.mean()), plane.spread)


def support_finding(
    measured: Survey, up: Up | None, support: Support | None, origin: tuple[float, float, float]
) -> Finding:
    """In words; the fix makes a point of it the zero, where zero is off it or outside the cloud."""
    if not len(measured.points):
        return Finding("support", "none", 0.0, "There is no point.")
    if up is None or support is None:
        missing = "Which way is up is not known." if up is None else "Nothing level has all else above it."
        return Finding(
            "support", "none", 0.5 if up is None else up.confidence, missing, _to_the_foot(measured, up, origin)
        )
    evidence = (
        f"{support.share:.0%} of the points lie within {3 * support.spread:.3g} of a plane that faces up, "
        f"at height {support.height:.4g}, {support.inclination:.1f}° off level."
    )
    off = abs(support.height) > max(3 * support.spread, 0.01 * measured.reach)
    fix = None
    if off or any(origin) or _outside(measured):
        x, y, z = (float(value) for value in support.point)
        fix = Recentre((x, y, z), label=f"Moved zero to the middle of the support, from ({x:.4g}, {y:.4g}, {z:.4g})")
    return Finding("support", "plane", min(up.confidence, 0.5 + support.share), evidence, fix)


def _under(plane: Plane, up: Floats) -> float:
    return plane.back if plane.normal @ up > 0 else plane.front


def _outside(measured: Survey) -> bool:
    return bool(((measured.low > 0) | (measured.high < 0)).any())


def _to_the_foot(measured: Survey, up: Up | None, origin: tuple[float, float, float]) -> Recentre | None:
    """Zero under the middle of the cloud, where it is far outside."""
    far = np.maximum(measured.low, -measured.high).max() > measured.reach
    if not (far or any(origin)):
        return None
    point = (measured.low + measured.high) / 2
    if up is not None:
        point = point + (np.quantile(measured.points @ up.direction, 0.01) - point @ up.direction) * up.direction
    x, y, z = (float(value) for value in point)
    return Recentre((x, y, z), label=f"Moved zero to the foot of the cloud, from ({x:.4g}, {y:.4g}, {z:.4g})")
