"""Which way is up: every direction that could be is scored by what stands on what.

Does not know units or colours.

Candidates are the normals of the larger planes, either way round, and the file's axes. Each is scored by a weighted sum
of cues, added to what the format promises or custom has; a softmax over the candidates makes the confidence. The
weights were fitted by logistic regression, customs included, to harmed copies (see ``damage``) of 36 table-top scans
and 250 practice rooms and to turned copies of a scanned office, a table and a small figure, and rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.findings import Finding
from lamm_core.pointclouds.fixes import Rotate
from lamm_core.pointclouds.survey import Survey

__all__ = ["UNSURE", "Up", "find_up", "up_finding", "upright"]

Floats = NDArray[np.float64]

AXES = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "-x": (-1, 0, 0), "-y": (0, -1, 0), "-z": (0, 0, -1)}
SMALLEST_PLANE = 0.04
SAME_PLANE = np.cos(np.radians(10))
SAME_AXIS = np.cos(np.radians(20))
LEVEL = 1.5  # degrees; less is within what a floor is out of level
FACING = 20  # degrees; a camera seldom looks squarely
THINNEST = 3.0  # logarithm: 20 times as wide as high says no more than 10 times
UNSURE = 0.45  # below it, no direction is proposed
CROWD = 30  # points off the planes that it takes to judge by them

WEIGHTS = {
    "carries": 1.3, "edge": 2.6, "thin": 3.6, "square": 0.65, "flat": -3.3, "low": 2.95, "clutter": 2.0, "floats": 2.6,
    "looked along": -2.2, "across": 1.5,
}  # fmt: skip
# What file formats promise or mostly hold; the rest are free, z up before y up.
CUSTOMS = {
    "las": {"z": 6.0}, "laz": {"z": 6.0}, "copc": {"z": 6.0}, "e57": {"z": 4.0}, "glb": {"y": 5.0}, "gltf": {"y": 5.0},
    "obj": {"y": 1.5, "z": 0.5}, "stl": {"z": 1.5},
}  # fmt: skip
MAP = {"z": 6.0}  # eastings, northings and heights
CUSTOM = {"z": 2.0, "y": 1.4, "-y": 1.0}
CAMERA = 2.5


@dataclass(frozen=True, eq=False)
class Up:
    """The direction (3,) that is up, the nearest axis by name, how sure, the cues, and where a camera looked (3,)."""

    direction: Floats
    axis: str
    confidence: float
    cues: dict[str, float]
    view: Floats | None

    @property
    def tilt(self) -> float:
        """Degrees between the direction and its axis."""
        return float(np.degrees(np.arccos(np.clip(self.direction @ np.array(AXES[self.axis]), -1, 1))))


def find_up(measured: Survey, format: str, *, mapped: bool = False) -> Up | None:
    """The best candidate, or None where the cloud has no surfaces to judge by; ``mapped`` is of map coordinates."""
    customs = MAP if mapped else CUSTOMS.get(format, CUSTOM)
    if not len(measured.places) or _on_a_line(measured.places):
        return None
    candidates = _candidates(measured)
    view = _view(measured)
    cues = [_cues(measured, candidate, view) for candidate in candidates]
    names = [max(AXES, key=lambda name: float(candidate @ np.array(AXES[name]))) for candidate in candidates]
    scores = np.array(
        [
            sum(WEIGHTS[cue] * value for cue, value in cue_values.items()) + _custom(name, candidate, customs, view)
            for name, candidate, cue_values in zip(names, candidates, cues, strict=True)
        ]
    )
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    best = int(np.argmax(chances))
    near = candidates @ candidates[best] > SAME_AXIS
    return Up(candidates[best], names[best], float(chances[near].sum()), cues[best], view)


def _candidates(measured: Survey) -> Floats:
    kept: list[Floats] = []
    for plane in measured.planes[:8]:
        if plane.share >= SMALLEST_PLANE and all(abs(plane.normal @ other) < SAME_PLANE for other in kept):
            kept.append(plane.normal)
    both = [turned for normal in kept for turned in (normal, -normal)]
    for axis in AXES.values():
        if all(np.array(axis) @ other < SAME_AXIS for other in both):
            both.append(np.array(axis, np.float64))
    return np.array(both)


def _on_a_line(places: Floats) -> bool:
    lengths = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    return bool(lengths[1] <= 1e-5 * lengths[0])


def _custom(name: str, candidate: Floats, customs: dict[str, float], view: Floats | None) -> float:
    near = candidate @ np.array(AXES[name]) > SAME_AXIS
    score = customs.get(name, 0.0) if near else 0.0
    if view is None or abs(view[2]) < SAME_AXIS:
        return score
    x, y, _ = (
        candidate  # a camera that looks along z has -y up, one that looks along -z has y up; it nods, seldom tilts
    )
    return score + CAMERA if abs(x) < 0.26 and -y * np.sign(view[2]) > 0.35 else score


def _cues(measured: Survey, up: Floats, view: Floats | None) -> dict[str, float]:
    """What speaks for this direction.

    carries: share of the largest level plane with nothing under it. edge: how much lies on one side only of such.
    thin: how much less the cloud reaches along it than across. square: share of surfaces that are level or upright.
    flat: share of level planes. low, clutter: how far the mass, and that of all that is on no plane, is below the
    middle. floats: the same of the lowest point of each column of clutter. looked along: 1 for straight up or down
    through the camera. across: how much wider the picture is than high.
    """
    places, areas = measured.places, measured.areas
    heights = places @ up
    low, high = np.quantile(heights, [0.01, 0.99])
    reach = max(float(high - low), 1e-9 * measured.reach)
    first, second = _across(up)
    wide = [np.ptp(np.quantile(places @ side, [0.01, 0.99])) for side in (first, second)]
    carries = edge = level = 0.0
    for plane in measured.planes:
        cosine = float(plane.normal @ up)
        if abs(cosine) < SAME_PLANE:
            continue
        above, below = (plane.front, plane.back) if cosine > 0 else (plane.back, plane.front)
        carries = max(carries, plane.share * max(0.0, 1 - 4 * below / (above + below + 0.01)))
        if below < 0.04:
            edge = max(edge, 100 * min(above, 0.1) * min(plane.share, 0.1))
        level += plane.share
    slant = np.abs(measured.normals @ up)
    straight = measured.flat & ((slant > 0.966) | (slant < 0.26))
    clutter = _clutter(measured)
    share_of_height = np.clip((clutter @ up - low) / reach, 0, 1)
    cell = 0.06 * measured.reach
    columns = np.floor(np.stack([clutter @ first, clutter @ second], axis=1) / cell).astype(np.int64)
    _, column = np.unique(columns @ np.array([1 << 24, 1]), return_inverse=True)
    lowest = np.ones(column.max() + 1)
    np.minimum.at(lowest, column, share_of_height)
    return {
        "carries": carries,
        "edge": edge,
        "thin": float(np.clip(np.log(np.sqrt(wide[0] * wide[1]) / reach + 1e-9), -THINNEST, THINNEST)),
        "square": float(areas[straight].sum() / max(areas[measured.flat].sum(), 1e-9)),
        "flat": min(level, 1.0),
        "low": 0.5 - float(areas @ np.clip((heights - low) / reach, 0, 1)),
        "clutter": 0.5 - float(share_of_height.mean()),
        "floats": 0.5 - float(lowest.mean()),
        "looked along": 0.0 if view is None else float(abs(up @ view)),
        "across": 0.0 if view is None else _landscape(places, up, view),
    }


def _clutter(measured: Survey) -> Floats:
    """The surfels on no plane of size, or all where those are too few."""
    taken = np.zeros(len(measured.places), bool)
    for plane in measured.planes:
        if plane.share > 0.06:
            depth = 3 * max(plane.spread, 0.003 * measured.reach)
            taken |= np.abs(measured.places @ plane.normal - plane.offset) < depth
    left = measured.places[~taken]
    return left if len(left) >= CROWD else measured.places


def _across(up: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors at right angles to it and to each other."""
    first = np.cross(up, np.eye(3)[int(np.argmin(np.abs(up)))])
    first /= np.linalg.norm(first)
    return first, np.cross(up, first)


