"""Samples and chat turns that a person marked for review, in the file that the annotation queue imports.

Does not know the tabs that mark nor the queue. One JSON record a line in ``marked.jsonl``; media are copied beside it,
because what a visitor uploaded goes with the visitor. Whoever takes records out does so under `MarkBook.locked`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from annotation.review.marks import marks_lock
from app.conversation import Thread, answer_name, marks_in
from app.feedback import explain
from lamm_core.conversation import Media
from lamm_core.errors import AnnotationError
from lamm_core.run_files import json_lines

__all__ = ["MarkBook", "Marked", "MarkedItem", "Sent", "placed_boxes", "send_turn", "turn_to_mark"]

FILE_NAME = "marked.jsonl"
_VISITOR = "visitor"  # somebody who did not have to say who they are
Things = Callable[[str], Sequence[Mapping[str, Any]]]  # what an answer points at


@dataclass(frozen=True)
class MarkedItem:
    """What is to be looked at: a question, what models answered, and the right answer where one is known.

    ``answers`` maps the name of a model (or run) to its text. ``detail["answer_boxes"]`` maps the same names to lists
    of ``{"label", "place"}``, a place being (left, top, right, bottom) or (across, down) as shares of the picture, or
    of ``{"label", "identifier", "centre", "size"}`` in a cloud.
    """

    task: str
    id: str
    prompt: str
    answers: Mapping[str, str]
    media: Sequence[Media] = ()
    target: Any = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Marked(NamedTuple):
    """How many records were added, and how many wait in the file now."""

    added: int
    waiting: int


class Sent(NamedTuple):
    """What is said about something that was to be marked."""

    text: str
    failed: bool = False


class MarkBook:
    """The file of marked items in ``folder``. Marking what waits already changes nothing."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.file = folder / FILE_NAME
        self._media = folder / "media"
        self._lock = marks_lock(self.file)
        self._clock = clock

    def add(self, items: Sequence[MarkedItem], *, marked_by: str) -> Marked:
        """Append what does not wait yet. Raises AnnotationError where the folder cannot be written to."""
        try:
            with self.locked():
                waiting = {(record.get("task"), record.get("id")) for record in self._records()}
                fresh = {(item.task, item.id): item for item in items if (item.task, item.id) not in waiting}
                lines = [json.dumps(self._record(item, marked_by), ensure_ascii=False) for item in fresh.values()]
                if lines:
                    self._append("".join(f"{line}\n" for line in lines))
                return Marked(len(fresh), len(waiting) + len(fresh))
        except OSError as error:
            raise _not_marked(error, self.file) from error

    def waiting(self) -> int:
        """How many records wait in the file."""
        return sum(1 for _ in self._records())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else adds or takes records meanwhile, in this process or another."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield

    def _record(self, item: MarkedItem, marked_by: str) -> dict[str, Any]:
        return {
            "task": item.task,
            "id": item.id,
            "prompt": item.prompt,
            "target": item.target,
            "answers": dict(item.answers),
            "media": [
                {"modality": medium.modality, "path": str(self._copy(medium.path)), "name": medium.path.name}
                for medium in item.media
            ],
            "detail": dict(item.detail),
            "marked_by": marked_by,
            "created": datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds"),
        }

    def _copy(self, file: Path) -> Path:
        """The file beside the records, named by what it holds, so that the same picture lies there once."""
        kept = (self._media / f"{_digest(file)}{file.suffix.lower()}").absolute()
        if not kept.exists():
            self._media.mkdir(exist_ok=True)
            coming = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}")
            shutil.copyfile(file, coming)
            coming.replace(kept)
        return kept

    def _append(self, lines: str) -> None:
        with self.file.open("ab+") as out:
            # A line that a kill tore ends here, so that it does not take the next one with it.
            if out.tell() and os.pread(out.fileno(), 1, out.tell() - 1) != b"\n":
                out.write(b"\n")
            out.write(lines.encode())
            out.flush()
            os.fsync(out.fileno())

    def _records(self) -> Iterator[dict[str, Any]]:
        """Whole records; a torn line is passed over."""
        return json_lines(self.file, refused=None)


def send_turn(book: MarkBook, thread: Thread, *, marked_by: str, things: Things | None = None) -> Sent:
    """Mark the newest question with its answers, and say so in words a person reads. Raises nothing they caused."""
    try:
        item = turn_to_mark(thread, things=things)
        if item is None:
            return Sent("There is no finished answer to send yet.", failed=True)
        added, waiting = book.add([item], marked_by=marked_by or _VISITOR)
    except Exception as error:  # a full disk or a vanished picture; explain() logs the rest
        return Sent(explain(error).text, failed=True)
    wait = f"{waiting} {'waits' if waiting == 1 else 'wait'} for review."
    return Sent(f"Sent. {wait}" if added else f"Sent before. {wait}")


def turn_to_mark(thread: Thread, *, things: Things | None = None) -> MarkedItem | None:
    """The newest question with its answer, and the one that was compared with it; None while none is finished.

    ``things`` gives what an answer about a cloud points at; boxes and points of pictures stand in its text. Raises
    AnnotationError where a file of the conversation is gone.
    """
    answers = [one for one in (thread.newest_answer, thread.other_answer) if one is not None and one.finished]
    if thread.newest_answer is None or not thread.newest_answer.finished:
        return None
    *earlier, question = thread.turns()
    media = [medium for turn in (*earlier, question) for medium in turn.media]
    before = [{"role": turn.role, "text": turn.text} for turn in earlier]
    named = {answer_name(thread.exchanges[-1], answer) or "unnamed model": answer for answer in answers}
    seen = [question.text, {name: answer.text for name, answer in named.items()}, before]
    seen.append([_digest(medium.path) for medium in media])
    return MarkedItem(
        task="chat",
        id=f"chat-{hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]}",
        prompt=question.text,
        answers={name: answer.text for name, answer in named.items()},
        media=media,
        detail={
            "answer_boxes": {name: (things or placed_boxes)(answer.text) for name, answer in named.items()},
            "adapters": {name: answer.adapter for name, answer in named.items()},
            "earlier": before,
        },
    )


def placed_boxes(text: str) -> Sequence[Mapping[str, Any]]:
    """Boxes and points of an answer about pictures, as `MarkedItem` wants them."""
    return [{"label": mark.label, "place": list(mark.place)} for mark in marks_in(text)]


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()[:16]
    except OSError as error:
        raise _not_marked(error, file) from error


def _not_marked(error: OSError, file: Path) -> AnnotationError:
    return AnnotationError(
        f"Nothing was marked: {error.filename or file} could not be read or written ({error.strerror})."
    )
