"""records.jsonl: one line for every answer that was asked for, only ever appended to.

Does not know metrics; any of them can be computed again from what stands here. A line holds: run, task, version,
baseline (null, "blind" or "shuffled"), id, group, media [{modality, path}], prompt, target, text, extraction, parsed,
score (0 to 1 or null), reason, parts {metric: [gained, possible]}, detail {}, latency_seconds, tokens, cached,
metadata. Where no answer came, extraction is "failed"; where its picture could not be opened, "broken".
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample, Turn
from lamm_core.errors import TaskError
from lamm_core.evaluation.task import Score, group_of
from lamm_core.run_files import json_lines

__all__ = ["BROKEN", "FAILED", "RECORDS", "RecordWriter", "last_records", "prompt_text", "read_records", "record_of"]

RECORDS = "records.jsonl"
FAILED = "failed"  # extraction of a record whose answer never came
BROKEN = "broken"  # extraction of a record whose picture or cloud cannot be opened


def prompt_text(turns: Iterable[Turn]) -> str:
    """What a person said in a conversation, as the model was told it."""
    return "\n".join(turn.text for turn in turns if turn.role != "assistant")


def record_of(
    sample: Sample, score: Score, *, text: str, latency_seconds: float | None, tokens: int | None, cached: bool
) -> dict[str, Any]:
    """The part of a record that belongs to one answer."""
    return {
        "id": sample.id,
        "group": group_of(sample),
        "media": [{"modality": medium.modality, "path": str(medium.path.absolute())} for medium in sample.media],
        "prompt": prompt_text(sample.turns),
        "target": sample.target,
        "text": text,
        "extraction": score.extraction,
        "parsed": score.answer,
        "score": score.value,
        "reason": score.reason,
        "parts": {name: list(part) for name, part in score.parts.items()},
        "detail": dict(score.detail),
        "latency_seconds": latency_seconds,
        "tokens": tokens,
        "cached": cached,
        "metadata": dict(sample.metadata),
    }


class RecordWriter:
    """Appends to one file and keeps it whole: a line that did not fit on the disk leaves no part of itself behind.

    Opening cuts a torn last line, as a kill leaves it.
    """

    def __init__(self, path: Path, *, task: str, version: int, run: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._same = {"run": run, "task": task, "version": version}
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._end = _whole_lines(self._file)
        os.ftruncate(self._file, self._end)

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def add(self, record: Mapping[str, Any], *, baseline: str | None) -> None:
        """Append one record. Raises TaskError where the disk does not take it; the file is then as before."""
        line = json.dumps({**self._same, "baseline": baseline, **record}, ensure_ascii=False, default=_plain) + "\n"
        content = line.encode("utf-8", "replace")
        written = 0
        try:
            while written < len(content):
                written += os.pwrite(self._file, content[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise TaskError(
                f"{self.path} cannot be written ({error.strerror}). What was answered before is kept: make room and "
                "type the same command again to go on."
            ) from error
        self._end += len(content)


def _whole_lines(file: int) -> int:
    """Where the last line that was written whole ends."""
    size = os.fstat(file).st_size
    position = size
    while position > 0:
        start = max(0, position - (1 << 16))
        block = os.pread(file, position - start, start)
        found = block.rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numbers and arrays of numpy
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} does not go into a record")


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file in the order they were written; a torn last line, as a kill leaves it, is passed over."""
    return json_lines(path, refused=TaskError)


def last_records(path: Path) -> dict[tuple[str | None, str], dict[str, Any]]:
    """The record that counts for each (baseline, id): the last one; none where there is no file yet."""
    return {(record["baseline"], record["id"]): record for record in read_records(path)}
