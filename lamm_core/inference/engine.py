"""The engine: one model, one request at a time in the order they came, answers piece by piece.

Does not know who asks. All computing happens on one thread of the engine's own, which is its lock: the adapters' lock
belongs to a thread, and whoever reads a stream may read each piece from another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

import torch
from torch import Tensor

from lamm_core.conversation import Turn
from lamm_core.errors import EngineBusyError, PromptTooLongError
from lamm_core.inference.decode import Decoder, decoder_for
from lamm_core.inference.detokenize import TextStream
from lamm_core.inference.features import FeatureCache
from lamm_core.inference.likelihood import mean_log_probabilities
from lamm_core.inference.protocol import Answer, Load, Piece
from lamm_core.inference.sampling import Generation
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel

__all__ = ["Answered", "Generation", "LocalEngine", "Piece"]

POLL_SECONDS = 0.05  # how long a stop may go unnoticed by a request that waits


@dataclass(frozen=True)
class Answered:
    """A whole answer computed in a batch; ``seconds`` is its share of the time that its batch took."""

    text: str
    tokens: int
    seconds: float


class AnyOf:
    """Set when one of several events is."""

    def __init__(self, *events: threading.Event) -> None:
        self._events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)


@dataclass(frozen=True)
class Prompt:
    """A conversation ready to be continued."""

    embeds: Tensor  # (L, H)
    adapters: frozenset[str]
    settings: Generation


class LocalEngine:
    """Answers conversations with a model. Usable from any number of threads."""

    def __init__(self, model: LammModel, *, media_kept: int = 64, most_waiting: int = 256) -> None:
        self._most_waiting = most_waiting
        self.model = model
        self._decoder: Decoder = decoder_for(model.language_model)
        self._features = FeatureCache(model, media_kept)
        self._stop_ids = model.prompts.stop_ids()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Answer:
        """As the protocol says; PromptTooLongError comes before the language model computes anything."""
        if (load := self.load()).waiting >= load.most_waiting:
            raise EngineBusyError(load.waiting, retry_seconds=5.0)
        return self._answered(turns, settings, stop, adapter)

    def load(self) -> Load:
        """How busy the engine is now."""
        waiting = self._worker._work_queue.qsize()
        return Load(min(1, waiting), waiting, most_running=1, most_waiting=self._most_waiting)

    def close(self) -> None:
        """Compute no further answer."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _answered(
        self, turns: Sequence[Turn], settings: Generation | None, stop: threading.Event | None, adapter: str | None
    ) -> Generator[Piece, None, None]:
        asked = time.perf_counter()
        stop = stop or threading.Event()
        abandoned = threading.Event()
        pieces: SimpleQueue[Piece | None] = SimpleQueue()

        def work() -> None:
            try:
                prompt = self._prepare(turns, settings or Generation(), adapter)
                for piece in self._pieces(prompt, AnyOf(stop, abandoned), asked):
                    pieces.put(piece)
            finally:
                pieces.put(None)

        job = self._worker.submit(work)
        try:
            yield from self._received(job, pieces, stop)
        finally:
            abandoned.set()
            job.cancel()

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
        """The answer to each conversation, in order, computed ``batch`` at a time; for measuring.

        Conversations of similar length share a batch. Other requests are served between batches. ``progress`` is told
        how many are answered. Equal to `answer` up to the rounding of batched products. Raises what `stream` raises.
        """
        settings = settings or Generation()
        answers: dict[int, Answered] = {}
        order = sorted(range(len(conversations)), key=lambda place: rough_length(conversations[place]))
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            asked = [conversations[place] for place in places]
            answered = self._worker.submit(self._answer_batch, asked, settings, adapter).result()
            answers.update(zip(places, answered, strict=True))
            if progress is not None:
                progress(start + len(places))
        return [answers[place] for place in range(len(conversations))]

    def option_scores(
        self, turns: Sequence[Turn], options: Sequence[str], *, adapter: str | None = None
    ) -> list[float]:
        """For each possible answer the mean log-probability of its tokens after the conversation, its end left out.

        Higher is likelier. Raises what `stream` raises.
        """
        return self._worker.submit(self._score_options, turns, options, adapter).result()

    def _received(self, job: Future[None], pieces: SimpleQueue[Piece | None], stop: threading.Event) -> Iterator[Piece]:
        while True:
            try:
                piece = pieces.get(timeout=POLL_SECONDS)
            except Empty:
                if stop.is_set() and job.cancel():
                    yield Piece("", done=True, tokens=0, prompt_tokens=0)
                    return
                continue
            if piece is None:
                job.result()  # raises what the work raised
                return
            yield piece

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

    def _pieces(self, prompt: Prompt, stop: AnyOf, asked: float) -> Iterator[Piece]:
        text = self._text()
        tokens = 0
        first = now = 0.0

        def piece(new: str, *, done: bool) -> Piece:
            speed = (tokens - 1) / (now - first) if tokens > 1 else None
            waited = first - asked if tokens else None
            return Piece(new, done, tokens, len(prompt.embeds), waited, speed)

        with active(self.model.language_model, prompt.adapters):
            for token in self._decoder.generate(prompt.embeds, prompt.settings, self._stop_ids, stop):
                now = time.perf_counter()
                first = first or now
                tokens += 1
                if new := text.add(token):
                    yield piece(new, done=False)
                if text.ended:
                    break
        yield piece(text.finish(), done=True)

    def _answer_batch(
        self, conversations: Sequence[Sequence[Turn]], settings: Generation, adapter: str | None
    ) -> list[Answered]:
        began = time.perf_counter()
        prompts = [self._prepare(turns, settings, adapter) for turns in conversations]
        answers: dict[int, tuple[str, int]] = {}
        for adapters in {prompt.adapters for prompt in prompts}:
            places = [place for place, prompt in enumerate(prompts) if prompt.adapters == adapters]
            chosen = [prompts[place] for place in places]
            limit = max(prompt.settings.max_new_tokens for prompt in chosen)
            with active(self.model.language_model, adapters):
                decoded = self._decoder.generate_many(
                    [prompt.embeds for prompt in chosen],
                    replace(settings, max_new_tokens=limit),
                    self._stop_ids,
                    threading.Event(),
                )
            for place, ids in zip(places, decoded, strict=True):
                kept = ids[: prompts[place].settings.max_new_tokens]
                answers[place] = self._read(kept), len(kept)
        share = (time.perf_counter() - began) / max(1, len(prompts))
        return [Answered(*answers[place], share) for place in range(len(prompts))]

    def _score_options(self, turns: Sequence[Turn], options: Sequence[str], adapter: str | None) -> list[float]:
        prompt = self._prepare(turns, Generation(), adapter)
        answers = [self.model.prompts.answer_ids(option) for option in options]
        if (needed := len(prompt.embeds) + max(map(len, answers), default=0)) > self.model.context_tokens:
            raise PromptTooLongError(needed, self.model.context_tokens)
        with active(self.model.language_model, prompt.adapters):
            return mean_log_probabilities(self.model.base_model, prompt.embeds, answers)

    def _read(self, ids: Sequence[int]) -> str:
        text = self._text()
        parts = []
        for token in ids:
            parts.append(text.add(token))
            if text.ended:
                break
        return "".join(parts) + text.finish()

    def _text(self) -> TextStream:
        prompts = self.model.prompts
        return TextStream(prompts.tokenizer, prompts.stop_strings(), prompts.template.answer_lead)


def rough_length(turns: Sequence[Turn]) -> int:
    """Orders conversations about as their token counts do; a medium counts as a few hundred characters."""
    return sum(len(turn.text) + 300 * len(turn.media) for turn in turns)
