"""The chat of the page: takes a question in, streams the answer, stops, retries, edits, undoes.

Does not know the page: it maps one conversation to the next and never raises what a person caused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.conversation import Answer, Cloud, Exchange, Thread
from app.feedback import Notice, explain
from app.sessions import Sessions
from app.shelf import Shelf

__all__ = ["ADAPTER_CHOICES", "ChatService", "Sampling"]

_LEAVE_SECONDS = 2.0  # more than the engine takes to notice a stop
ADAPTER_CHOICES = ("automatic", "none")  # followed by the names of the model's own


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; ``top_p`` has an effect only where the temperature is above 0."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    adapter: str = "automatic"
    seed: int | None = None


class ChatService:
    """All conversations; the values live with their sessions, here are only the stop signals of running answers."""

    def __init__(self, sessions: Sessions, shelf: Shelf, *, may_ask: Callable[[], None] = lambda: None) -> None:
        self.shelf = shelf
        self._may_ask = may_ask  # raises NotAllowedError
        self._sessions = sessions
        self._stops: dict[str, threading.Event] = {}
        self._stopped_early: set[str] = set()  # told to stop while they wait for their turn
        self._left: set[str] = set()  # cleared while an answer was written
        self._lock = threading.Condition()

    def ask(self, thread: Thread, text: str, files: Sequence[Path], *, cloud: Cloud | None = None) -> Thread:
        """Add a question, about pictures or a cloud. On failure the conversation is the same, with a notice."""
        thread = replace(self._to_answer(thread), key=thread.key or self._sessions.new_key())
        text = text.strip()
        if self.running(thread):
            return replace(
                thread, notice=Notice("One answer at a time", "Stop the answer that is written now, or wait.")
            )
        if not text:
            hint = "Write a question about the picture." if files else "Write a question, or drop a picture first."
            hint = hint if cloud is None else "Write a question about the objects of the cloud."
            return replace(thread, notice=Notice("There is no question yet", hint))
        try:
            pictures = tuple(self._sessions.take(thread.key, file) for file in files)
        except Exception as error:  # a bad file is the normal case here; explain() logs the rest
            return replace(thread, notice=explain(error))
        # A question whose turn never came would stand before this one without an answer, which no model can continue.
        return replace(thread, exchanges=(*thread.settled().exchanges, Exchange(text, pictures, cloud=cloud)))

    def stream(self, thread: Thread, sampling: Sampling) -> Iterator[Thread]:
        """Answer the newest question; every value is the conversation so far. A failure ends in a notice."""
        if thread.waiting:
            thread = thread.answered(None)
            yield from self._guarded(thread, lambda stop: self._answer(thread, sampling, stop))

    def compare(self, thread: Thread, sampling: Sampling, *, model: str) -> Iterator[Thread]:
        """Ask the newest question of another model or adapter; its answer stands beside the one there is."""
        if thread.exchanges and not thread.waiting:
            yield from self._guarded(thread, lambda stop: self._compare(thread, sampling, stop, model))

    def _guarded(self, thread: Thread, answer: Callable[[threading.Event], Iterator[Thread]]) -> Iterator[Thread]:
        """What ``answer`` yields until it is told to stop; nothing where an answer is written already."""
        stop = threading.Event()
        with self._lock:
            if thread.key in self._stops:
                return
            self._stops[thread.key] = stop
            self._left.discard(thread.key)
            if thread.key in self._stopped_early:
                stop.set()
                self._stopped_early.discard(thread.key)
        try:
            yield from answer(stop)
        except Exception as error:  # the page must stay up whatever the model does; explain() logs the rest
            yield _given_back(thread, explain(error))
        finally:
            stop.set()
            with self._lock:
                self._stops.pop(thread.key, None)
                self._lock.notify_all()

    def _answer(self, thread: Thread, sampling: Sampling, stop: threading.Event) -> Iterator[Thread]:
        for answer in self._said(thread, sampling, stop):
            yield thread.answered(answer)

    def _compare(self, thread: Thread, sampling: Sampling, stop: threading.Event, model: str) -> Iterator[Thread]:
        thread = replace(thread, notice=None)
        yield thread.compared(Answer(model=model, adapter=sampling.adapter))
        for answer in self._said(thread, sampling, stop, model=model):
            yield thread.compared(answer)

    def _said(self, thread: Thread, sampling: Sampling, stop: threading.Event, *, model: str = "") -> Iterator[Answer]:
        """The answer to the newest question while it grows, by the chosen model or the one named."""
        self._may_ask()
        from lamm_core.inference.sampling import Generation  # imports torch, which the page does without until now

        ready = self.shelf.wait(stop, model)
        if ready is None:
            yield Answer(model=model, adapter=sampling.adapter, finished=True, stopped=True)
            return
        status, loaded = ready
        settings = Generation(
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
        )
        adapter = {"automatic": None, "none": ""}.get(sampling.adapter, sampling.adapter)
        answer = Answer(model=status.name, adapter=sampling.adapter)
        pieces = loaded.engine.stream(thread.turns(), settings, stop=stop, adapter=adapter, client=thread.key)
        for piece in pieces:
            answer = replace(
                answer,
                text=answer.text + piece.text,
                tokens=piece.tokens,
                prompt_tokens=piece.prompt_tokens,
                first_token_seconds=piece.first_token_seconds,
                tokens_per_second=piece.tokens_per_second,
            )
            yield answer
        yield replace(answer, text=answer.text.strip(), finished=True, stopped=stop.is_set())

    def stop(self, thread: Thread) -> None:
        """Make the running answer end, or the one that waits for its turn; the model computes no further token."""
        with self._lock:
            event = self._stops.get(thread.key)
            if event is not None:
                event.set()
            elif thread.waiting:
                self._stopped_early.add(thread.key)

    def running(self, thread: Thread) -> bool:
        """Whether an answer is being written in this conversation."""
        with self._lock:
            return thread.key in self._stops

    def retry(self, thread: Thread, *, cloud: Cloud | None = None) -> Thread:
        """Forget the newest answer, so that ``stream`` gives another, about ``cloud`` where there is one now."""
        if not thread.exchanges or self.running(thread):
            return thread
        newest = thread.exchanges[-1]
        newest = replace(newest, answer=None, other=None, earlier=newest.answer, cloud=cloud or newest.cloud)
        return replace(self._to_answer(thread), exchanges=(*thread.exchanges[:-1], newest))

    def edit(self, thread: Thread, position: int, text: str) -> Thread:
        """Ask the question at ``position`` (counted in exchanges) anew; what followed it is dropped."""
        if self.running(thread) or not 0 <= position < len(thread.exchanges) or not text.strip():
            return thread
        changed = replace(thread.exchanges[position], question=text.strip(), answer=None, other=None, earlier=None)
        return replace(self._to_answer(thread), exchanges=(*thread.exchanges[:position], changed))

    def undo(self, thread: Thread) -> tuple[Thread, Exchange | None]:
        """Take the newest question and its answer back; the question is handed out so that it can be asked again."""
        if not thread.exchanges or self.running(thread):
            return thread, None
        return replace(thread, exchanges=thread.exchanges[:-1], notice=None, returned=None), thread.exchanges[-1]

    def clear(self, thread: Thread) -> Thread:
        """Start over. A running answer ends and is `left`; files stay until `close`, so the old value can come back."""
        with self._lock:
            event = self._stops.get(thread.key)
            if event is not None:
                event.set()
                self._left.add(thread.key)
                # Until its last value is on its way: whoever shows it must not show it over the new conversation.
                self._lock.wait_for(lambda: self._stops.get(thread.key) is not event, timeout=_LEAVE_SECONDS)
        return Thread()

    def _to_answer(self, thread: Thread) -> Thread:
        """Without what is left of the last attempt: its notice, and a stop that came just after it had ended."""
        with self._lock:
            self._stopped_early.discard(thread.key)
        return replace(thread, notice=None, returned=None)

    def left(self, thread: Thread) -> bool:
        """Whether the conversation was cleared while its answer was written: nobody wants the rest."""
        with self._lock:
            return thread.key in self._left

    def close(self, thread: Thread) -> None:
        """The visitor is gone: stop computing and remove the files."""
        self.stop(thread)
        with self._lock:
            self._stopped_early.discard(thread.key)
            self._left.discard(thread.key)
        self._sessions.close(thread.key)


def _given_back(thread: Thread, notice: Notice) -> Thread:
    """After a failure: the answer there was before a retry, or else the question back to whoever wrote it."""
    newest = thread.exchanges[-1]
    if not thread.waiting:  # another model was asked; the answer there is stays
        return replace(thread.compared(None), notice=notice)
    if newest.earlier is not None:
        return replace(thread.answered(newest.earlier), notice=notice)
    return replace(thread, exchanges=thread.exchanges[:-1], notice=notice, returned=newest)
