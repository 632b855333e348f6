"""Which models there are, and the one that is loaded, loaded in the background.

Does not know how a model is read from its folder (that is passed in) nor who asks it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from app.feedback import explain
from lamm_core.conversation import Turn
from lamm_core.errors import CheckpointError, LammError

if TYPE_CHECKING:
    from lamm_core.inference.sampling import Generation

__all__ = ["Answerer", "Loaded", "ModelCard", "Progress", "Shelf", "Spoken", "Status"]

_log = logging.getLogger(__name__)

Progress = Callable[[str, float | None], None]  # what is being done, share done in [0, 1] if known


class Spoken(Protocol):
    """A piece of an answer, as the engine yields it: the new text, and the counts so far."""

    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def first_token_seconds(self) -> float | None: ...
    @property
    def tokens_per_second(self) -> float | None: ...


class Answerer(Protocol):
    """What answers: the engine, or in tests one that speaks from a script."""

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
    ) -> Iterator[Spoken]:
        """Yield the answer piece by piece until it ends or ``stop`` is set."""
        ...


@dataclass(frozen=True)
class ModelCard:
    """A model on disk."""

    name: str
    folder: Path
    adapters: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """A model in memory."""

    engine: Answerer
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


class Shelf:
    """Lists model folders and holds one model; switching lets go of it and loads the other in a thread."""

    def __init__(self, folders: Sequence[Path], load: Callable[[ModelCard, Progress], Loaded]) -> None:
        self._folders = tuple(folders)
        self._load = load
        self._change = threading.Condition()
        self._status = Status("")
        self._loaded: Loaded | None = None
        self._error: LammError | None = None

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
        """What is loaded or being loaded, now."""
        with self._change:
            return self._status

    def start(self, name: str) -> None:
        """Begin to load a model and return at once; nothing happens if it is loaded or loading already."""
        with self._change:
            if self._status.name == name and self._status.phase in ("loading", "ready"):
                return
            self._status = Status(name, "loading", doing="opening")
            self._loaded, self._error = None, None
        threading.Thread(target=self._work, args=(name,), name=f"load {name}", daemon=True).start()

    def wait(self, stop: threading.Event) -> tuple[Status, Loaded] | None:
        """The loaded model, waiting while it loads; None if ``stop`` was set. Raises what made loading fail."""
        with self._change:
            while not stop.is_set():
                if self._loaded is not None:
                    return self._status, self._loaded
                if self._error is not None:
                    raise self._error
                if self._status.phase == "none":
                    raise CheckpointError("No model is chosen. Pick one under Model.")
                self._change.wait(timeout=0.1)
        return None

    def _work(self, name: str) -> None:
        def report(doing: str, share: float | None) -> None:
            with self._change:
                if self._status.name == name:
                    self._status = replace(self._status, doing=doing, share=share)

        try:
            loaded = self._load(self.card(name), report)
            error = None
        except Exception as raised:  # shown in the header and to whoever asks; a thread has nobody else to tell
            notice = explain(raised)
            loaded, error = None, raised if isinstance(raised, LammError) else CheckpointError(f"{name}: {notice.text}")
        with self._change:
            if self._status.name != name:
                return  # somebody chose another model meanwhile
            self._loaded, self._error = loaded, error
            if loaded is not None:
                self._status = Status(
                    name, "ready", device=loaded.device, precision=loaded.precision, modalities=loaded.modalities
                )
            else:
                self._status = Status(name, "failed", doing=str(error))
            self._change.notify_all()
