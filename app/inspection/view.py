"""What one person looks at in the benchmark: which series, which filter, which sample; as a link and back.

Does not know runs: a link may name some that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode

from app.inspection.pairing import CELLS, ORDERS, Cell, Order

__all__ = ["LONGEST", "MOST_PICKED", "View", "from_query", "to_query", "with_pick"]

MOST_PICKED = 6  # series side by side; more are no comparison
LONGEST = 400  # characters of a name or a search taken from outside
_BETWEEN = "~"  # between the keys of series in a link


@dataclass(frozen=True)
class View:
    """``picked`` are keys of series: the first is A, the second B. ``sample`` is an id, empty for the first one.

    ``metric`` is what the leaderboard tells, empty for the main one. ``ticked`` are ids of samples of these series.
    """

    task: str = ""
    picked: tuple[str, ...] = ()
    cell: Cell = ""
    words: str = ""
    order: Order = "difference"
    sample: str = ""
    metric: str = ""
    ticked: frozenset[str] = frozenset()

    def compares(self, task: str, picked: tuple[str, ...]) -> View:
        """The same look at other series; what was ticked among others is not ticked among these."""
        return replace(self, task=task, picked=picked, sample="", ticked=frozenset())


def with_pick(view: View, task: str, key: str) -> View:
    """Pick a series, or drop it where it is picked; a series of another task begins a new comparison."""
    if task != view.task:
        return View(task=task, picked=(key,))
    if key in view.picked:
        return view.compares(task, tuple(one for one in view.picked if one != key))
    return view.compares(task, (*view.picked, key)[-MOST_PICKED:])


def to_query(view: View) -> str:
    """The view as the query of a link. Ticks stay out of it: they are for marking now."""
    values = {
        "task": view.task,
        "runs": _BETWEEN.join(view.picked),
        "cell": view.cell,
        "find": view.words,
        "order": "" if view.order == "difference" else view.order,
        "sample": view.sample,
        "metric": view.metric,
    }
    return urlencode({"tab": "benchmark"} | {name: value for name, value in values.items() if value})


def from_query(query: Mapping[str, Any]) -> View | None:
    """The view that a link names, or None if it names none; what it says wrongly is left out."""
    if query.get("tab") != "benchmark":
        return None

    def text(name: str) -> str:
        return str(query.get(name) or "")[:LONGEST]

    picked = tuple(dict.fromkeys(key for key in str(query.get("runs") or "").split(_BETWEEN) if key))[:MOST_PICKED]
    cell, order = text("cell"), text("order")
    return View(
        task=text("task"),
        picked=picked,
        cell=cast(Cell, cell) if cell in CELLS else "",
        words=text("find"),
        order=cast(Order, order) if order in ORDERS else "difference",
        sample=text("sample"),
        metric=text("metric"),
    )
