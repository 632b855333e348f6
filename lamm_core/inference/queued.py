"""What our engines share: the line in front of them, and from a conversation to a prompt.

Does not know what computes the answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from lamm_core.conversation import Turn
from lamm_core.errors import EngineStoppedError
from lamm_core.inference.detokenize import TextStream
from lamm_core.inference.features import FeatureCache
from lamm_core.inference.protocol import Load
from lamm_core.inference.request import FairQueue, Pieces, Request
from lamm_core.inference.sampling import Generation
from lamm_core.inference.writing import Prompt, Writing
from lamm_core.model.lamm import LammModel

__all__ = ["QueuedEngine"]


class QueuedEngine:
    """An engine with a line and one thread of its own. Whoever inherits says how the line moves on."""

    def __init__(self, model: LammModel, *, media_kept: int, most_running: int, most_waiting: int) -> None:
        self.model = model
        self._features = FeatureCache(model, media_kept)
        self._stop_ids = model.prompts.stop_ids()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._most_running = most_running
        self._lock = threading.Lock()  # of all below
        self._queue = FairQueue(most_waiting)
        self._closed = ""  # why, once it is
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
                raise EngineStoppedError(self._closed)
            turn_seconds = self._answer_seconds * (1 + len(self._queue) / self._most_running)
            self._queue.put(request, retry_seconds=turn_seconds)
            self._wake()
        return Pieces(request, self._withdraw)

    def answer(self, turns: Sequence[Turn], settings: Generation | None = None, *, adapter: str | None = None) -> str:
        """The whole answer. Raises what `stream` raises."""
        return "".join(piece.text for piece in self.stream(turns, settings, adapter=adapter))

    def load(self) -> Load:
        """How busy the engine is now."""
        with self._lock:
            return Load(self._running(), len(self._queue), self._most_running, self._queue.most, self._closed)

    def _wake(self) -> None:
        """See to it that the line moves on. Called with the lock held."""
        raise NotImplementedError

    def _running(self) -> int:
        raise NotImplementedError

    def _begin(self, request: Request) -> None:
        """Start to compute an answer."""
        raise NotImplementedError

    def _let_one_in(self) -> bool:
        """Begin the next answer, if there is room and somebody waits."""
        with self._lock:
            if self._closed or not len(self._queue) or self._running() >= self._most_running:
                return False
            request = self._queue.take()
        if request.is_set():
            request.cancelled()
            return True
        try:
            self._begin(request)
        except Exception as error:  # it belongs to whoever asked, and is raised where the answer is read
            request.channel.put(error)
        return True

    def _withdraw(self, request: Request) -> bool:
        with self._lock:
            return self._queue.withdraw(request)

    def _note(self, writing: Writing) -> None:
        self._answer_seconds += 0.2 * (time.perf_counter() - writing.began - self._answer_seconds)

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

    def _writing(self, request: Request, prompt: Prompt) -> Writing:
        prompts = self.model.prompts
        text = TextStream(prompts.tokenizer, prompts.stop_strings(), prompts.template.answer_lead)
        return Writing(request, prompt, text, self._stop_ids)
