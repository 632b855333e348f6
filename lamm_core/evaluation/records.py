"""records.jsonl: one line for every answer that was scored, only ever appended to.

Does not know metrics; any of them can be computed again from what stands here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation.task import Score

__all__ = ["RecordWriter", "read_records"]


class RecordWriter:
    """Appends to one file and keeps it whole: each line is written and flushed at once."""

    def __init__(self, path: Path, *, task: str, version: int, baseline: str | None, run: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._same = {"run": run, "task": task, "version": version, "baseline": baseline}
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, sample: Sample, answer: str, score: Score) -> None:
        """One answer with its prompt, raw text, what was parsed, and its score."""
        line = self._same | {
            "id": sample.id,
            "media": [str(medium.path) for medium in sample.media],
            "prompt": "\n".join(turn.text for turn in sample.turns if turn.role != "assistant"),
            "target": sample.target,
            "text": answer,
            "parsed": score.answer,
            "score": score.value,
            "reason": score.reason,
            "parts": {name: list(part) for name, part in score.parts.items()},
            "metadata": dict(sample.metadata),
        }
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file in the order they were written; a torn last line, as a kill leaves it, is passed over."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if index == len(lines) - 1:
                return
            raise TaskError(f"{path}, line {index + 1}: not a JSON record ({error}).") from error
        yield record
