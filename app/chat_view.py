"""What a conversation looks like as values of the page's components.

Does not know Gradio nor how the values are drawn.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from app.conversation import Answer, Thread, facts

__all__ = [
    "as_words",
    "facts_line",
    "marks_value",
    "messages",
    "notice_line",
    "pictures_value",
    "question_at",
    "returned_value",
    "without_joiners",
]

# U+2060, which is seen nowhere: after < and & it keeps the Chatbot from reading them as markup. Its own escaping does
# not cover that (it cleans HTML and shows what is harmless), and entities would stand in copied and edited text.
_JOINER = "\u2060"


def as_words(text: str) -> str:
    """The text so that the Chatbot shows every character of it as it stands."""
    return text.replace("<", "<" + _JOINER).replace("&", "&" + _JOINER)


def without_joiners(text: str) -> str:
    """What `as_words` was made from."""
    return text.replace(_JOINER, "")


def messages(thread: Thread) -> list[dict[str, Any]]:
    """The thread for the Chatbot; pictures stand before their question."""
    shown: list[dict[str, Any]] = []
    for exchange in thread.exchanges:
        content: list[Any] = [{"path": str(picture.view), "alt_text": picture.name} for picture in exchange.pictures]
        shown.append({"role": "user", "content": [*content, as_words(exchange.question)]})
        if exchange.answer is not None and (exchange.answer.text or exchange.answer.finished):
            text = exchange.answer.text or "(no words)"
            shown.append({"role": "assistant", "content": as_words(text)})
    return shown


def question_at(thread: Thread, index: int) -> int | None:
    """Which exchange the message at this index of ``messages`` asks; None if that message is no question."""
    position = 0
    for number, exchange in enumerate(thread.exchanges):
        if position == index:
            return number
        position += 2 if exchange.answer is not None else 1
    return None


def pictures_value(thread: Thread) -> list[dict[str, Any]]:
    """The pictures for the stage. They travel inside the value: no address exists that another visitor could open."""
    return [
        {"name": picture.name, "width": picture.width, "height": picture.height, "source": _data_address(picture.view)}
        for picture in thread.pictures
    ]


def marks_value(thread: Thread) -> dict[str, Any]:
    """Boxes and points of the newest answer, with the words that name them."""
    answer = thread.newest_answer or Answer()
    return {
        "writing": thread.waiting,
        "marks": [
            {
                "label": mark.label or f"no. {number}",
                "place": list(mark.place),
                "phrase": as_words(answer.text[mark.start : mark.end]),
            }
            for number, mark in enumerate(answer.marks, start=1)
        ],
    }


def facts_line(thread: Thread) -> str:
    """What the newest answer took, as escaped HTML; empty when there is nothing to say."""
    answer = thread.newest_answer
    if answer is None and thread.waiting:
        return '<span class="writing">waiting for the model</span>'
    if answer is None or not (answer.tokens or answer.stopped):
        return ""
    state = "" if answer.finished else '<span class="writing">writing</span> '
    by = f" · {escape(answer.model)}" if answer.model else ""
    return f"{state}{escape(facts(answer))}{by}"


def notice_line(thread: Thread) -> str:
    """What went wrong last and what to do, as escaped HTML; read out at once by a screen reader."""
    if thread.notice is None:
        return ""
    return f'<div role="alert"><b>{escape(thread.notice.title)}</b> {escape(thread.notice.text)}</div>'


def returned_value(thread: Thread) -> dict[str, Any] | None:
    """A question that goes back to the box."""
    if thread.returned is None:
        return None
    return {"text": thread.returned.question, "files": [str(picture.path) for picture in thread.returned.pictures]}


@lru_cache(maxsize=64)
def _data_address(view: Path) -> str:
    return "data:image/webp;base64," + base64.b64encode(view.read_bytes()).decode()
