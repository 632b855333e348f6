"""The unit of length that makes a cloud a scene of a likely size.

Does not know what is in the scene, and cannot be certain: no file of points alone says its unit.

For each unit and each kind of scene: how usual the unit is, how usual the kind, and how well width, height and the
depth of the largest flat part then fit it, as normal densities of their decimal logarithms. The depth is the noise of
the scanner and the strongest sign between a table in inches and a house in metres. The figures are set from common
scanners and scenes: depth cameras (2 mm of noise at 1 m, growing with the square), terrestrial lasers (2 to 6 mm),
airborne ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lamm_core.pointclouds.axes import Up
from lamm_core.pointclouds.findings import Finding
from lamm_core.pointclouds.fixes import Scale
from lamm_core.pointclouds.survey import CROWD, Survey

__all__ = ["METRES", "OR", "unit_finding"]

METRES = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "feet": 0.3048}

USUAL = {"metres": 0.80, "millimetres": 0.12, "centimetres": 0.04, "inches": 0.02, "feet": 0.02}
MAPPED = {"metres": 0.85, "feet": 0.13, "millimetres": 0.02}
DRAWN = {"metres": 0.40, "millimetres": 0.35, "centimetres": 0.12, "inches": 0.10, "feet": 0.03}
BY_FORMAT = {
    "las": MAPPED, "laz": MAPPED, "copc": MAPPED, "e57": MAPPED, "stl": DRAWN, "obj": DRAWN, "off": DRAWN,
    "glb": {"metres": 1.0}, "gltf": {"metres": 1.0},
}  # fmt: skip
SUREST = 0.97  # there are doll's houses
# Named alone from here on: of 184 harmed copies of table-tops to train on and practice rooms, 134 had at least this
# confidence and all of those were right; of the 50 below 19 were, and 49 were one of the two likeliest.
CERTAIN = 0.8
OR = " or "  # between the two likeliest where neither is certain
ABSURD = -14.0  # log density, some five deviations away from the likeliest kind
NOISELESS = 1e-5  # of the width: drawn, not scanned
THINNEST = 0.01  # of the width
SURVEYED = ("las", "laz", "copc", "e57")


@dataclass(frozen=True)
class _Kind:
    """A kind of scene: its share among clouds, and among surveyed ones; (mean, deviation) of log10 metres."""

    name: str
    share: float
    surveyed: float
    width: tuple[float, float]
    height: tuple[float, float]
    depth: tuple[float, float]


KINDS = (
    _Kind("an object", 0.25, 0.01, (-0.6, 0.35), (-0.6, 0.35), (-3.0, 0.35)),
    _Kind("a table-top", 0.25, 0.01, (0.05, 0.20), (-0.65, 0.30), (-2.8, 0.30)),
    _Kind("a room", 0.35, 0.15, (0.7, 0.20), (0.4, 0.15), (-2.2, 0.35)),
    _Kind("a building or a street", 0.12, 0.30, (1.8, 0.40), (1.0, 0.35), (-1.9, 0.35)),
    _Kind("a landscape", 0.03, 0.53, (2.9, 0.50), (1.6, 0.50), (-0.3, 0.60)),
)


def unit_finding(measured: Survey, up: Up | None, *, format: str, mapped: bool) -> Finding:
    """In words; the fix scales to metres."""
    if measured.reach == 0:
        return Finding("unit", "unknown", 0.0, "All points are in one place, so nothing has a size.")
    if measured.count < CROWD:
        return Finding(
            "unit", "unknown", 0.2, f"{measured.count:,} points are too few to say how large they are meant."
        )
    width, height = _width_and_height(measured, up)
    depth = measured.planes[0].spread if measured.planes else measured.roughness
    sizes = " × ".join(f"{size:,.4g}" for size in measured.size)
    if (normalised := _normalised(measured)) and not mapped:
        evidence = f"The cloud is {sizes} of its units and {normalised}: its size was normalised, the unit is lost."
        return Finding("unit", "unknown", 0.8, evidence)
    surveyed = format in SURVEYED or mapped
    usual = BY_FORMAT.get(format, MAPPED if surveyed else USUAL)
    chances = {
        (unit, kind): np.log(share * (kind.surveyed if surveyed else kind.share))
        + _fit(kind, METRES[unit], width=width, height=height, depth=depth)
        for unit, share in usual.items()
        for kind in KINDS
    }
    peak = max(chances.values())
    likely = {key: float(np.exp(chance - peak)) for key, chance in chances.items()}
    by_unit = {unit: sum(value for key, value in likely.items() if key[0] == unit) for unit in usual}
    total = sum(by_unit.values())
    unit = max(by_unit, key=lambda name: by_unit[name])
    confidence = min(SUREST, by_unit[unit] / total)
    kind = max(KINDS, key=lambda kind: likely[unit, kind])
    if _fit(kind, METRES[unit], width=width, height=height, depth=None) < ABSURD:
        evidence = f"The cloud is {sizes} of its units, which is no likely size of a scene in any unit."
        return Finding("unit", "unknown", 0.4, evidence)
    evidence = (
        f"The cloud is {sizes} of its units{_depth_in_words(depth, width)}; "
        f"in {unit} that is {kind.name} {_metres(width * METRES[unit])} across{_others(unit, width, by_unit, total)}."
    )
    if confidence < CERTAIN:
        second = max((name for name in by_unit if name != unit), key=lambda name: by_unit[name])
        told = f"{evidence} Nothing in the file tells the two apart, so nothing is scaled."
        return Finding("unit", f"{unit}{OR}{second}", confidence, told)
    if unit == "metres":
        return Finding("unit", unit, confidence, evidence)
    fix = Scale(METRES[unit], label=f"Scaled by {METRES[unit]:g}, from {unit} to metres")
    return Finding("unit", unit, confidence, evidence, fix)


def _width_and_height(measured: Survey, up: Up | None) -> tuple[float, float]:
    """The longest level edge and the height; without an up axis, the longest and the shortest edge."""
    if up is None:
        edges = sorted(measured.size)
        return float(edges[-1]), float(max(edges[0], THINNEST * edges[-1]))
    height = float(np.ptp(np.quantile(measured.places @ up.direction, [0.005, 0.995])))
    across = measured.places - (measured.places @ up.direction)[:, None] * up.direction
    width = float(np.ptp(np.quantile(across, [0.005, 0.995], axis=0), axis=0).max())
    return max(width, THINNEST * height), max(height, THINNEST * width)


def _fit(kind: _Kind, metres: float, *, width: float, height: float, depth: float | None) -> float:
    """Log density of the measurements in this kind of scene; geometry without noise has no depth to judge."""
    total = _normal(width * metres, kind.width) + _normal(height * metres, kind.height)
    if depth is None or depth < NOISELESS * width:
        return total
    return total + _normal(depth * metres, kind.depth)


def _normal(value: float, curve: tuple[float, float]) -> float:
    mean, deviation = curve
    return -0.5 * ((np.log10(value) - mean) / deviation) ** 2 - float(np.log(deviation))


def _normalised(measured: Survey) -> str:
    """How a data set's size was normalised away, or nothing."""
    low, high = measured.points.min(axis=0), measured.points.max(axis=0)
    longest = float((high - low).max())
    if np.abs(low + high).max() < 0.01 and any(abs(longest - size) < 2e-3 for size in (1.0, 2.0)):
        return f"exactly {longest:.3f} long about zero"
    radius = float(np.linalg.norm(measured.points, axis=1).max())
    if abs(radius - 1) < 1e-3 and np.abs(measured.points.mean(axis=0)).max() < 0.2:
        return f"just fills a sphere of radius {radius:.3f}"
    return ""


def _depth_in_words(depth: float, width: float) -> str:
    return f", its largest flat part {depth:.2g} deep" if depth >= NOISELESS * width else ""


def _others(unit: str, width: float, by_unit: Mapping[str, float], total: float) -> str:
    """The next best unit, where it is not far behind."""
    rest = sorted((name for name in by_unit if name != unit), key=lambda name: -by_unit[name])
    if not rest or by_unit[rest[0]] / total < 0.05:
        return ""
    return f", in {rest[0]} it would be {_metres(width * METRES[rest[0]])}"


def _metres(length: float) -> str:
    return f"{length:,.0f} m" if length >= 20 else f"{length:.1f} m" if length >= 1 else f"{length * 100:.2g} cm"
