"""Values that a browser sent, and anybody could have, read as what they have to be.

Does not know what they are asked for. Whatever does not fit raises AnnotationError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.review.filters import ORDERS, Filter, Order
from annotation.review.items import DECISIONS, Box, Seen
from app.reviews.service import Decision
from lamm_core.conversation import Role
from lamm_core.errors import AnnotationError

__all__ = ["Asked"]

_MOST_TEXT = 2_000_000  # letters of all turns of an edit
_MOST_TURNS = 200
_MOST_BOXES = 2_000
_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True)
class Asked:
    """One request of the page."""

    values: Mapping[str, Any]

    def text(self, name: str, *, most: int = 4_000) -> str:
        """A text, empty where there is none."""
        value = self.values.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise _wrong(name)
        return value

    def texts(self, name: str, *, most: int = 100) -> list[str]:
        """A list of short texts."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise _wrong(name)
        if not all(isinstance(one, str) and len(one) <= 200 for one in value):
            raise _wrong(name)
        return list(value)

    def whole(self, name: str, *, low: int = 0, high: int = 2**53) -> int:
        """A whole number."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(name)
        return value

    def optional(self, name: str) -> int | None:
        """A whole number, or none."""
        return None if self.values.get(name) is None else self.whole(name)

    def amount(self, name: str) -> float:
        """A number that is not negative; 0 where there is none."""
        value = self.values.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _wrong(name)
        return max(0.0, float(value))

    def flag(self, name: str) -> bool:
        """Yes or no."""
        return self.values.get(name) is True

    @property
    def filters(self) -> Filter:
        """Which items are meant."""
        value = self.values.get("filters", {})
        if not isinstance(value, Mapping):
            raise _wrong("filters")
        given = Asked(value)
        short = {name: given.text(name, most=500) for name in ("kind", "source", "check", "reviewer", "text")}
        return Filter(status=tuple(given.texts("status", most=10)), **short)

    @property
    def order(self) -> Order:
        """In which order."""
        value = self.values.get("order", "error")
        for order in ORDERS:
            if value == order:
                return order
        raise _wrong("order")

    @property
    def seen(self) -> Seen:
        """Which view of which item."""
        return Seen(self.text("id", most=200), self.whole("version"), self.flag("second"))

    @property
    def spoken(self) -> tuple[tuple[Role, str], ...]:
        """Role and text of every turn of an edit."""
        value = self.values.get("turns", [])
        if not isinstance(value, list) or len(value) > _MOST_TURNS:
            raise _wrong("turns")
        turns = []
        for one in value:
            if not isinstance(one, Mapping) or one.get("role") not in _ROLES or not isinstance(one.get("text"), str):
                raise _wrong("turns")
            turns.append((_ROLES[one["role"]], one["text"]))
        if sum(len(text) for _, text in turns) > _MOST_TEXT:
            raise AnnotationError(f"This edit is longer than {_MOST_TEXT:,} letters. Make it shorter, or reject it.")
        return tuple(turns)

    @property
    def boxes(self) -> tuple[Box, ...] | None:
        """The boxes of an edit; None where they were not touched."""
        value = self.values.get("boxes")
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > _MOST_BOXES:
            raise _wrong("boxes")
        return tuple(_box(one) for one in value)

    @property
    def decision(self) -> Decision:
        """What was decided."""
        action = next((one for one in DECISIONS if one == self.values.get("action")), None)
        if action is None:
            raise _wrong("action")
        return Decision(
            action=action,
            seen=self.seen,
            texts=self.spoken,
            boxes=self.boxes,
            reason=self.text("reason", most=50),
            note=self.text("note").strip(),
            seconds=self.amount("seconds"),
        )


def _box(value: Any) -> Box:
    if not isinstance(value, Mapping) or not isinstance(value.get("label"), str) or len(value["label"]) > 500:
        raise _wrong("boxes")
    numbers = value.get("values")
    if not isinstance(numbers, list) or len(numbers) not in (2, 4, 6):
        raise _wrong("boxes")
    if any(isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one) for one in numbers):
        raise _wrong("boxes")
    if len(numbers) != 6 and any(not 0 <= one <= 1 for one in numbers):
        raise AnnotationError("A box reaches beyond the picture. Move it back inside.")
    if len(numbers) == 4 and (numbers[0] >= numbers[2] or numbers[1] >= numbers[3]):
        raise AnnotationError("A box has no width or no height. Make it larger, or delete it.")
    if len(numbers) == 6 and (min(numbers[3:]) <= 0 or max(map(abs, numbers)) >= 1e6):
        raise AnnotationError("A box has no size, or lies a thousand kilometres away. Give centre and size in metres.")
    return Box(value["label"], tuple(float(one) for one in numbers))


def _wrong(name: str) -> AnnotationError:
    return AnnotationError(f"The page sent something that is no {name}. Nothing was saved; load the page anew.")
