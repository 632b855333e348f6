"""Faces of CelebA: does the person smile, and which colour is the hair.

Does not know other attributes.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation import compat
from lamm_core.evaluation.parsing import yes_or_no
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.published import Record, published, text
from lamm_core.evaluation.task import CorpusMetric, Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.classification import Classification
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["TASKS", "Hair", "Smile"]

SMILE = Questions(
    seen=("Is the person smiling?", "Does this person smile?"),
    unseen=(
        "Is there a smile on this face?",
        "You are an assistant that describes faces. Answer yes or no. Is the person in the picture smiling?",
    ),
)
HAIR = Questions(
    seen=("What is the colour of the hair?", "Which hair colour is it: {classes}?"),
    unseen=(
        "What hair colour does this person have?",
        "You are an assistant that describes faces. Choose from {classes}. Which colour is the person's hair?",
    ),
)
COLOURS = {"Black_Hair": "black", "Blond_Hair": "blond", "Brown_Hair": "brown", "Gray_Hair": "gray"}


def _balanced(details: Sequence[Mapping[str, Any]]) -> float | None:
    """The mean of the shares right among those who smile and those who do not: always yes gives one half."""
    shares = []
    for truth in ("yes", "no"):
        right = [detail["read"] == truth for detail in details if detail.get("truth") == truth]
        if right:
            shares.append(sum(right) / len(right))
    return sum(shares) / len(shares) if len(shares) == 2 else None


class Smile(SetTask):
    """``accuracy``: yes or no as the first sentence says. ``balanced_accuracy``: that of smiles and of none, averaged.

    ``lamm_accuracy``: whatever holds neither "no" nor "not" is a yes, so that silence scores the share of smiles.
    """

    kind = "facial_smile"
    metrics: tuple[str, ...] = ("accuracy", "lamm_accuracy")
    corpus: tuple[CorpusMetric, ...] = (CorpusMetric("balanced_accuracy", _balanced),)
    max_new_tokens = 16
    questions = SMILE

    def hint(self, entry: Entry) -> str:
        """Asked for yes or no."""
        return "Answer yes or no."

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        read = yes_or_no(answer, positive=r"\bsmil|\bgrin|\blaugh")
        right = read.value == sample.target
        parts = {
            "accuracy": Part(float(right), 1),
            "lamm_accuracy": Part(float(compat.smiles(answer) == (sample.target == "yes")), 1),
        }
        detail = {"truth": sample.target, "read": read.value}
        if read.value is None:
            return Score(None, None, read.how, parts, "none", detail)
        return Score(float(right), read.value, "right" if right else "wrong", parts, read.how, detail)

    def options(self, sample: Sample) -> tuple[str, ...]:
        """Yes and no."""
        return ("Yes", "No")

    def right_answer(self, sample: Sample) -> str:
        """Yes or no."""
        return str(sample.target).capitalize()


class Hair(Classification):
    """Accuracy of one of four colours, as in classification; ``lamm_accuracy``: the colour is mentioned at all."""

    kind = "facial_hair"
    version = 1
    questions = HAIR

    def hint(self, entry: Entry) -> str:
        """Asked for a colour alone."""
        return "Answer with the colour."


def smile(record: Record) -> tuple[str, Mapping[str, Any]]:
    """The truth of a published record: "1" or "-1"."""
    return _yes(record["attr"]), {}


def _yes(value: Any) -> str:
    if str(value).strip() not in ("1", "-1", "0"):
        raise ValueError(f"attr {value!r} is neither 1 nor -1")
    return "yes" if str(value).strip() == "1" else "no"


def hair(record: Record) -> tuple[str, Mapping[str, Any]]:
    """The truth of a published record: a word for a colour."""
    colour = text(record["attr"]).lower().replace("_hair", "").replace(" hair", "")
    return {"blonde": "blond", "grey": "gray"}.get(colour, colour), {"classes": "hair"}


def attributes(pick: str) -> Form:
    """CelebA as it is distributed: a table of 40 attributes, as CSV or in columns, and the split in another."""

    def read(files: list[Path]) -> list[Entry]:
        file = files[0]
        header, rows = _table(file)
        split = {row[0]: row[1] for row in _rows(file.parent, "list_eval_partition*")}
        folder = next(
            (f for f in sorted(file.parent.rglob("img_align_celeba")) if not (f / f.name).is_dir()), file.parent
        )
        found = []
        for row in rows:
            if split and split.get(row[0]) != "2":  # 2 is the test split
                continue
            try:
                has = {name: _yes(value) == "yes" for name, value in zip(header, row[1:], strict=True)}
                colours = [colour for name, colour in COLOURS.items() if has[name]] if pick == "hair" else []
                right = "yes" if pick == "smile" and has["Smiling"] else "no"
            except (KeyError, ValueError) as error:
                raise TaskError(f"{file}: the row of {row[0]!r} is not as CelebA has it ({error}).") from error
            if pick == "hair" and len(colours) != 1:
                continue
            name = f"celeba-{Path(row[0]).stem}"
            more = {"classes": "hair"} if pick == "hair" else {}
            truth = colours[0] if pick == "hair" else right
            found.append(Entry(name, folder / row[0], truth, f"celeba_{pick}", name, more=more))
        return found

    name = "list_attr_celeba*"
    return Form((f"celeba/{name}", f"CelebA/Anno/{name}", f"CelebA/{name}", name), read)


def _table(file: Path) -> tuple[list[str], list[list[str]]]:
    rows = _split(file)
    if rows and len(rows[0]) == 1:  # the text form opens with the number of rows
        rows = rows[1:]
    if not rows:
        raise TaskError(f"{file} is empty.")
    header = rows[0][1:] if rows[0][0].endswith("id") else rows[0]
    return header, rows[1:]


def _rows(folder: Path, pattern: str) -> list[list[str]]:
    file = next(iter(sorted([*folder.glob(pattern), *folder.parent.glob(f"Eval/{pattern}")])), None)
    return [] if file is None else [row for row in _split(file) if len(row) == 2]


def _split(file: Path) -> list[list[str]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return list(csv.reader(lines)) if file.suffix == ".csv" else [line.split() for line in lines if line.strip()]


TASKS = (
    Smile(
        "celeba_smile",
        "CelebA: is there a smile",
        forms=(published("Facial_Classification_CelebA(Smile)", smile, source="celeba_smile"), attributes("smile")),
        paper=PAPER["celeba_smile"],
    ),
    Hair(
        "celeba_hair",
        "CelebA: the colour of the hair",
        forms=(published("Facial_Classification_CelebA(Hair)", hair, source="celeba_hair"), attributes("hair")),
        paper=PAPER["celeba_hair"],
    ),
)
