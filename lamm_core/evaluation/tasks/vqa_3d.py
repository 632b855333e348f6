"""Questions with options about scenes: ScanQA recast with up to six options, and table-top scans (OSD).

Does not know free answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.published import Record, choices
from lamm_core.evaluation.sets.scans import scannet, table_top
from lamm_core.evaluation.tasks.choosing import Choosing
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["TASKS", "SceneChoosing"]


class SceneChoosing(Choosing):
    """The same as of pictures."""

    kind = "vqa_3d"
    modality = "pointcloud"


def truth(record: Record) -> tuple[int, Mapping[str, Any]]:
    """The truth of a record of table-top scans, whose question is bare."""
    place, more = choices(record)
    return place, {"question": str(record["query"])} | dict(more)


def bare(form: Form) -> Form:
    """The same, asked in our wordings."""

    def read(files: list[Path]) -> list[Entry]:
        return [dataclasses.replace(entry, query=None) for entry in form.read(files)]

    return Form(form.places, read)


TASKS = (
    SceneChoosing(
        "scanqa",
        "ScanQA: questions with options about a scene",
        forms=(scannet("VQA_ScanQA_multiplechoice", choices, source="scanqa"),),
        paper=PAPER["scanqa"],
    ),
    SceneChoosing(
        "osd_vqa",
        "Table-top scans: questions with options",
        forms=(bare(table_top("VQA_OSD_multiplechoice", truth)),),
    ),
)
