"""What one visitor's conversation holds: exchanges, pictures, clouds, answers with what they point at.

Does not know the model, the page or where files come from; frozen values only, so each session has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.feedback import Notice
from lamm_core.conversation import Media, Turn
from lamm_core.grounding import find_boxes, find_points

__all__ = ["Answer", "Cloud", "Exchange", "Mark", "Picture", "Thread", "answer_name", "called", "facts", "marks_in"]


@dataclass(frozen=True)
class Picture:
    """A picture of the conversation: the file the model reads and a copy every browser can show."""

    name: str
    path: Path
    view: Path
    width: int
    height: int


@dataclass(frozen=True)
class Cloud:
    """A point cloud as the model reads it; ``name`` is that of the person's own file."""

    name: str
    path: Path


@dataclass(frozen=True)
class Mark:
    """A box (four numbers) or a point (two) that an answer names; corners in [0, 1], span in the answer's text."""

    label: str
    place: tuple[float, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Answer:
    """What the model said, with what it took."""

    text: str = ""
    model: str = ""
    adapter: str = ""
    tokens: int = 0
    prompt_tokens: int = 0
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    finished: bool = False
    stopped: bool = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Boxes and points in the order of the text."""
        return marks_in(self.text)


@dataclass(frozen=True)
class Exchange:
    """A question with its pictures or about its cloud, and the answer as far as there is one.

    ``earlier`` comes back if a retry fails, ``other`` is what another model or adapter says to the same question.
    """

    question: str
    pictures: tuple[Picture, ...] = ()
    answer: Answer | None = None
    earlier: Answer | None = None
    other: Answer | None = None
    cloud: Cloud | None = None


@dataclass(frozen=True)
class Thread:
    """One conversation. ``key`` names the session's folder, ``notice`` is what went wrong last.

    ``returned`` is a question that could not be answered: it goes back to where it was written.
    """

    key: str = ""
    exchanges: tuple[Exchange, ...] = ()
    notice: Notice | None = None
    returned: Exchange | None = None

    @property
    def waiting(self) -> bool:
        """Whether the newest question has no finished answer yet."""
        newest = self.newest_answer
        return bool(self.exchanges) and (newest is None or not newest.finished)

    @property
    def newest_answer(self) -> Answer | None:
        """The answer whose boxes are drawn."""
        return self.exchanges[-1].answer if self.exchanges else None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures in the order they were shown."""
        return tuple(picture for exchange in self.exchanges for picture in exchange.pictures)

    @property
    def other_answer(self) -> Answer | None:
        """What the newest answer is compared with."""
        return self.exchanges[-1].other if self.exchanges else None

    def answered(self, answer: Answer | None) -> Thread:
        """The same conversation with this answer to the newest question."""
        return replace(self, exchanges=(*self.exchanges[:-1], replace(self.exchanges[-1], answer=answer)))

    def compared(self, other: Answer | None) -> Thread:
        """The same conversation with this answer beside the newest one."""
        return replace(self, exchanges=(*self.exchanges[:-1], replace(self.exchanges[-1], other=other)))

    def settled(self) -> Thread:
        """The same conversation as if its unfinished answer had been stopped; a question without any is dropped."""
        if not self.waiting:
            other = self.other_answer
            unfinished = other is not None and not other.finished
            return self.compared(replace(other, finished=True, stopped=True)) if other and unfinished else self
        if self.newest_answer is None:
            return replace(self, exchanges=self.exchanges[:-1])
        return self.answered(replace(self.newest_answer, finished=True, stopped=True))

    def turns(self) -> tuple[Turn, ...]:
        """What the model is asked: everything up to the newest question, of what was said about the newest cloud.

        The numbers of objects in earlier answers belong to the cloud that they were given for.
        """
        told = list(self.exchanges)
        for position, exchange in enumerate(self.exchanges):
            if exchange.cloud != self.exchanges[-1].cloud:
                told = list(self.exchanges[position + 1 :])
        turns: list[Turn] = []
        for position, exchange in enumerate(told):
            media = [Media("image", picture.path) for picture in exchange.pictures]
            if exchange.cloud is not None and position == 0:  # all of them are about this one
                media.append(Media("pointcloud", exchange.cloud.path))
            turns.append(Turn("user", exchange.question, tuple(media)))
            if exchange.answer is not None and position < len(told) - 1:
                turns.append(Turn("assistant", exchange.answer.text))
        return tuple(turns)

    def to_json(self) -> dict[str, Any]:
        """For download: questions, answers, boxes and timings, without paths of this machine."""
        return {
            "format": "lamm-studio-conversation/1",
            "exchanges": [
                {
                    "question": exchange.question,
                    "pictures": [
                        {"name": picture.name, "width": picture.width, "height": picture.height}
                        for picture in exchange.pictures
                    ],
                    "cloud": exchange.cloud and exchange.cloud.name,
                    "answer": _answer_json(exchange.answer),
                    "compared_with": _answer_json(exchange.other),
                }
                for exchange in self.exchanges
            ],
        }

    def to_markdown(self) -> str:
        """For download: a page to read or paste elsewhere."""
        lines = ["# Conversation with LAMM Studio", ""]
        for exchange in self.exchanges:
            lines += [f"*Picture: {picture.name}*" for picture in exchange.pictures]
            lines += [f"*Point cloud: {exchange.cloud.name}*"] if exchange.cloud is not None else []
            lines += [f"**You:** {exchange.question}", ""]
            for answer in filter(None, (exchange.answer, exchange.other)):
                lines += [f"**{answer_name(exchange, answer)}:** {answer.text}", "", f"*{facts(answer)}*", ""]
        return "\n".join(lines)


def answer_name(exchange: Exchange, answer: Answer) -> str:
    """Who gave an answer: the model, and its adapter where the same model is compared with itself."""
    both = [one for one in (exchange.answer, exchange.other) if one is not None]
    if len(both) < 2 or both[0].model != both[1].model:
        return answer.model
    return called(answer.model, answer.adapter)


def called(model: str, adapter: str) -> str:
    """A model with the choice of its adapter, in words."""
    words = {"": "automatic adapter", "automatic": "automatic adapter", "none": "no adapter"}
    return f"{model}, {words.get(adapter, f'adapter {adapter}')}"


def facts(answer: Answer) -> str:
    """One line on how an answer was made, each number with its unit."""
    parts = [f"{answer.tokens} token{'' if answer.tokens == 1 else 's'}"]
    if answer.tokens_per_second is not None:
        parts.append(f"{answer.tokens_per_second:.1f} tokens/s")
    if answer.first_token_seconds is not None:
        parts.append(f"first token {answer.first_token_seconds:.2f} s")
    if answer.prompt_tokens:
        parts.append(f"prompt {answer.prompt_tokens} tokens")
    if answer.stopped:
        parts.append("stopped")
    return " · ".join(parts)


def _answer_json(answer: Answer | None) -> dict[str, Any] | None:
    return None if answer is None else {**asdict(answer), "marks": [asdict(mark) for mark in answer.marks]}


def marks_in(text: str) -> tuple[Mark, ...]:
    """Boxes and points of a text, in reading order."""
    found: Sequence[Mark] = [
        *(Mark(box.label, (box.x1, box.y1, box.x2, box.y2), *(box.span or (0, 0))) for box in find_boxes(text)),
        *(Mark(point.label, (point.x, point.y), *(point.span or (0, 0))) for point in find_points(text)),
    ]
    return tuple(sorted(found, key=lambda mark: mark.start))
