"""People with 14 joints each: LSP, as published records and as Parquet.

Does not know what is asked. Joints are in pixels: a mapping of the joint's name to [x, y].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.parquet import Row, parquet, picture_bytes
from lamm_core.evaluation.sets.published import Record, numbers
from lamm_core.names import JOINTS

__all__ = ["people_parquet", "people_record", "tight_box"]


def people_record(record: Record) -> tuple[dict[str, list[float]], Mapping[str, Any]]:
    """The joints of a published record (``gt_joints``, 14 rows of x, y and maybe more). Raises ValueError."""
    return named_joints(record["gt_joints"]), {}


def named_joints(rows: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Rows of numbers as joints by name, in the set's own order. Raises ValueError."""
    if len(rows) != len(JOINTS):
        raise ValueError(f"{len(rows)} joints, not {len(JOINTS)}")
    return {name: numbers(row[:2], 2) for name, row in zip(JOINTS, rows, strict=True)}


def people_parquet(folder: str) -> Form:
    """The form of rows with ``image`` and ``joints`` (14 × [x, y, visible])."""

    def read(rows: list[Row], file: Path) -> list[Entry]:
        found = []
        for index, row in enumerate(rows):
            name = f"lsp-{index:05d}"
            try:
                joints = named_joints(row["joints"])
            except (TypeError, ValueError) as error:
                raise TaskError(f"{file}, row {index}: {error}.") from error
            found.append(Entry(name, picture_bytes(row["image"], file=file, index=index), joints, "lsp", name))
        return found

    return parquet(folder, ("image", "joints"), read)


def tight_box(points: Sequence[Sequence[float]]) -> list[float]:
    """The smallest box that holds all points."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return [min(xs), min(ys), max(xs), max(ys)]
