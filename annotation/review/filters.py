"""Which items are meant: a filter, an order, a page.

Does not know how they are looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

from annotation.review.items import STATUSES, Item
from lamm_core.errors import AnnotationError
from lamm_core.registry import nearest

__all__ = ["ORDERS", "Filter", "Order", "Page", "Preview"]

Order = Literal["error", "oldest", "newest", "shuffled"]
ORDERS: Mapping[Order, str] = {
    "error": "Most suspicious first",
    "oldest": "Oldest first",
    "newest": "Newest first",
    "shuffled": "Shuffled, the same for everybody",
}
"""The orders by name, with the words that are shown. Error rates are unbiased only over the shuffled one."""


@dataclass(frozen=True)
class Filter:
    """Items to which everything given applies; what is empty does not matter.

    ``check`` names a machine check that complained, ``reviewer`` who decided, ``text`` words that are said.
    """

    status: tuple[str, ...] = ()
    kind: str = ""
    source: str = ""
    check: str = ""
    reviewer: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        for one in self.status:
            if one not in STATUSES:
                close = nearest(one, STATUSES)
                hint = f" Did you mean {close!r}?" if close else ""
                raise AnnotationError(f"There is no status {one!r}.{hint} Known: {', '.join(STATUSES)}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Filter:
        """From plain values. Raises AnnotationError for a key it does not have."""
        known = {one.name for one in fields(cls)}
        for key in values:
            if key not in known:
                raise AnnotationError(f"A filter has no {key!r}; known: {', '.join(sorted(known))}.")
        status = values.get("status", ())
        return cls(**{**values, "status": (status,) if isinstance(status, str) else tuple(status)})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without what is empty."""
        return {key: list(value) if key == "status" else value for key, value in asdict(self).items() if value}


class Page(NamedTuple):
    """Some items, and the key to ask for those after them with; None at the end."""

    items: list[Item]
    after: str | None


class Preview(NamedTuple):
    """What an act upon a whole filter would meet: how many items, the first of them, and the event it was read at."""

    total: int
    items: list[Item]
    event: int
