"""Boxes and points in answers: how they are written and how they are read back.

Does not know pictures, models or scores; standard library only.

A box is ``person [0.12, 0.30, 0.55, 0.98]``: label, then left, top, right, bottom as shares of the picture with two
decimals. A point is ``right ankle [0.34, 0.91]``. An object of a point cloud is named by the number of its proposal,
``red box [obj3]``; its box is that of the proposal. Several are joined by ``"; "``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = [
    "Box2D",
    "Box3D",
    "ObjectMention",
    "Point2D",
    "box_overlap",
    "box_overlap_3d",
    "find_boxes",
    "find_boxes_3d",
    "find_objects",
    "find_points",
    "format_box",
    "format_box_3d",
    "format_object",
    "format_point",
]


@dataclass(frozen=True)
class Box2D:
    """A labelled rectangle, corners in [0, 1]; ``span`` is where label and bracket stand in the text read."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float
    span: tuple[int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Point2D:
    """A labelled place in [0, 1]; ``span`` is where label and bracket stand in the text read."""

    label: str
    x: float
    y: float
    span: tuple[int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Box3D:
    """A box along the axes: centre and full sizes in metres, z up; all finite, sizes not negative."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Box3D:
        """From [cx, cy, cz, dx, dy, dz], as records hold it. Raises ValueError for another number of them."""
        x, y, z, dx, dy, dz = numbers
        return cls((x, y, z), (dx, dy, dz))

    @property
    def low(self) -> tuple[float, float, float]:
        """The corner of the smallest coordinates."""
        (x, y, z), (dx, dy, dz) = self.centre, self.size
        return x - dx / 2, y - dy / 2, z - dz / 2

    @property
    def high(self) -> tuple[float, float, float]:
        """The corner of the largest coordinates."""
        (x, y, z), (dx, dy, dz) = self.centre, self.size
        return x + dx / 2, y + dy / 2, z + dz / 2


@dataclass(frozen=True)
class ObjectMention:
    """An object that an answer points at: its number among the proposals, the first is 1."""

    label: str
    number: int
    span: tuple[int, int] | None = field(default=None, compare=False)


def box_overlap_3d(first: Box3D, second: Box3D) -> float:
    """Intersection over union of two boxes; 0 where they do not meet or have no volume."""
    shared, volumes = 1.0, [1.0, 1.0]
    for axis in range(3):
        shared *= max(0.0, min(first.high[axis], second.high[axis]) - max(first.low[axis], second.low[axis]))
        volumes = [volumes[0] * first.size[axis], volumes[1] * second.size[axis]]
    union = sum(volumes) - shared
    return shared / union if union > 0 else 0.0


def box_overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes [x1, y1, x2, y2]; 0 where they do not meet or have no area."""
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    shared = width * height
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - shared
    return shared / union if union > 0 else 0.0


_NUMBER = r"\s*([+-]?(?:\d{1,6}(?:\.\d{0,12})?|\.\d{1,12}))\s*"
_BRACKET = re.compile(rf"\[{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})?\]")
_SIX = re.compile(rf"\[{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\]")
_OBJECT = re.compile(r"\[\s*obj\s*(\d{1,3})\s*\]", re.IGNORECASE)
_BREAK = re.compile(r"[;,\n!?\]:]|\.(?=\s|$)")  # a label does not reach across these
_BEFORE = re.compile(
    r"^\s*(?:and|then|also|there (?:is|are)|there's|here (?:is|are)|(?:i|we|you) (?:can )?see|it is|it's|this is"
    r"|the (?:picture|image|photo) (?:shows|contains|has)|a|an|the|one|another)\s+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:^|\s)(?:at|is|are|in|on|of|located|found|placed|position|positioned|seen|visible|box|point|with|has|lies|stands"
    r"|the|around|coordinates)\s*$",
    re.IGNORECASE,
)
_SLACK = 0.05  # a model may overshoot the border a little; anything further is no share of the picture


def find_boxes(text: str) -> list[Box2D]:
    """All boxes in an answer, in order, corners sorted and clipped; what is no box is passed over."""
    return [
        Box2D(label, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2), span)
        for label, (x1, y1, x2, y2), span in _find(text, 4)
    ]


def find_points(text: str) -> list[Point2D]:
    """All points in an answer, in order, clipped; what is no point is passed over."""
    return [Point2D(label, x, y, span) for label, (x, y), span in _find(text, 2)]


def find_boxes_3d(text: str) -> list[tuple[str, Box3D]]:
    """All boxes in metres in an answer with the phrase before each, in order; a negative size is no box."""
    found, after_last = [], 0
    for match in _SIX.finditer(text):
        label, _ = _label(text, after_last, match.start())
        after_last = match.end()
        box = Box3D.of([float(group) for group in match.groups()])
        if min(box.size) >= 0:
            found.append((label, box))
    return found


def find_objects(text: str) -> list[ObjectMention]:
    """All objects of a cloud that an answer points at, in order, with the phrase before each."""
    found, after_last = [], 0
    for match in _OBJECT.finditer(text):
        label, start = _label(text, after_last, match.start(), after=None)
        after_last = match.end()
        found.append(ObjectMention(label, int(match[1]), (start, match.end())))
    return found


def format_object(mention: ObjectMention) -> str:
    """The object as an answer writes it."""
    return f"{mention.label} [obj{mention.number}]".lstrip()


def format_box(box: Box2D) -> str:
    """The box as an answer writes it."""
    return f"{box.label} [{box.x1:.2f}, {box.y1:.2f}, {box.x2:.2f}, {box.y2:.2f}]".lstrip()


def format_box_3d(label: str, box: Box3D) -> str:
    """The box in metres as an answer writes it: centre, then sizes, three decimals."""
    return f"{label} [{', '.join(f'{number:.3f}' for number in (*box.centre, *box.size))}]".lstrip()


def format_point(point: Point2D) -> str:
    """The point as an answer writes it."""
    return f"{point.label} [{point.x:.2f}, {point.y:.2f}]".lstrip()


def _find(text: str, count: int) -> Iterator[tuple[str, list[float], tuple[int, int]]]:
    after_last = 0
    for match in _BRACKET.finditer(text):
        label, start = _label(text, after_last, match.start())
        after_last = match.end()
        numbers = [float(group) for group in match.groups() if group is not None]
        if len(numbers) == count and all(-_SLACK <= number <= 1 + _SLACK for number in numbers):
            yield label, [min(max(number, 0.0), 1.0) for number in numbers], (start, match.end())


def _label(text: str, start: int, end: int, *, after: re.Pattern[str] | None = _AFTER) -> tuple[str, int]:
    """The phrase right before a bracket and where it starts; the bracket's own start where there is none.

    ``after`` are words between the two; an object may be called a box, so before an identifier there are none.
    """
    phrase_end = end
    while phrase_end > start and text[phrase_end - 1] in " \t:=-":
        phrase_end -= 1
    breaks = [match.end() for match in _BREAK.finditer(text, start, phrase_end)]
    begin = breaks[-1] if breaks else start
    while match := _BEFORE.match(text[begin:phrase_end]):
        begin += match.end()
    while after is not None and (match := after.search(text[begin:phrase_end])):
        phrase_end = begin + match.start()
    phrase = text[begin:phrase_end]
    label = phrase.strip(" \t\"'*_()-")
    return (label, begin + phrase.index(label)) if label else ("", end)
