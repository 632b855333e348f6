"""Parquet files as the Hub stores data sets: rows, class names, and pictures as bytes.

Does not know which columns a task reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form

__all__ = ["class_names", "parquet", "picture_bytes", "rows"]

Row = Mapping[str, Any]


def parquet(folder: str, columns: Sequence[str], read: Callable[[list[Row], Path], list[Entry]]) -> Form:
    """The form of the test split of a set in Parquet: ``FOLDER/test*.parquet``, or right below the data folder.

    ``read`` gets all rows and the first file, whose schema may name the classes.
    """
    places = (
        f"{folder}/test*.parquet", f"{folder}/data/test*.parquet", f"{folder}/*/test*.parquet", "test*.parquet",
        "data/test*.parquet",
    )  # fmt: skip

    def read_files(files: list[Path]) -> list[Entry]:
        return read([row for file in files for row in rows(file, columns)], files[0])

    return Form(places, read_files)


def rows(file: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a file, these columns of it. Raises TaskError where one is missing or the file cannot be read."""
    import pyarrow
    import pyarrow.parquet as parquet_files

    try:
        there = parquet_files.read_schema(file).names
        if missing := [column for column in columns if column not in there]:
            raise TaskError(f"{file} has no column {missing[0]!r}; it has {', '.join(there)}.")
        return list(parquet_files.read_table(file, columns=list(columns)).to_pylist())
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise TaskError(f"{file} cannot be read as Parquet ({error}).") from error


def class_names(file: Path, column: str) -> list[str]:
    """The class names that the Hub's schema metadata gives for a column."""
    import pyarrow.parquet as parquet_files

    metadata = parquet_files.read_schema(file).metadata or {}
    try:
        return list(json.loads(metadata[b"huggingface"])["info"]["features"][column]["names"])
    except (KeyError, ValueError) as error:
        raise TaskError(f"{file}: the schema names no classes for the column {column!r}.") from error


def picture_bytes(value: Any, *, file: Path, index: int) -> bytes:
    """The bytes of a picture column. Raises TaskError where a row has none."""
    content = value.get("bytes") if isinstance(value, Mapping) else value
    if not isinstance(content, bytes):
        raise TaskError(f"{file}, row {index}: no picture.")
    return content
