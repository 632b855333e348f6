"""What the viewer is told: which cloud, which boxes, which of them the answer speaks of; and what it tells back.

Does not know how it is drawn, nor Gradio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.viewer.shelf import ShownCloud
from lamm_core.grounding import Box3D

__all__ = ["EMPTY_VALUE", "Kind", "Pick", "ViewBox", "read_pick", "view_value"]

Kind = Literal["proposal", "answer", "truth", "a", "b"]

EMPTY_VALUE: dict[str, Any] = {"url": None, "key": "", "count": 0, "boxes": [], "highlight": None}


@dataclass(frozen=True)
class ViewBox:
    """A box with its object's number, None for one that no answer can name.

    ``kind`` says whose it is ("a" and "b" are two answers beside each other), ``confidence`` in [0, 1] how sure that
    was.
    """

    number: int | None
    label: str
    box: Box3D
    kind: Kind = "proposal"
    confidence: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As the browser reads it."""
        return {
            "number": self.number,
            "label": self.label,
            "centre": list(self.box.centre),
            "size": list(self.box.size),
            "kind": self.kind,
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class Pick:
    """What a person clicked: an object's number, where there is one, and the place in metres, where there is one."""

    number: int | None
    point: tuple[float, float, float] | None


def view_value(
    shown: ShownCloud | None, boxes: Sequence[ViewBox] = (), *, highlight: int | Sequence[int] | None = None
) -> dict[str, Any]:
    """The viewer's value. The objects numbered by ``highlight`` are lit and flown to, all else is dimmed."""
    if shown is None:
        return dict(EMPTY_VALUE)
    return {
        "url": shown.url,
        "key": shown.key,
        "count": shown.count,
        "boxes": [box.to_json() for box in boxes],
        "highlight": highlight if highlight is None or isinstance(highlight, int) else list(highlight),
    }


def read_pick(data: Any) -> Pick | None:
    """The event's data, which a browser sent and anybody could have; None unless it is a number, a place or both."""
    if not isinstance(data, dict):
        return None
    number, point = data.get("number"), data.get("point")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        return None
    if point is not None:
        if not isinstance(point, list) or len(point) != 3:
            return None
        if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in point):
            return None
        point = (float(point[0]), float(point[1]), float(point[2]))
    return None if number is None and point is None else Pick(number, point)
