"""Does a model see what is not there: yes-or-no questions about objects, present and absent (after POPE).

Does not know attributes or relations. Absent classes are drawn three ways: at random, among the most frequent of the
set, and among those that most often stand beside what is present. The last is the hardest to resist.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.parsing import yes_or_no
from lamm_core.evaluation.sets.classes import class_list
from lamm_core.evaluation.sets.coco import coco
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.voc import voc
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.detection import short

__all__ = ["TASKS", "Hallucination"]

QUESTIONS = Questions(
    seen=("Is there {thing} in the picture?",),
    unseen=("Does the image show {thing}?", "Answer yes or no. Can you see {thing} in this photo?"),
)
WAYS = ("adversarial", "popular", "random")
OF_EACH = 3  # classes that are present, and absent ones for each way, as in POPE


class Hallucination(SetTask):
    """For each way of drawing absent classes: ``accuracy``, ``precision``, ``recall`` and ``f1`` of saying yes.

    Each is over the present classes and the absent ones drawn that way, as many of one as of the other. ``yes_rate``:
    how often yes is said at all.
    """

    kind = "hallucination"
    metrics: tuple[str, ...] = (
        *(f"{name}_{way}" for name in ("f1", "accuracy", "precision", "recall") for way in WAYS), "yes_rate",
    )  # fmt: skip
    max_new_tokens = 16
    questions = QUESTIONS

    def entries(self, data: Path) -> list[Entry]:
        """The questions about every picture; what is drawn at random is drawn by the picture's id alone."""
        pictures = super().entries(data)
        frequent = Counter(label for one in pictures for label in labels(one))
        beside = {name: Counter[str]() for name in frequent}
        for one in pictures:
            for label in labels(one):
                beside[label].update(other for other in labels(one) if other != label)
        return [entry for one in pictures for entry in self._about(one, frequent, beside)]

    def _about(self, picture: Entry, frequent: Counter[str], beside: dict[str, Counter[str]]) -> list[Entry]:
        rng = random.Random(f"hallucination {picture.id}")
        present = labels(picture)
        asked = sorted(rng.sample(present, min(OF_EACH, len(present))))
        absent = [name for name in class_list(picture.more["classes"])[0] if name not in present]
        near: Counter[str] = Counter()
        for label in present:
            near.update(beside[label])
        drawn = {
            "random": rng.sample(absent, min(len(asked), len(absent))),
            "popular": _first(absent, frequent, len(asked)),
            "adversarial": _first(absent, near or frequent, len(asked)),
        }
        ways: dict[str, list[str]] = {label: list(WAYS) for label in asked}
        for way in WAYS:
            for label in drawn[way]:
                ways.setdefault(label, []).append(way)
        return [
            Entry(
                f"{picture.id}-{label.replace(' ', '-')}", picture.picture, "yes" if label in present else "no",
                picture.source, picture.group, more={"label": label, "ways": of},
            )
            for label, of in ways.items()
        ]  # fmt: skip

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """What is asked after."""
        label = entry.more["label"]
        return {"thing": f"{'an' if label[0] in 'aeiou' else 'a'} {label}"}

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        read = yes_or_no(answer, positive=r"\b(?:there (?:is|are)|shows?|see)\b")
        said, true = read.value == "yes", sample.target == "yes"
        right = read.value == sample.target
        parts = {"yes_rate": Part(float(said), 1)}
        for way in sample.metadata["ways"]:
            parts[f"accuracy_{way}"] = Part(float(right), 1)
            parts[f"f1_{way}"] = Part(2.0 * (said and true), float(said) + float(true))
            parts[f"precision_{way}"] = Part(float(said and true), float(said))
            parts[f"recall_{way}"] = Part(float(said and true), float(true))
        detail = {"truth": sample.target, "read": read.value}
        if read.value is None:
            return Score(None, None, read.how, parts, "none", detail)
        reason = "right" if right else "sees what is not there" if said else "overlooks it"
        return Score(float(right), read.value, reason, parts, read.how, detail)

    def options(self, sample: Sample) -> tuple[str, ...]:
        """Yes and no."""
        return ("Yes", "No")

    def right_answer(self, sample: Sample) -> str:
        """Yes or no."""
        return str(sample.target).capitalize()


def labels(picture: Entry) -> list[str]:
    """The classes in a picture, each once, by the alphabet."""
    return sorted({label for label, _ in picture.truth})


def _first(absent: Sequence[str], weights: Counter[str], count: int) -> list[str]:
    """The absent classes of the largest weight; of equals the first by the alphabet."""
    return sorted(absent, key=lambda name: (-weights[name], name))[:count]


def with_objects(form: Form) -> Form:
    """The same form without pictures that hold nothing."""
    return Form(form.places, lambda files: [one for one in short(form).read(files) if one.truth])


TASKS = (
    Hallucination("coco128_hallucination", "COCO photos: is it there at all", forms=(with_objects(coco("coco128")),)),
    Hallucination(
        "voc2012_hallucination",
        "VOC2012: is it there at all",
        forms=(with_objects(voc("VOC2012", "VOCdevkit/VOC2012", source="voc2012", split="val")),),
    ),
)
