"""The endpoints for programs: ``/chat`` and ``/models`` for gradio_client, typed and documented.

Does not know the page. Everything else the page calls is private.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import gradio as gr

from app.chat import Sampling
from app.conversation import Answer, Thread
from app.services import Services
from app.throttle import throttled

__all__ = ["ChatReply", "ModelEntry", "PlacedLabel", "UploadedFile", "build_endpoints"]

_YIELD_SECONDS = 0.1
_LONGEST_ANSWER = 4096  # tokens; more than any model we ship can hold


class UploadedFile(TypedDict):
    """A picture as ``gradio_client.handle_file`` makes it."""

    path: str
    meta: dict[str, str]


class PlacedLabel(TypedDict):
    """A box (left, top, right, bottom) or a point (across, down), as shares of the picture."""

    label: str
    place: list[float]


class ChatReply(TypedDict):
    """The answer so far, what it points at and what it took; ``error`` is empty unless something failed."""

    answer: str
    boxes: list[PlacedLabel]
    points: list[PlacedLabel]
    model: str
    tokens: int
    prompt_tokens: int
    first_token_seconds: float | None
    tokens_per_second: float | None
    finished: bool
    error: str


class ModelEntry(TypedDict):
    """A model that can be chosen, and whether it is the one that answers."""

    name: str
    adapters: list[str]
    phase: str


def build_endpoints(services: Services) -> None:
    """Register the endpoints with the page that is being built."""

    def chat(
        images: list[UploadedFile],
        question: str,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_new_tokens: int = 256,
        adapter: str = "automatic",
    ) -> Iterator[ChatReply]:
        """Ask a question about pictures, or about none.

        images: pictures made with gradio_client.handle_file, in the order they are spoken of; may be empty.
        question: what to ask. temperature: 0 takes the likeliest word. top_p: share of likeliest words to draw among.
        max_new_tokens: longest answer. adapter: automatic, none, or one that /models lists.
        Streams the answer as it grows; the last value has finished = true.
        """
        replies = _replies(services, images, question, temperature, top_p, max_new_tokens, adapter)
        yield from throttled(replies, _YIELD_SECONDS)

    def models() -> list[ModelEntry]:
        """List the models that can be chosen; ``phase`` is ready, loading or failed for the current one."""
        status = services.shelf.status()
        return [
            ModelEntry(
                name=card.name,
                adapters=list(card.adapters),
                phase=status.phase if card.name == status.name else "not loaded",
            )
            for card in services.shelf.cards()
        ]

    # Gradio describes what it reads here: one reply (of a stream), and types rather than their names.
    chat.__annotations__["return"] = ChatReply
    models.__annotations__["return"] = list[ModelEntry]
    gr.api(chat, api_name="chat", concurrency_id="model", concurrency_limit=1)
    gr.api(models, api_name="models", concurrency_limit=None)


def _replies(
    services: Services,
    images: Any,
    question: Any,
    temperature: Any,
    top_p: Any,
    max_new_tokens: Any,
    adapter: Any,
) -> Iterator[ChatReply]:
    """Check what came over the wire, then answer in a conversation that is forgotten afterwards."""
    wrong = _complaint(images, question, temperature, top_p, max_new_tokens, adapter)
    if wrong:
        yield _reply(Answer(finished=True), wrong)
        return
    files = [Path(image["path"]) for image in images]
    sampling = Sampling(float(temperature), float(top_p), max_new_tokens, adapter)
    thread = services.chat.ask(Thread(), question, files)
    try:
        if thread.notice is not None:
            yield _reply(Answer(finished=True), thread.notice.text)
            return
        for after in services.chat.stream(thread, sampling):
            if after.notice is not None:
                yield _reply(Answer(finished=True), after.notice.text)
            else:
                yield _reply(after.newest_answer or Answer(), "")
    finally:
        services.chat.close(thread)


def _complaint(images: Any, question: Any, temperature: Any, top_p: Any, max_new_tokens: Any, adapter: Any) -> str:
    numbers = (int, float)
    if not isinstance(images, list) or not all(isinstance(i, dict) and isinstance(i.get("path"), str) for i in images):
        return "images must be a list of files made with gradio_client.handle_file."
    if not isinstance(question, str):
        return "question must be a text."
    if not isinstance(temperature, numbers) or not 0 <= temperature <= 2:
        return f"temperature is {temperature!r}; use a number from 0 to 2."
    if not isinstance(top_p, numbers) or not 0 < top_p <= 1:
        return f"top_p is {top_p!r}; use a number above 0 and at most 1."
    if not isinstance(max_new_tokens, int) or not 1 <= max_new_tokens <= _LONGEST_ANSWER:
        return f"max_new_tokens is {max_new_tokens!r}; use a whole number from 1 to {_LONGEST_ANSWER}."
    if not isinstance(adapter, str):
        return "adapter must be automatic, none, or the name of an adapter."
    return ""


def _reply(answer: Answer, error: str) -> ChatReply:
    placed = [PlacedLabel(label=mark.label, place=list(mark.place)) for mark in answer.marks]
    return ChatReply(
        answer=answer.text,
        boxes=[mark for mark in placed if len(mark["place"]) == 4],
        points=[mark for mark in placed if len(mark["place"]) == 2],
        model=answer.model,
        tokens=answer.tokens,
        prompt_tokens=answer.prompt_tokens,
        first_token_seconds=answer.first_token_seconds,
        tokens_per_second=answer.tokens_per_second,
        finished=answer.finished,
        error=error,
    )
