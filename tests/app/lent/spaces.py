"""A stand-in for the Hub's package `spaces` as it is on ZeroGPU: what it decorates runs in a forked process.

Does not know cards. Off ZeroGPU the real package hands a function back as it is, so it shows nothing there. As with the
real one (0.51), arguments and values cross pickled, a process is kept for the next call, an error of the work arrives
without its words, closing is noticed with the next value, and the Hub may refuse.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

CONTEXT = multiprocessing.get_context("fork")
refusal = ""  # what the Hub says in the place of lending a card
asked_seconds: list[float] = []
processes: list[Any] = []


def GPU(*, duration: Callable[..., float]) -> Callable[..., Any]:
    """Decorates a generator function."""

    def decorate(work: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        lent: list[Any] = []

        @functools.wraps(work)
        def called(*values: Any) -> Iterator[Any]:
            asked_seconds.append(duration(*values))
            if refusal:
                raise gr.Error(refusal)
            if not lent:
                here, there = CONTEXT.Pipe()
                stop = CONTEXT.Event()
                process = CONTEXT.Process(target=_serve, args=(work, there, stop), daemon=True)
                process.start()
                processes.append(process)
                lent.extend((here, stop))
            here, stop = lent
            stop.clear()
            here.send(values)
            try:
                while True:
                    kind, value = _received(here)
                    if kind == "error":
                        raise gr.Error(value)
                    if kind == "end":
                        return
                    yield value
            except GeneratorExit:
                stop.set()
                while _received(here)[0] == "value":
                    pass
                raise

        return called

    return decorate


def _received(here: Any) -> tuple[str, Any]:
    """What the process says next. Raises TimeoutError where it says nothing, rather than wait for ever."""
    if not here.poll(60):
        raise TimeoutError("the forked process says nothing")
    kind, value = here.recv()
    return kind, value


def _serve(work: Callable[..., Iterator[Any]], there: Any, stop: Any) -> None:
    while True:
        values = there.recv()
        pieces = work(*values)
        try:
            for value in pieces:
                if stop.is_set():
                    pieces.close()  # type: ignore[attr-defined]
                    break
                there.send(("value", value))
            there.send(("end", None))
        except Exception as error:
            there.send(("error", type(error).__name__))
