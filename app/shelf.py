"""Which models there are, and those that are loaded, loaded in the background.

Does not know how a model is read from its folder (that is passed in) nor who asks it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.feedback import explain
from lamm_core.errors import CheckpointError, LammError
from lamm_core.inference.protocol import Engine

__all__ = ["Loaded", "ModelCard", "Progress", "Shelf", "Status"]

_log = logging.getLogger(__name__)

Progress = Callable[[str, float | None], None]  # what is being done, share done in [0, 1] if known


@dataclass(frozen=True)
class ModelCard:
    """A model on disk."""

    name: str
    folder: Path
    adapters: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """A model in memory."""

    engine: Engine
    device: str
    precision: str
    modalities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Status:
    """What the header says of the model."""

    name: str
    phase: Literal["none", "loading", "ready", "failed"] = "none"
    doing: str = ""
    share: float | None = None
    device: str = ""
    precision: str = ""
    modalities: frozenset[str] = frozenset()  # what a model that is ready can read


@dataclass
class _Job:
    """A model that is wanted: how far it is, and what came of it. Changed under the shelf's lock."""

    status: Status
    loaded: Loaded | None = None
    error: LammError | None = None


class Shelf:
    """Lists model folders and holds the models used last, loaded in threads; one of them is the chosen one.

    At most ``keep`` are in memory when nothing loads. A model that is loaded or loading is never loaded again.
    """

    def __init__(
        self, folders: Sequence[Path], load: Callable[[ModelCard, Progress], Loaded], *, keep: int = 1
    ) -> None:
        self._folders = tuple(folders)
        self._load = load
        self._keep = keep
        self._change = threading.Condition()
        self._jobs: dict[str, _Job] = {}  # the one used last is the last
        self._chosen = ""

    def cards(self) -> tuple[ModelCard, ...]:
        """Every folder with a ``config.json`` below the model folders; a name seen twice counts once."""
        found: dict[str, ModelCard] = {}
        for parent in self._folders:
            for config in sorted(parent.glob("*/config.json")):
                folder = config.parent
                adapters = tuple(sorted(path.name.removeprefix("adapter-") for path in folder.glob("adapter-*")))
                found.setdefault(folder.name, ModelCard(folder.name, folder, adapters))
        return tuple(found.values())

    def card(self, name: str) -> ModelCard:
        """The model of that name. Raises CheckpointError naming those there are."""
        cards = self.cards()
        for card in cards:
            if card.name == name:
                return card
        known = ", ".join(card.name for card in cards) or "none"
        raise CheckpointError(f"There is no model called {name!r}. Models found: {known}.")

    def status(self) -> Status:
        """How far the chosen model is, now."""
        with self._change:
            return self._jobs[self._chosen].status if self._chosen else Status("")

    def start(self, name: str) -> None:
        """Choose a model and return at once; it begins to load unless it is loaded or loading already."""
        with self._change:
            self._chosen = name
            self._want(name)

    def forget(self, name: str) -> None:
        """Drop a model from memory: its folder holds another one now. It is loaded anew when it is wanted."""
        with self._change:
            self._jobs.pop(name, None)
            if self._chosen == name:
                self._chosen = ""

    def wait(self, stop: threading.Event, name: str = "") -> tuple[Status, Loaded] | None:
        """The chosen model or the one of that name, waiting while it loads; None if ``stop`` was set.

        Raises what made loading fail. A named one that is not there begins to load; the choice stays as it is.
        """
        with self._change:
            wanted = self._want(name) if name else None
            while not stop.is_set():
                job = wanted or self._jobs.get(self._chosen)
                if job is None:
                    raise CheckpointError("No model is chosen. Pick one under Model.")
                if job.loaded is not None:
                    return job.status, job.loaded
                if job.error is not None:
                    raise job.error
                self._change.wait(timeout=0.1)
        return None

    def _want(self, name: str) -> _Job:
        """Make the model the one used last, and load it where that has not begun or has failed."""
        job = self._jobs.pop(name, None)
        fresh = job is None or job.error is not None
        if job is None or fresh:
            job = _Job(Status(name, "loading", doing="opening"))
        self._jobs[name] = job
        self._let_go()
        if fresh:
            threading.Thread(target=self._work, args=(name, job), name=f"load {name}", daemon=True).start()
        return job

    def _let_go(self) -> None:
        """Forget the models used longest ago. One that loads cannot be stopped and is forgotten when it is there."""
        for name, job in tuple(self._jobs.items()):
            if len(self._jobs) <= self._keep:
                return
            if name != self._chosen and job.status.phase != "loading":
                del self._jobs[name]

    def _work(self, name: str, job: _Job) -> None:
        def report(doing: str, share: float | None) -> None:
            with self._change:
                job.status = replace(job.status, doing=doing, share=share)

        try:
            loaded = self._load(self.card(name), report)
            error = None
        except Exception as raised:  # shown in the header and to whoever asks; a thread has nobody else to tell
            notice = explain(raised)
            loaded, error = None, raised if isinstance(raised, LammError) else CheckpointError(f"{name}: {notice.text}")
        with self._change:
            job.loaded, job.error = loaded, error
            if loaded is not None:
                job.status = Status(
                    name, "ready", device=loaded.device, precision=loaded.precision, modalities=loaded.modalities
                )
            else:
                job.status = Status(name, "failed", doing=str(error))
            self._let_go()
            self._change.notify_all()
