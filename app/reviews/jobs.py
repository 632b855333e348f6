"""Work on many items that goes on while the page is used: its state for whoever looks, in a thread of its own.

Does not know what the work is. State is kept while the program runs; what was done is in the queue either way.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.feedback import explain

__all__ = ["Job", "Jobs"]

_KEPT = 20


@dataclass
class Job:
    """One piece of work; the work itself writes ``values``, and ``stop`` asks it to end."""

    number: int
    title: str
    state: str = "running"
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def view(self) -> dict[str, Any]:
        """As the page shows it."""
        return {
            "number": self.number,
            "title": self.title,
            "state": self.state,
            "message": self.message,
            "values": dict(self.values),
        }


class Jobs:
    """The work that was begun since the program started."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._numbers = itertools.count(1)

    def begin(self, title: str, work: Callable[[Job], None]) -> Job:
        """Start ``work`` in the background."""
        job = Job(next(self._numbers), title)
        self._jobs = [*self._jobs, job][-_KEPT:]

        def run() -> None:
            try:
                work(job)
                job.state = "stopped" if job.stop.is_set() else "done"
            except Exception as error:  # told on the page; explain() logs what is not ours
                told = explain(error)
                job.state, job.message = "failed", f"{told.title}. {told.text}"

        threading.Thread(target=run, name=title, daemon=True).start()
        return job

    def views(self) -> list[dict[str, Any]]:
        """The newest first."""
        return [job.view() for job in reversed(self._jobs)]

    def stop(self, number: int) -> None:
        """Ask a job to end."""
        for job in self._jobs:
            if job.number == number:
                job.stop.set()
