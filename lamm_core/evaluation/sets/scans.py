"""Scans of the 3D tasks: the published records of ScanNet scenes, and table-top scans (OSD) in the same fields.

Does not know what is asked. The folder of the table-top scans holds ``Detection_OSD.json`` and so on, with ``pcl``
relative to it; of its scans those that training may use are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.published import Truth, entries_of, published, read_records
from lamm_core.pointclouds.labelled import held_apart

__all__ = ["classes_in_scenes", "scannet", "table_top"]


def scannet(name: str, truth: Truth, *, source: str) -> Form:
    """The form of a task's published records."""
    return published(name, truth, source=source, folder="3D_Benchmark", medium="pcl")


def table_top(name: str, truth: Truth) -> Form:
    """The form of a task's records about table-top scans that are not trained on."""

    def read(files: list[Path]) -> list[Entry]:
        found = entries_of(files[0], truth, source="osd", medium="pcl", base=files[0].parent)
        return [entry for entry in found if measured(Path(entry.group).stem)]

    return Form((f"osd/{name}.json", f"{name}.json"), read)


def measured(scan: str) -> bool:
    """Whether a scan is for measuring: of the ``learn`` scans every fifth, all others always."""
    return not scan.startswith("learn") or bool(held_apart(scan))


def classes_in_scenes(file: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """The labelled boxes of each scene, from the records of detection beside a file of another task; {} without."""
    name = {"VG_ScanRefer.json": "Detection_ScanNet.json", "VG_OSD.json": "Detection_OSD.json"}.get(file.name, "")
    other = file.parent / name
    if not name or not other.is_file():
        return {}
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for record in read_records(other):
        objects: Any = record.get("object") or []
        boxes = [(str(item.get("label")), list(item.get("bbox", ()))) for item in objects if isinstance(item, dict)]
        found[str(record.get("pcl")).removeprefix("./")] = [(label, box) for label, box in boxes if len(box) == 6]
    return found
