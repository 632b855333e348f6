"""Which of a few classes a picture shows: CIFAR-10.

Does not know training; its wordings are half of them never used there.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.parsing import label_in, mentions
from lamm_core.evaluation.sets.classes import class_list, named_list
from lamm_core.evaluation.sets.entry import Entry
from lamm_core.evaluation.sets.parquet import Row, class_names, parquet, picture_bytes
from lamm_core.evaluation.sets.published import Record, published, text
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["QUESTIONS", "TASKS", "Classification"]

QUESTIONS = Questions(
    seen=(
        "What is in this picture?",
        "Classify the picture.",
        "What is the main object?",
        "Which of these is it: {classes}?",
        "Classify this image into one of: {classes}.",
    ),
    unseen=(
        "What is the object in the image?",
        "What object is depicted here?",
        "Into which category would you put this picture?",
        "Which of the following does the photo show: {classes}?",
        "You are an assistant that recognises the object in a picture. Answer with the name of its category. "
        "What is the category of this image? Candidates: {classes}.",
    ),
)


class Classification(SetTask):
    """``accuracy``: the answer is the class, or mentions it and no other. ``lamm_accuracy``: it is mentioned at all."""

    kind = "classification"
    version = 2
    metrics: tuple[str, ...] = ("accuracy", "lamm_accuracy")
    max_new_tokens = 16
    questions = QUESTIONS

    def hint(self, entry: Entry) -> str:
        """Asked for a name alone."""
        return "Answer with the name of the category."

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """The classes in random order, so that their order says nothing."""
        names = list(class_list(entry.more["classes"])[0])
        return {"classes": ", ".join(rng.sample(names, len(names)))}

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        names, synonyms = class_list(sample.metadata["classes"])
        read = label_in(answer, names, synonyms)
        right = read.value == sample.target
        parts = {
            "accuracy": Part(float(right), 1),
            "lamm_accuracy": Part(float(self.lamm(answer, sample.target)), 1),
        }
        detail = {"mentioned": [name for name in names if mentions(answer, name, synonyms)]}
        if read.value is None:
            return Score(None, None, f"{read.how} named", parts, "none", detail)
        return Score(float(right), read.value, "right" if right else "wrong class", parts, read.how, detail)

    def lamm(self, answer: str, label: str) -> bool:
        """Whether the published protocol counts the answer as right."""
        return compat.label_mentioned(answer, label)

    def options(self, sample: Sample) -> tuple[str, ...]:
        """All classes."""
        return tuple(class_list(sample.metadata["classes"])[0])

    def right_answer(self, sample: Sample) -> str:
        """The class."""
        return str(sample.target)


def labelled(record: Record) -> tuple[str, Mapping[str, Any]]:
    """The truth of a published record of CIFAR-10."""
    return text(record["label"]), {"classes": "cifar10"}


def rows_of(source: str, column: str) -> Any:
    """Reads rows with a picture and the number of a class that the schema names."""

    def read(rows: list[Row], file: Path) -> list[Entry]:
        names = class_names(file, "label")
        found = []
        for index, row in enumerate(rows):
            name = f"{source}-{index:05d}"
            content = picture_bytes(row[column], file=file, index=index)
            found.append(Entry(name, content, names[row["label"]], source, name, more={"classes": named_list(names)}))
        return found

    return read


TASKS = (
    Classification(
        "cifar10",
        "CIFAR-10: which of ten classes",
        forms=(
            published("Classification_CIFAR10", labelled, source="cifar10"),
            parquet("cifar10", ("img", "label"), rows_of("cifar10", "img")),
        ),
        paper=PAPER["cifar10"],
    ),
)
