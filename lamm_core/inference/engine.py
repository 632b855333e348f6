"""Our engine: one model and many answers at once, each as if it were computed alone.

Does not know who asks. All computing happens on one thread of the engine's own, which is its lock: the adapters' lock
belongs to a thread, and whoever reads a stream may read each piece from another one. That thread works in steps. A step
lets at most one waiting request in and computes one token of every answer in progress, so that requests come and go
between any two tokens.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lamm_core.conversation import Turn
from lamm_core.errors import PromptTooLongError
from lamm_core.inference.decode import Decoder, decoder_for
from lamm_core.inference.likelihood import mean_log_probabilities
from lamm_core.inference.protocol import Piece
from lamm_core.inference.queued import QueuedEngine
from lamm_core.inference.request import Pieces, Request
from lamm_core.inference.sampling import Generation
from lamm_core.inference.writing import Table
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

__all__ = ["Answered", "Generation", "LocalEngine"]


@dataclass(frozen=True)
class Answered:
    """A whole answer out of many; ``seconds`` is its share of the time that all took."""

    text: str
    tokens: int
    seconds: float


class LocalEngine(QueuedEngine):
    """Answers conversations with a model in this process. Usable from any number of threads."""

    def __init__(
        self, model: LammModel, *, media_kept: int = 64, most_running: int = 16, most_waiting: int = 256
    ) -> None:
        super().__init__(model, media_kept=media_kept, most_running=most_running, most_waiting=most_waiting)
        self._decoder: Decoder = decoder_for(model.language_model)
        self._tables: list[Table] = []  # changed by the worker only
        self._stepping = False  # a step is on its way; under the lock

    def close(self) -> None:
        """Compute nothing more; all answers end as cancelled."""
        with self._lock:
            self._closed = "This model was put away while you asked. Choose a model and ask again."
        self._worker.shutdown(wait=False)

    def answer_many(
        self,
        conversations: Sequence[Sequence[Turn]],
        settings: Generation | None = None,
        *,
        batch: int = 16,
        adapter: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answered]:
        """The answer to each conversation, in order, at most ``batch`` of them asked at a time; for measuring.

        ``progress`` is told how many are answered. Raises what `stream` raises.
        """
        read: list[list[Piece]] = []
        asked: deque[Pieces] = deque()
        began = time.perf_counter()
        try:
            for place in range(len(conversations) + batch):
                if place < len(conversations):
                    asked.append(self.stream(conversations[place], settings, adapter=adapter))
                if asked and (len(asked) == batch or place >= len(conversations)):
                    read.append(list(asked.popleft()))
                    if progress is not None:
                        progress(len(read))
        finally:
            for unread in asked:
                unread.close()
        share = (time.perf_counter() - began) / max(1, len(read))
        return [Answered("".join(one.text for one in pieces), pieces[-1].tokens, share) for pieces in read]

    def option_scores(
        self, turns: Sequence[Turn], options: Sequence[str], *, adapter: str | None = None
    ) -> list[float]:
        """For each possible answer the mean log-probability of its tokens after the conversation, its end left out.

        Higher is likelier. Raises what `stream` raises.
        """
        return self._worker.submit(self._score_options, turns, options, adapter).result()

    def _running(self) -> int:
        return sum(len(table.writing) for table in self._tables)

    def _wake(self) -> None:
        if not self._stepping:
            self._stepping = True
            self._worker.submit(self._step)

    def _step(self) -> None:
        """One token of every answer; then another step, behind whatever else the worker was asked for meanwhile."""
        try:
            self._let_one_in()
            for table in list(self._tables):
                self._advance(table)
        finally:
            with self._lock:
                self._stepping = not self._closed and bool(self._tables or len(self._queue))
                if self._stepping:
                    self._worker.submit(self._step)
                elif self._closed:
                    self._dismiss()

    def _dismiss(self) -> None:
        for table in self._tables:
            for writing in table.writing:
                writing.finish("cancelled")
        self._tables.clear()
        while len(self._queue):
            self._queue.take().cancelled()

    def _begin(self, request: Request) -> None:
        prompt = self._prepare(request.turns, request.settings, request.adapter)
        table = self._table_for(prompt.adapters)
        table.join(self._writing(request, prompt), prompt.embeds)
        if table.writing and table not in self._tables:
            self._tables.append(table)

    def _table_for(self, adapters: frozenset[str]) -> Table:
        for table in self._tables:
            if table.adapters == adapters and not table.group.full:
                return table
        with active(self.model.language_model, adapters):
            return Table(adapters, self._decoder.group(), self._note)

    def _advance(self, table: Table) -> None:
        try:
            table.advance()
        except Exception as error:  # raised where the answers are read
            table.fail(error)
        if not table.writing:
            self._tables.remove(table)

    def _score_options(self, turns: Sequence[Turn], options: Sequence[str], adapter: str | None) -> list[float]:
        prompt = self._prepare(turns, Generation(), adapter)
        answers = [self.model.prompts.answer_ids(option) for option in options]
        if (needed := len(prompt.embeds) + max(map(len, answers), default=0)) > self.model.context_tokens:
            raise PromptTooLongError(needed, self.model.context_tokens)
        with active(self.model.language_model, prompt.adapters):
            return mean_log_probabilities(self.model.base_model, prompt.embeds, answers)