def _view(measured: Survey) -> Floats | None:
    """Where a camera at the cloud's zero looked: all lies ahead of it, and nothing hides behind anything else."""
    distances = np.linalg.norm(measured.places, axis=1)
    if (distances < 0.05 * measured.reach).any():
        return None
    rays = measured.places / distances[:, None]
    ahead = rays.mean(axis=0)
    ahead /= np.linalg.norm(ahead)
    angles = np.arccos(np.clip(rays @ ahead, -1, 1))
    widest = float(np.quantile(angles, 0.98))
    if not np.radians(6) < widest < np.radians(50):
        return None
    first, second = _across(ahead)
    picture = np.stack([rays @ first, rays @ second], axis=1) / (rays @ ahead)[:, None]
    cells = np.floor(picture / (widest / 20)).astype(np.int64)
    _, cell = np.unique(cells @ np.array([1 << 24, 1]), axis=0, return_inverse=True)
    nearest, furthest = np.full(cell.max() + 1, np.inf), np.zeros(cell.max() + 1)
    np.minimum.at(nearest, cell, distances)
    np.maximum.at(furthest, cell, distances)
    crowded = np.bincount(cell) > 1
    depth = 0.06 * (np.quantile(distances, 0.98) - np.quantile(distances, 0.02))
    if crowded.sum() < CROWD or np.mean((furthest - nearest)[crowded] < depth) < 0.6:
        return None
    view: Floats = ahead
    return view


