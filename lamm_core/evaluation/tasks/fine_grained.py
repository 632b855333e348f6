"""Which of many similar classes a picture shows: UC Merced's 21 kinds of land use from the air.

Does not know more than classification does, but for the published protocol, which wants the class spelt as in the set.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.parquet import parquet
from lamm_core.evaluation.sets.published import Record, published, text
from lamm_core.evaluation.tasks.classification import Classification, rows_of
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["TASKS", "FineGrained"]


class FineGrained(Classification):
    """``lamm_accuracy``: the class, letter case included, is part of the answer."""

    kind = "fine_grained_classification"
    version = 1

    def lamm(self, answer: str, label: str) -> bool:
        """The published protocol."""
        return label in answer

    def entries(self, data: Path) -> list[Entry]:
        """Those of the set; the classes are all that occur as a truth."""
        found = super(Classification, self).entries(data)
        names = sorted({entry.truth for entry in found})
        return [dataclasses.replace(entry, more={"classes": names} | dict(entry.more)) for entry in found]


def labelled(record: Record) -> tuple[str, Mapping[str, Any]]:
    """The truth of a published record."""
    return text(record["label"]), {}


def folders(files: list[Path]) -> list[Entry]:
    """Pictures in one folder a class, as the set is distributed; the folder's name is the class."""
    return [
        Entry(f"ucmerced-{file.stem}", file, re.sub(r"[_-]", " ", file.parent.name), "ucmerced", file.stem, more={})
        for file in files
    ]


TASKS = (
    FineGrained(
        "ucmerced",
        "UC Merced: which of 21 kinds of land",
        forms=(
            published("Fine-grained_Classification_UCMerced", labelled, source="ucmerced"),
            Form(("UCMerced_LandUse/Images/*/*.tif", "ucmerced/*/*.*", "Images/*/*.tif"), folders),
            parquet("ucmerced", ("image", "label"), rows_of("ucmerced", "image")),
        ),
        paper=PAPER["ucmerced"],
    ),
)
