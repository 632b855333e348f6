"""Keeps what is decided somewhere that outlives the disk, and says how far it has come.

Does not know the places nor the page. What it calls kept is there after a kill at any moment; what is not yet kept, it
counts and says so.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from annotation.review.journal import last_event, lines_after, replay
from annotation.review.store import ReviewStore
from app.reviews.shelter import Shelter, Superseded
from lamm_core.errors import LammError

__all__ = ["Keeper", "Standing"]

_EVERY_SECONDS = 30.0  # between two commits on the Hub, which allows about a hundred an hour
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """How safe decisions are. ``kept`` is the last event that outlives the disk, ``waiting`` how many do not yet."""

    name: str
    kept: int = 0
    waiting: int = 0
    problem: str = ""


class Keeper:
    """Brings a queue's events to a shelter, after each act or every few seconds in a thread."""

    def __init__(self, place: Shelter, *, every: float = _EVERY_SECONDS) -> None:
        self.place = place
        self._every = every
        self._store: ReviewStore | None = None
        self._kept = 0
        self._problem = ""
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def open(self, open_store: Callable[[], ReviewStore]) -> ReviewStore:
        """Open the queue and, where it is empty, fill it with what was kept. Raises AnnotationError."""
        lines = self.place.take_over()
        store = open_store()
        if lines and not last_event(store.database):
            replay(store.database, lines)
            self._kept = last_event(store.database)
        elif lines:  # the disk lasted after all: what it holds and the place lacks is brought there
            self._kept = max(_number(line) for line in lines)
        self._store = store
        if not self.place.at_once:
            threading.Thread(target=self._work, name="keep decisions", daemon=True).start()
        self.keep()
        return store

    def acted(self) -> None:
        """Something was decided: keep it now where that is quick, else with the next commit."""
        if self.place.at_once:
            self.keep()

    def keep(self) -> Standing:
        """Bring everything there that is not there yet."""
        with self._lock:
            store = self._store
            if store is None:
                return Standing(self.place.name)
            try:
                while lines := lines_after(store.database, self._kept):
                    self.place.keep([line.text for line in lines])
                    self._kept = lines[-1].number
                self._problem = ""
            except LammError as error:
                if str(error) != self._problem:
                    _log.error("decisions are not kept: %s", error)
                self._problem = str(error)
                if isinstance(error, Superseded):
                    self._wake.set()  # ends the thread: this program may not write any more
        return self.standing()

    def standing(self) -> Standing:
        """How far keeping is."""
        if self._store is None:
            return Standing(self.place.name, problem=self._problem)
        waiting = last_event(self._store.database) - self._kept
        return Standing(self.place.name, self._kept, waiting, self._problem)

    def _work(self) -> None:
        while not self._wake.wait(self._every):
            self.keep()


def _number(line: str) -> int:
    return int(json.loads(line)["event"]["number"])
