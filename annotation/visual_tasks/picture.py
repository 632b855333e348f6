"""A picture with what is known about it, whatever set it came from.

Does not know how the set was stored, nor which questions will be asked.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from PIL import Image

__all__ = ["Exchange", "Picture", "Thing", "decoded", "encoded"]

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 as shares of width and height


@dataclass(frozen=True)
class Thing:
    """One annotated object."""

    label: str
    box: Box

    @property
    def area(self) -> float:
        """Share of the picture that the box covers."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Picture:
    """A picture file and its annotations; which fields are filled depends on the set.

    ``content`` are the bytes of the picture file and ``suffix`` its ending. ``vocabulary`` are the class names of the
    set. ``joints`` are shares of width and height, like the boxes.
    """

    id: str
    source: str
    content: bytes
    suffix: str
    width: int
    height: int
    label: str | None = None
    word: str | None = None
    things: tuple[Thing, ...] = ()
    joints: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()

    def of(self, label: str) -> list[Thing]:
        """The objects of one class, largest first."""
        return sorted((thing for thing in self.things if thing.label == label), key=lambda thing: -thing.area)

    @property
    def labels(self) -> list[str]:
        """The classes present, the one with the largest object first."""
        return list(dict.fromkeys(thing.label for thing in sorted(self.things, key=lambda thing: -thing.area)))


class Exchange(NamedTuple):
    """One question about a picture and its answer; ``kind`` is the task type as LAMM's records name it."""

    question: str
    answer: str
    kind: str


def encoded(image: Image.Image, *, quality: int | None = 92) -> tuple[bytes, str]:
    """Bytes and suffix of a picture: JPEG of that quality, or PNG for ``quality=None``."""
    buffer = io.BytesIO()
    if quality is None:
        image.save(buffer, "PNG")
        return buffer.getvalue(), ".png"
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue(), ".jpg"


def decoded(picture: Picture) -> Image.Image:
    """The pixels, as RGB."""
    return Image.open(io.BytesIO(picture.content)).convert("RGB")
