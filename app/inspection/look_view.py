"""A look as values of the page: the cells with their counts, filters, position, and the series with what is odd.

Does not know how they are drawn; all words in them are shown as text.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from app.inspection.board import is_percent
from app.inspection.comparison import Comparison
from app.inspection.figures import share, told
from app.inspection.pairing import CELLS, ORDERS, cells
from app.inspection.service import Look
from app.inspection.verdict import Verdict
from app.inspection.view import to_query

__all__ = ["bar_value", "facts_value"]

_ALONE = {"a": "right", "neither": "wrong"}  # the cells of a single series
_SQUARE = ("both", "a", "b", "neither")


def bar_value(look: Look, told_now: str = "") -> dict[str, Any]:
    """Cells, filters and position. ``stamp`` makes every value a new one, so that the page hears of each step."""
    view, comparison = look.view, look.comparison
    several = comparison is not None and len(comparison.series) > 1
    orders = [name for name in ORDERS if several or name in ("worst", "file")]
    return {
        "open": comparison is not None,
        "stamp": time.time_ns(),
        "query": to_query(view),
        "cells": [] if comparison is None else _cells(comparison, view.cell, several=several),
        "find": view.words,
        "orders": [{"name": name, "words": ORDERS[name]} for name in orders],
        "order": view.order if view.order in orders else orders[0],
        "position": look.position,
        "count": len(look.chosen),
        "series": 0 if comparison is None else len(comparison.series),
        "ticked": bool(view.sample) and view.sample in view.ticked,
        "ticks": len(view.ticked),
        "told": " ".join(words for words in (look.told, told_now) if words),
    }


def facts_value(comparison: Comparison | None, verdict: Verdict | None, missing: int = 0) -> dict[str, Any]:
    """The series over their shared samples, the verdict (None: it is being computed), and what is odd."""
    if comparison is None:
        return {"open": False}
    notes = list(comparison.notes)
    if missing:
        notes.append(f"{missing:,} samples lack their picture or cloud on this machine.")
    waiting = {"sentence": "Drawing samples again to see how sure the difference is …"}
    return {
        "open": True,
        "series": [_series(comparison, number) for number in range(len(comparison.series))],
        "verdict": waiting if verdict is None else verdict.to_json(),
        "notes": notes,
    }


def _cells(comparison: Comparison, chosen: str, *, several: bool) -> list[dict[str, Any]]:
    counts = cells(comparison.pairing)
    shown = []
    for name, words in CELLS.items():
        if not several and name in ("both", "b"):
            continue
        if name in ("unparsed", "failed") and not counts[name]:
            continue
        shown.append(
            {
                "name": name,
                "words": words if several else _ALONE.get(name, words),
                "count": counts[name],
                "on": name == chosen,
                "square": several and name in _SQUARE,
            }
        )
    return shown


def _series(comparison: Comparison, number: int) -> dict[str, Any]:
    one, rows = comparison.series[number], comparison.pairing.rows[number]
    columns = one.index.columns
    answered = columns.trouble[rows] == 0
    metric, higher = next(iter(one.run.metrics.items()), ("score", True))
    value = None
    if metric in columns.gained:
        gained, possible = columns.gained[metric][rows][answered], columns.possible[metric][rows][answered]
        total = float(np.nansum(possible))
        value = float(np.nansum(gained)) / total if total else None
    unparsed = float(np.isnan(columns.score[rows][answered]).mean()) if answered.any() else 0.0
    bits = [f"{metric} on the {int(answered.sum()):,} shared samples"] if value is not None else [metric]
    bits.append(f"{share(unparsed)} unparsed")
    if gone := int((~answered).sum()):
        bits.append(f"{gone:,} without an answer")
    return {
        "letter": one.letter,
        "who": ("a", "b")[number] if number < 2 else "other",
        "title": one.title,
        "score": told(value, percent=is_percent(metric, higher)),
        "sub": " · ".join([*bits, one.run.name]),
    }
