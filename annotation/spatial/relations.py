"""What is true of objects in space: who is furthest left, beside, behind, on top, between; and by which margin.

Does not know words. Whatever is nearly undecided counts as undecided, so that nothing doubtful is ever asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from annotation.spatial.objects import SceneObject

__all__ = [
    "MEASURES",
    "Margins",
    "between",
    "direction",
    "distance",
    "nearest_to",
    "on_top",
    "ordered",
    "winner",
]

Objects = Sequence[SceneObject]

# Each measure grows towards its word. The nearest to the viewer is the least far along y, as if seen from afar.
MEASURES: dict[str, Callable[[SceneObject], float]] = {
    "left": lambda thing: -thing.box.centre[0],
    "right": lambda thing: thing.box.centre[0],
    "near": lambda thing: -thing.box.centre[1],
    "far": lambda thing: thing.box.centre[1],
    "highest": lambda thing: thing.top,
    "lowest": lambda thing: -thing.top,
    "tallest": lambda thing: thing.box.size[2],
    "shortest": lambda thing: -thing.box.size[2],
    "widest": lambda thing: thing.box.size[0],
    "narrowest": lambda thing: -thing.box.size[0],
    "largest": lambda thing: math.log(max(thing.volume, 1e-9)),
    "smallest": lambda thing: -math.log(max(thing.volume, 1e-9)),
}


@dataclass(frozen=True)
class Margins:
    """By how much one object must lead: metres along the floor and in height, and the ratio of volumes."""

    side: float = 0.03
    height: float = 0.02
    ratio: float = 1.5

    @classmethod
    def of(cls, objects: Objects) -> Margins:
        """At least 3 cm aside, 2 cm in height; in larger scenes 4 % of their breadth, 3 % of the tallest top."""
        if not objects:
            return cls()
        breadth = max(
            max(thing.box.high[axis] for thing in objects) - min(thing.box.low[axis] for thing in objects)
            for axis in (0, 1)
        )
        return cls(max(0.03, 0.04 * breadth), max(0.02, 0.03 * max(thing.top for thing in objects)))

    def for_measure(self, name: str) -> float:
        """The margin in the units of a measure."""
        if name in ("largest", "smallest"):
            return math.log(self.ratio)
        return self.side if name in ("left", "right", "near", "far") else self.height


def ordered(objects: Objects, measure: str, margins: Margins) -> list[SceneObject] | None:
    """All objects, the most of the measure first; None where two neighbours are too close to call."""
    value = MEASURES[measure]
    ranked = sorted(objects, key=value, reverse=True)
    clear = all(value(first) - value(second) >= margins.for_measure(measure) for first, second in pairwise(ranked))
    return ranked if clear else None


def winner(objects: Objects, measure: str, margins: Margins) -> SceneObject | None:
    """The object that leads all others by the margin; None where there is no such object, or only one object."""
    if len(objects) < 2:
        return None
    value = MEASURES[measure]
    first, second = sorted(objects, key=value, reverse=True)[:2]
    return first if value(first) - value(second) >= margins.for_measure(measure) else None


def direction(subject: SceneObject, other: SceneObject, way: str, margins: Margins) -> bool | None:
    """Whether ``subject`` lies ``left`` of ``other``; None if it is too close to call.

    Or ``right``, ``near``, ``far``; ``higher`` and ``lower`` compare tops, ``larger`` and ``smaller`` volumes.

    """
    measure = {"higher": "highest", "lower": "lowest", "larger": "largest", "taller": "tallest"}.get(way, way)
    measure = {"smaller": "smallest", "shorter": "shortest"}.get(measure, measure)
    lead = MEASURES[measure](subject) - MEASURES[measure](other)
    return None if abs(lead) < margins.for_measure(measure) else lead > 0


def distance(first: SceneObject, second: SceneObject) -> float:
    """Metres between the middles of two boxes."""
    return math.dist(first.box.centre, second.box.centre)


def nearest_to(
    target: SceneObject, objects: Objects, margins: Margins, *, furthest: bool = False
) -> SceneObject | None:
    """The other object whose middle is nearest to that of ``target``, or furthest from it, by the margin."""
    ranked = sorted((thing for thing in objects if thing is not target), key=lambda thing: distance(thing, target))
    if furthest:
        ranked.reverse()
    if len(ranked) < 2:
        return None
    lead = abs(distance(ranked[1], target) - distance(ranked[0], target))
    return ranked[0] if lead >= margins.side else None


def on_top(upper: SceneObject, lower: SceneObject) -> bool | None:
    """Whether ``upper`` rests on ``lower``: over it, with its bottom at the other's top; None where unclear."""
    shares = []
    for axis in (0, 1):
        shared = min(upper.box.high[axis], lower.box.high[axis]) - max(upper.box.low[axis], lower.box.low[axis])
        shares.append(shared / max(min(upper.box.size[axis], lower.box.size[axis]), 1e-6))
    step = abs(upper.box.low[2] - lower.top)
    smaller = min(upper.box.size[2], lower.box.size[2])
    if min(shares) > 0.4 and step < 0.25 * smaller and upper.box.low[2] > 0.02:
        return True
    if min(shares) < 0.1 or upper.box.low[2] < lower.box.low[2] + 0.4 * lower.box.size[2]:
        return False
    return None


def between(thing: SceneObject, first: SceneObject, second: SceneObject, margins: Margins) -> bool | None:
    """Whether ``thing`` lies on the way from one object's middle to the other's, seen from above; None if unclear."""
    (ax, ay, _), (bx, by, _), (x, y, _) = first.box.centre, second.box.centre, thing.box.centre
    length = math.hypot(bx - ax, by - ay)
    if length < 3 * margins.side:
        return None
    along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length
    aside = abs((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length
    reach = max(thing.box.size[0], thing.box.size[1]) / 2
    if 0.2 * length < along < 0.8 * length and aside < max(reach, margins.side):
        return True
    if along < 0 or along > length or aside > 2 * max(reach, margins.side):
        return False
    return None
