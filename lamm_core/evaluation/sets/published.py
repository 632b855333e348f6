"""Records of the published LAMM benchmark: one JSON list a task, media beside the folder that holds it.

Does not know what is asked. The layout: ``2D_Benchmark/meta_file/NAME.json`` and ``3D_Benchmark/meta_file/NAME.json``,
each record with ``image`` or ``pcl`` relative to the benchmark's folder, ``query``, an optional ``id``, and the truth
in fields of its task's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form

__all__ = ["Record", "choices", "labelled_boxes", "numbers", "published", "read_records", "text"]

Record = Mapping[str, Any]
Truth = Callable[[Record], tuple[Any, Mapping[str, Any]]]


def published(name: str, truth: Truth, *, source: str, folder: str = "2D_Benchmark", medium: str = "image") -> Form:
    """The form of a task's published records. ``truth`` gives a record's right answer, and what else its task needs."""

    def read(files: list[Path]) -> list[Entry]:
        file = files[0]
        return entries_of(file, truth, source=source, medium=medium, base=file.parent.parent)

    places = (f"{folder}/meta_file/{name}.json", f"meta_file/{name}.json", f"*/{folder}/meta_file/{name}.json")
    return Form(places, read)


def entries_of(file: Path, truth: Truth, *, source: str, medium: str, base: Path) -> list[Entry]:
    """The entries of one file of records. Raises TaskError that names the record and the field."""
    found = []
    for index, record in enumerate(read_records(file)):
        try:
            right, more = truth(record)
            path = str(record[medium]).removeprefix("./")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            wrong = f"has no field {error}" if isinstance(error, KeyError) else f"has a wrong field ({error})"
            raise TaskError(f"{file}, record {index}: {wrong}; the other records are not read either.") from error
        given = record.get("id")
        name = f"{source}-{index:05d}" if given is None else str(given)
        query = str(record.get("query") or "").strip() or None
        found.append(Entry(name, base / path, right, source, path, query, more))
    return found


def read_records(file: Path) -> list[Record]:
    """The records of a file. Raises TaskError where it is no JSON list of objects."""
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise TaskError(f"{file} is not JSON ({error}).") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise TaskError(f"{file} must hold a list of records.")
    return records


def text(value: Any) -> str:
    """A text that is not empty. Raises ValueError."""
    if not isinstance(value, str | int) or not str(value).strip():
        raise ValueError(f"{value!r} is no text")
    return str(value).strip()


def numbers(value: Any, count: int) -> list[float]:
    """So many finite numbers. Raises ValueError."""
    found = [float(number) for number in value]
    if len(found) != count or not all(abs(number) < 1e9 for number in found):
        raise ValueError(f"{value!r} are not {count} numbers")
    return found


def labelled_boxes(value: Any, count: int = 4) -> list[list[Any]]:
    """``[{label, bbox}]`` as [label, box] pairs. Raises ValueError."""
    return [[text(item["label"]), numbers(item["bbox"], count)] for item in value]


def choices(record: Record) -> tuple[int, Mapping[str, Any]]:
    """The place of the right option, and all options. Raises ValueError where there is no such option."""
    options = [str(option) for option in record["gt_choices"]]
    place = int(record["gt_choice"])
    if not 0 <= place < len(options):
        raise ValueError(f"gt_choice {place} of {len(options)} options")
    return place, {"choices": options}
