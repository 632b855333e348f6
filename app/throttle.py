"""Thins out a fast stream of values: at most one each interval, and always the last.

Does not know what the values are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["throttled"]

Value = TypeVar("Value")


def throttled(
    values: Iterator[Value], interval_seconds: float, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Value]:
    """Pass on the first value, then whatever comes an interval after the last one passed on, and the final one."""
    held: list[Value] = []
    passed_at: float | None = None
    for value in values:
        held = [value]
        if passed_at is None or clock() - passed_at >= interval_seconds:
            held, passed_at = [], clock()
            yield value
    yield from held
