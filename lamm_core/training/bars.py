"""Progress bars for a terminal which also tell, in words, whoever reads the run's folder.

Does not know what is done. A run that encodes a hundred thousand pictures says for hours how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Bars", "time_left"]

SECONDS = 1.0  # between two words


class Bars(Progress):
    """``tell`` gets "Encoding images: 120 of 400, 3 min left" about once a second; ``shown`` draws bars as well."""

    def __init__(self, tell: Callable[[str], None], *, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        super().__init__(*columns, TextColumn("left"), TimeRemainingColumn(), disable=not shown)
        self._tell = tell
        self._told = time.monotonic()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """One more is done."""
        super().advance(task_id, advance)
        now = time.monotonic()
        if now - self._told >= SECONDS:
            self._told = now
            self._tell(in_words(self._tasks[task_id]))


def in_words(task: Task) -> str:
    """What is done, how much of it, and the time left where that is known."""
    count = f"{task.completed:,.0f}" + (f" of {task.total:,.0f}" if task.total is not None else "")
    left = task.time_remaining
    return f"{task.description}: {count}" + ("" if left is None else f", {time_left(left)}")


def time_left(seconds: float) -> str:
    """As one says it: "6 min left"."""
    return f"{seconds / 60:.0f} min left" if seconds >= 60 else "less than a minute left"
