"""The boxes of a source annotation: what a reviewer sees drawn beside the words.

Does not know how they are drawn. Reads the record of a source (`boxes`, `things`, `joints`, `words`) and the targets of
LAMM's records (`objects`, `joints`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotation.review.items import Box, Item

__all__ = ["annotated_boxes", "shown_boxes"]

SIZES = (2, 4, 6)  # numbers that place a point, a rectangle, a box in space


def annotated_boxes(annotation: Mapping[str, Any]) -> tuple[Box, ...]:
    """Every labelled place that the annotation has, once, in its order; what does not fit is passed over."""
    target = annotation.get("target")
    records = (annotation, target) if isinstance(target, Mapping) else (annotation,)
    # A generated draft has its source's record and, of the same things, the objects that are drawn.
    return tuple(dict.fromkeys(box for one in records for box in _boxes(one) if len(box.values) in SIZES))


def shown_boxes(item: Item) -> tuple[Box, ...]:
    """The boxes of an item: those that a person left, else those of its annotation."""
    return annotated_boxes(item.annotation) if item.boxes is None else item.boxes


def _boxes(annotation: Mapping[str, Any]) -> Iterator[Box]:
    for one in _records(annotation, "boxes"):
        yield Box(str(one.get("label", "")), _numbers([one.get(key) for key in ("x1", "y1", "x2", "y2")]))
    for one in _records(annotation, "things"):
        place = [*(one.get("centre") or ()), *(one.get("size") or ())]
        yield Box(str(one.get("label", "")), _numbers(place))
    for one in _records(annotation, "objects"):
        place = one.get("bbox") or [*(one.get("centre") or ()), *(one.get("size") or ())]
        yield Box(str(one.get("label", "")), _numbers(place))
    for one in _records(annotation, "words"):
        yield Box(str(one.get("text", "")), _numbers(one.get("box") or ()))
    joints = annotation.get("joints")
    if isinstance(joints, Mapping):
        for name, place in joints.items():
            yield Box(str(name), _numbers(place))
    for one in _records(annotation, "joints"):
        yield Box(str(one.get("name", "")), _numbers([one.get("x"), one.get("y")]))


def _records(annotation: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    listed = annotation.get(key)
    if isinstance(listed, list | tuple):
        yield from (one for one in listed if isinstance(one, Mapping))


def _numbers(values: Any) -> tuple[float, ...]:
    """The numbers, or none at all where one of them is missing."""
    if not isinstance(values, list | tuple):
        return ()
    known = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return tuple(known) if len(known) == len(values) else ()
