"""Measuring exactly the samples that a file names: what was marked, what was exported, or a list of ids.

Does not know tasks; a sample is known by its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import DataError, TaskError

__all__ = ["chosen_ids", "only"]

SHOWN = 3


def chosen_ids(path: Path, *, task: str) -> tuple[str, ...]:
    """The ids of this task that a file names, each once, in its order.

    The file is an export of the review queue in LAMM's form (``src_id``, of the set ``src_dataset``), ``marked.jsonl``
    (``id``, of ``task``), or text with an id on each line. Raises DataError where it cannot be read or names none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of samples: {error}.") from error
    found = tuple(dict.fromkeys(_records(path, text, task) if path.suffix in (".json", ".jsonl") else _lines(text)))
    if not found:
        raise DataError(f"{path} names no sample of {task}. Give an export, marked.jsonl, or a file with an id a line.")
    return found


def only(samples: Sequence[Sample], path: Path, *, task: str) -> list[Sample]:
    """Those of the samples that the file names, in their own order. Raises TaskError where one is not among them."""
    wanted = chosen_ids(path, task=task)
    missing = sorted(set(wanted) - {sample.id for sample in samples})
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise TaskError(
            f"{path} names samples that {task} does not have here: {', '.join(missing[:SHOWN])}{more}. Give the data "
            "folder that they were measured on."
        )
    return [sample for sample in samples if sample.id in set(wanted)]


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())


def _records(path: Path, text: str, task: str) -> Iterator[str]:
    try:
        records: Iterable[Any] = json.loads(text) if path.suffix == ".json" else map(json.loads, _lines(text))
        for record in records:
            if "src_id" in record and record.get("src_dataset") == task:
                yield str(record["src_id"])
            elif record.get("task") == task:
                yield str(record["id"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no list of records ({error}). Give an export or marked.jsonl.") from error