def _landscape(places: Floats, up: Floats, view: Floats) -> float:
    """Logarithm of the picture's width over its height, if this is up; 0 where the camera looked along it."""
    right = np.cross(view, up)
    if np.linalg.norm(right) < 0.5:
        return 0.0
    right /= np.linalg.norm(right)
    ahead = places @ view
    width, height = (
        np.ptp(np.quantile(places @ side / ahead, [0.02, 0.98])) for side in (right, np.cross(right, view))
    )
    return float(np.log(max(width, 1e-9) / max(height, 1e-9)))


def up_finding(up: Up | None) -> Finding:
    """In words; the fix turns up to z, and where a camera stood at zero, what it looked at to y."""
    if up is None:
        return Finding(
            "up axis", "unknown", 0.0, "There are too few points, or too few beside each other, to show surfaces."
        )
    reasons = _reasons(up)
    if up.confidence < UNSURE:
        return Finding("up axis", "unknown", up.confidence, f"No direction stands out; {up.axis} fits best: {reasons}.")
    tilted = f" ({up.tilt:.0f}° off that axis)" if up.tilt > LEVEL else ""
    evidence = f"Up is {up.axis}{tilted}: {reasons}."
    turn = upright(up)
    angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    if angle <= LEVEL:
        return Finding("up axis", up.axis, up.confidence, evidence)
    rows = tuple((float(row[0]), float(row[1]), float(row[2])) for row in turn)
    facing = ", away from the camera to y" if up.view is not None else ""
    fix = Rotate((rows[0], rows[1], rows[2]), label=f"Turned {up.axis} up to z up{facing} ({angle:.0f}°)")
    return Finding("up axis", up.axis, up.confidence, evidence, fix)


def _reasons(up: Up) -> str:
    cues = up.cues
    said = []
    if cues["carries"] > 0.05:
        said.append(f"a level surface with {cues['carries']:.0%} of all surface has next to nothing under it")
    if cues["thin"] > 0.2:
        more = "more than " if cues["thin"] == THINNEST else ""
        said.append(f"the cloud is {more}{np.exp(cues['thin']):.1f} times as wide as high")
    said.append(f"{cues['square']:.0%} of the flat surface is level or upright")
    if cues["clutter"] > 0:
        said.append(f"what is on no large plane is low, at {0.5 - cues['clutter']:.0%} of the height")
    if up.view is not None:
        said.append("all lies before a camera at zero")
    return "; ".join(said)


def upright(up: Up) -> Floats:
    """The rotation (3, 3) of up to z by the shortest way, then of what the camera looked at to y."""
    turn = _shortest(up.direction, np.array([0.0, 0.0, 1.0]))
    if up.view is None:
        return turn
    x, y, _ = turn @ up.view
    if np.hypot(x, y) < 0.3:  # it looked down: no side is the far one
        return turn
    x, y = x / np.hypot(x, y), y / np.hypot(x, y)
    facing = np.array([[y, -x, 0.0], [x, y, 0.0], [0.0, 0.0, 1.0]])
    return facing @ turn if np.degrees(np.arccos(y)) > FACING else turn


def _shortest(start: Floats, end: Floats) -> Floats:
    cosine = float(start @ end)
    if cosine < -1 + 1e-9:  # upside down: half a turn about x keeps left and right
        return np.diag([1.0, -1.0, -1.0])
    a, b, c = np.cross(start, end)
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + cosine)
