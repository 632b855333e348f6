"""What a conversation looks like as values of the page's components.

Does not know Gradio nor how the values are drawn.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from app.chat import ADAPTER_CHOICES
from app.conversation import Answer, Thread, called, facts
from app.marks import Sent
from app.shelf import ModelCard

__all__ = [
    "actions_value",
    "as_words",
    "compare_choices",
    "comparison_value",
    "data_address",
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
        {"name": picture.name, "width": picture.width, "height": picture.height, "source": data_address(picture.view)}
        for picture in thread.pictures
    ]


def marks_value(thread: Thread) -> dict[str, Any]:
    """Boxes and points of the newest answer, with the words that name them, and those it is compared with."""
    answer, other = thread.newest_answer or Answer(), thread.other_answer
    if other is None:
        return {"writing": thread.waiting, "marks": _marks(answer, "")}
    return {"writing": not other.finished, "marks": [*_marks(answer, "a"), *_marks(other, "b")]}


def _marks(answer: Answer, side: str) -> list[dict[str, Any]]:
    """``side`` is a or b where two answers are compared: it colours the mark and stands before its label."""
    return [
        {
            "label": f"{side.upper()} · {label}" if side else label,
            "place": list(mark.place),
            # The text of the other answer does not stand in the thread.
            "phrase": "" if side == "b" else as_words(answer.text[mark.start : mark.end]),
            "side": side,
        }
        for number, mark in enumerate(answer.marks, start=1)
        for label in (mark.label or f"no. {number}",)
    ]


def actions_value(thread: Thread, cards: Sequence[ModelCard], sent: Sent | None = None) -> dict[str, Any]:
    """What can be done with the newest answer: send it to review, compare it with what another says."""
    answer = thread.newest_answer
    ready = answer is not None and answer.finished
    return {
        "ready": ready,
        "choices": compare_choices(answer, cards) if ready and answer is not None else [],
        "sent": "" if sent is None else sent.text,
        "failed": sent is not None and sent.failed,
    }


def compare_choices(answer: Answer, cards: Sequence[ModelCard]) -> list[dict[str, str]]:
    """Every other adapter of the same model, and every other model, first without an adapter chosen."""
    same = [(card.name, adapter) for card in cards if card.name == answer.model
            for adapter in (*ADAPTER_CHOICES, *card.adapters) if adapter != answer.adapter]  # fmt: skip
    others = [(card.name, adapter) for card in cards if card.name != answer.model for adapter in ADAPTER_CHOICES]
    return [{"model": name, "adapter": adapter, "label": called(name, adapter)} for name, adapter in (*same, *others)]


def comparison_value(thread: Thread) -> dict[str, Any]:
    """The newest answer and the one beside it, as plain text; no sides where nothing is compared."""
    answer, other = thread.newest_answer, thread.other_answer
    if answer is None or other is None:
        return {"sides": []}
    return {
        "sides": [
            {
                "side": side,
                "name": called(one.model, one.adapter),
                "text": one.text or ("(no words)" if one.finished else ""),
                "facts": facts(one) if one.finished else "writing",
            }
            for side, one in (("a", answer), ("b", other))
        ]
    }


def facts_line(thread: Thread, sent: Sent | None = None) -> str:
    """What the newest answer took, and that it was sent to review, as escaped HTML; empty where nothing is to say."""
    answer = thread.newest_answer
    if answer is None and thread.waiting:
        return '<span class="writing">waiting for the model</span>'
    if answer is None or not (answer.tokens or answer.stopped):
        return ""
    state = "" if answer.finished else '<span class="writing">writing</span> '
    by = f" · {escape(answer.model)}" if answer.model else ""
    waits = f' · <span role="status">{escape(sent.text)}</span>' if sent is not None and not sent.failed else ""
    return f"{state}{escape(facts(answer))}{by}{waits}"


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
def data_address(view: Path) -> str:
    """A small picture as an address that holds it: no other visitor could open it."""
    return "data:image/webp;base64," + base64.b64encode(view.read_bytes()).decode()
