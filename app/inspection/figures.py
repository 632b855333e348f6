"""Figures in words: scores with their interval, shares, times; a score that is a share is told in percent.

Does not know where they stand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Figure", "figure_of", "share", "time_left", "told", "told_difference"]


@dataclass(frozen=True)
class Figure:
    """One metric of one series as a summary has it; None where there is no value.

    ``unparsed`` and ``failed`` are shares of ``count``: answers that could not be read, and questions that got none.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    unparsed: float | None = None
    failed: float | None = None


def figure_of(summary: Mapping[str, Any], metric: str, baseline: str | None) -> Figure | None:
    """The figure of a metric in summary.json; None where the summary has nothing of this series."""
    part: Any = summary if baseline is None else summary.get(baseline)
    if not isinstance(part, Mapping):
        return None
    intervals = part.get("intervals")
    ends = intervals.get(metric) if isinstance(intervals, Mapping) else None
    low, high = (_number(end) for end in ends) if isinstance(ends, Sequence) and len(ends) == 2 else (None, None)
    count = int(_number(part.get("n")) or _number(summary.get("n")) or 0)
    gone = (_number(part.get("failed")) or 0.0) + (_number(part.get("broken")) or 0.0)
    unparsed = _number(part.get("unparsed"))
    return Figure(
        metric, _number(part.get(metric)), low, high, count,
        unparsed / count if unparsed is not None and count else None, gone / count if count else None,
    )  # fmt: skip


def told(value: float | None, low: float | None = None, high: float | None = None, *, percent: bool) -> str:
    """A value with its 95 % interval: ``89.8 (87.1–92.4)``."""
    if value is None:
        return "–"
    if low is None or high is None:
        return _plain(value, percent)
    return f"{_plain(value, percent)} ({_plain(low, percent)}–{_plain(high, percent)})"


def told_difference(value: float, low: float | None, high: float | None, *, percent: bool) -> str:
    """A difference with its sign: ``+3.1 (-0.2 to +6.4)``."""
    words = _signed(value, percent)
    return words if low is None or high is None else f"{words} ({_signed(low, percent)} to {_signed(high, percent)})"


def share(value: float | None) -> str:
    """A share in percent; "0" where there is none of it."""
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.1%}" if value >= 0.001 else "<0.1%"


def time_left(seconds: Any) -> str:
    """As one says it: "6 min left"."""
    value = _number(seconds)
    if value is None or value < 0:
        return ""
    if value < 90:
        return f"{value:.0f} s left"
    return f"{value / 60:.0f} min left" if value < 5400 else f"{value / 3600:.1f} h left"


def _plain(value: float, percent: bool) -> str:
    return f"{value * 100:.1f}" if percent else f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _signed(value: float, percent: bool) -> str:
    return ("+" if value >= 0 else "\N{MINUS SIGN}") + _plain(abs(value), percent)


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
