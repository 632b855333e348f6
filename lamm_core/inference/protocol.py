"""What every engine is: it takes a conversation, gives the answer piece by piece, and can be told to stop.

Does not know models. The chat of the page, the command line and the HTTP interface stand on this; importing it imports
no torch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from lamm_core.conversation import Turn

if TYPE_CHECKING:
    from lamm_core.inference.sampling import Generation

__all__ = ["Answer", "Ended", "Engine", "Load", "Piece"]

# The model ended its answer; it was cut at the longest allowed or where the context ends; somebody stopped it.
Ended = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class Piece:
    """New text of an answer and the state of its computation; the last piece has ``done`` and says how it ``ended``.

    ``tokens`` counts those of the answer so far. ``first_token_seconds`` runs from the request, waiting and encoding
    included; ``tokens_per_second`` counts from the first token on.
    """

    text: str
    done: bool
    tokens: int
    prompt_tokens: int
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    ended: Ended | None = None


@dataclass(frozen=True)
class Load:
    """How busy an engine is: answers being computed and requests waiting, each with the most there can be.

    ``stopped`` says why it answers nothing any more; it is empty as long as it does.
    """

    running: int
    waiting: int
    most_running: int
    most_waiting: int
    stopped: str = ""


class Answer(Iterator[Piece], Protocol):
    """The pieces of one answer; `close` says that nobody wants the rest."""

    def close(self) -> None:
        """Stop computing. Closing again, or after the end, does nothing."""
        ...


class Engine(Protocol):
    """Answers conversations. Usable from any number of threads."""

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Answer:
        """Take a request at once and give its answer as it is computed.

        ``stop`` ends the answer, also while it waits for its turn; so does closing it. ``adapter`` None takes those of
        the media shown, "" none, a name that one. ``client`` is whoever asks: those who wait are served in turn, so
        that nobody's many requests keep others waiting. Raises EngineBusyError here where the queue is full; the first
        piece raises MediaError, DataError, ConfigError and PromptTooLongError.
        """
        ...

    def load(self) -> Load:
        """How busy the engine is now."""
        ...

    def close(self) -> None:
        """Give up the model. Answers that are still computed end as cancelled."""
        ...
