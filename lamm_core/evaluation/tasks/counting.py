"""How many objects of a class: things in FSC147, cells in blood smears (BCCD), objects in photos (coco128).

Does not ask for classes that are absent.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.parsing import number
from lamm_core.evaluation.sets.coco import coco
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.fsc147 import fsc147
from lamm_core.evaluation.sets.published import Record, published
from lamm_core.evaluation.sets.voc import voc
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["QUESTIONS", "TASKS", "Counting"]

QUESTIONS = Questions(
    seen=(
        "How many objects of the class {label} are there?",
        "Count every {label}.",
        "Count each {label} in the picture.",
    ),
    unseen=(
        "Count all objects that belong to the class {label}.",
        "What is the count of the class {label} in this photo?",
    ),
)


class Counting(SetTask):
    """``mae``: mean absolute error of the answers that hold a number, lower is better; the others are counted apart.

    ``mae_below_10``: where the truth is less than ten. ``exact``: the share of right counts, unparsed ones wrong.
    ``lamm_mae`` reads an answer without a number as 0. The value of one answer falls from 1, at no error, to 0, where
    the error is as large as the truth.
    """

    kind = "counting"
    version = 2
    metrics: tuple[str, ...] = ("mae", "mae_below_10", "exact", "lamm_mae", "lamm_mae_below_10")
    lower_is_better = frozenset({"mae", "mae_below_10", "lamm_mae", "lamm_mae_below_10"})
    max_new_tokens = 12
    questions = QUESTIONS

    def hint(self, entry: Entry) -> str:
        """Asked for a number alone."""
        return "Answer with a number."

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """What is counted."""
        return {"label": entry.more.get("label", "object")}

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        counted, true = number(answer), int(sample.target)
        lamm = Part(abs(true - compat.count_in(answer)), 1)
        parts = {"lamm_mae": lamm, "exact": Part(float(counted == true), 1)}
        if true < 10:
            parts["lamm_mae_below_10"] = lamm
        if counted is None:
            return Score(None, None, "no number", parts, "none", {"truth": true})
        off = abs(true - counted)
        parts["mae"] = Part(off, 1)
        if true < 10:
            parts["mae_below_10"] = Part(off, 1)
        value = max(0.0, 1 - off / max(true, 1))
        detail = {"truth": true, "counted": min(counted, 10**9), "error": min(off, 10**9)}
        return Score(value, str(counted), f"{counted} for {true}", parts, "first number", detail)

    def right_answer(self, sample: Sample) -> str:
        """The number."""
        return str(sample.target)


def truth(record: Record) -> tuple[int, Mapping[str, Any]]:
    """The truth of a published record. Raises ValueError for what is no count."""
    count = int(record["num"])
    if count < 0:
        raise ValueError(f"num {count}")
    return count, {}


def by_class(form: Form) -> Form:
    """One entry for each class of each picture with boxes."""
    return Form(form.places, lambda files: [one for picture in form.read(files) for one in _counts(picture)])


def _counts(picture: Entry) -> list[Entry]:
    counts = Counter(label for label, _ in picture.truth)
    return [
        Entry(
            f"{picture.id}-{label.replace(' ', '-')}", picture.picture, count, picture.source, picture.group,
            more={"label": label},
        )
        for label, count in counts.items()
    ]  # fmt: skip


TASKS = (
    Counting(
        "fsc147",
        "FSC147: count things",
        forms=(published("Counting_FSC147", truth, source="fsc147"), fsc147("FSC147", "fsc147")),
        paper=PAPER["fsc147"],
    ),
    Counting("bccd_counting", "BCCD: count blood cells", forms=(by_class(voc("bccd", source="bccd")),)),
    Counting("coco128_counting", "COCO photos: count objects", forms=(by_class(coco("coco128")),)),
)
