"""Our engine: one model and many answers at once, each as if it were computed alone.

Does not know who asks. All computing happens on one thread of the engine's own, which is its lock: the adapters' lock
belongs to a thread, and whoever reads a stream may read each piece from another one. That thread works in steps. A step
lets at most one waiting request in and computes one token of every answer in progress, so that requests come and go
between any two tokens.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from lamm_core.conversation import Turn
from lamm_core.errors import ConfigError, PromptTooLongError
from lamm_core.inference.decode import Decoder, decoder_for
from lamm_core.inference.detokenize import TextStream
from lamm_core.inference.features import FeatureCache
from lamm_core.inference.likelihood import mean_log_probabilities
from lamm_core.inference.protocol import Load, Piece
from lamm_core.inference.request import FairQueue, Pieces, Request
from lamm_core.inference.sampling import Generation
from lamm_core.inference.writing import Prompt, Table, Writing
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

__all__ = ["Answered", "Generation", "LocalEngine"]


@dataclass(frozen=True)
class Answered:
    """A whole answer out of many; ``seconds`` is its share of the time that all took."""

    text: str
    tokens: int
    seconds: float


class LocalEngine:
    """Answers conversations with a model in this process. Usable from any number of threads."""

    def __init__(
        self, model: LammModel, *, media_kept: int = 64, most_running: int = 16, most_waiting: int = 256
    ) -> None:
        self.model = model
        self._decoder: Decoder = decoder_for(model.language_model)
        self._features = FeatureCache(model, media_kept)
        self._stop_ids = model.prompts.stop_ids()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._most_running = most_running
        self._tables: list[Table] = []  # changed by the worker only
        self._lock = threading.Lock()  # of all below
        self._queue = FairQueue(most_waiting)
        self._stepping = False  # a step is on its way
        self._closed = False
        self._answer_seconds = 1.0  # about what an answer takes

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Pieces:
        """As the protocol says; PromptTooLongError comes before the language model computes anything."""
        request = Request(turns, settings, stop=stop, adapter=adapter, client=client)
        with self._lock:
            if self._closed:
                raise ConfigError("This model was put away while you asked. Choose a model and ask again.")
            turn_seconds = self._answer_seconds * (1 + len(self._queue) / self._most_running)
            self._queue.put(request, retry_seconds=turn_seconds)
            if not self._stepping:
                self._stepping = True
                self._worker.submit(self._step)
        return Pieces(request, self._withdraw)

    def load(self) -> Load:
        """How busy the engine is now."""
        with self._lock:
            return Load(self._running(), len(self._queue), self._most_running, self._queue.most)

    def close(self) -> None:
        """Compute nothing more; all answers end as cancelled."""
        with self._lock:
            self._closed = True
        self._worker.shutdown(wait=False)

    def answer(self, turns: Sequence[Turn], settings: Generation | None = None, *, adapter: str | None = None) -> str:
        """The whole answer. Raises what `stream` raises."""
        return "".join(piece.text for piece in self.stream(turns, settings, adapter=adapter))

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

    def _withdraw(self, request: Request) -> bool:
        with self._lock:
            return self._queue.withdraw(request)

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

    def _let_one_in(self) -> None:
        with self._lock:
            if self._closed or not len(self._queue) or self._running() >= self._most_running:
                return
            request = self._queue.take()
        if request.is_set():
            request.cancelled()
            return
        try:
            self._begin(request)
        except Exception as error:  # it belongs to whoever asked, and is raised where the answer is read
            request.channel.put(error)

    def _begin(self, request: Request) -> None:
        prompt = self._prepare(request.turns, request.settings, request.adapter)
        prompts = self.model.prompts
        text = TextStream(prompts.tokenizer, prompts.stop_strings(), prompts.template.answer_lead)
        table = self._table_for(prompt.adapters)
        table.join(Writing(request, prompt, text, self._stop_ids), prompt.embeds)
        if table.writing and table not in self._tables:
            self._tables.append(table)

    def _table_for(self, adapters: frozenset[str]) -> Table:
        for table in self._tables:
            if table.adapters == adapters and not table.group.full:
                return table
        with active(self.model.language_model, adapters):
            return Table(adapters, self._decoder.group(), self._note)

    def _note(self, writing: Writing) -> None:
        self._answer_seconds += 0.2 * (time.perf_counter() - writing.began - self._answer_seconds)

    def _advance(self, table: Table) -> None:
        try:
            table.advance()
        except Exception as error:  # raised where the answers are read
            table.fail(error)
        if not table.writing:
            self._tables.remove(table)

    @torch.no_grad()
    def _prepare(self, turns: Sequence[Turn], settings: Generation, adapter: str | None) -> Prompt:
        model = self.model
        media = [medium for turn in turns for medium in turn.media]
        features = self._features.encode(media)
        rendered = model.prompts.build(
            turns,
            [len(feature) for feature in features],
            for_training=False,
            context_tokens=model.context_tokens,
        )
        chosen = model.modalities_of(turns) if adapter is None else {adapter} - {""}
        # The token after the last position of the context is still known; nothing can follow it.
        room = model.context_tokens - len(rendered.input_ids) + 1
        limited = replace(settings, max_new_tokens=min(settings.max_new_tokens, room))
        return Prompt(model.embed(rendered, media, features), frozenset(chosen), limited)

    def _score_options(self, turns: Sequence[Turn], options: Sequence[str], adapter: str | None) -> list[float]:
        prompt = self._prepare(turns, Generation(), adapter)
        answers = [self.model.prompts.answer_ids(option) for option in options]
        if (needed := len(prompt.embeds) + max(map(len, answers), default=0)) > self.model.context_tokens:
            raise PromptTooLongError(needed, self.model.context_tokens)
        with active(self.model.language_model, prompt.adapters):
            return mean_log_probabilities(self.model.base_model, prompt.embeds, answers)
