"""Binary Locating: points that must fall on what they name, in photos, on people and on things that are many.

Does not punish surplus points; LAMM's protocol does not, and this is that protocol exactly.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample, Turn
from lamm_core.errors import TaskError
from lamm_core.evaluation import compat
from lamm_core.evaluation.sets.coco import coco
from lamm_core.evaluation.sets.entry import Entry, Form, entries, find
from lamm_core.evaluation.sets.people import people_parquet, people_record, tight_box
from lamm_core.evaluation.sets.published import Record, labelled_boxes, numbers, published
from lamm_core.evaluation.task import Part, Questions, Score, question
from lamm_core.evaluation.tasks.base import SetTask, box_record, picture_size
from lamm_core.evaluation.tasks.detection import short
from lamm_core.evaluation.tasks.paper import PAPER
from lamm_core.grounding import Point2D, format_point

__all__ = ["HIP", "QUESTIONS", "TASKS", "Locating"]

QUESTIONS = Questions(
    seen=("Point at every object.", "Give the centre of each object.", "Mark every object with a point."),
    unseen=(
        "Find all the objects and give their positions as [x, y].",
        "Please name each object together with the point where it is.",
        "You are an assistant for locating objects. Output the name of each object and its position [x, y] between 0 "
        "and 1. Where are the objects in this image?",
    ),
)
HIP = Questions(
    seen=("Point at the hip.", "Give the position of the hip.", "Locate the hip."),
    unseen=(
        "Where is the hip of the person in this picture?",
        "You are an assistant that locates parts of the human body. Output the name and [x, y] between 0 and 1. "
        "What is the position of the hip?",
    ),
)
FEWEST_SKIPPED = 10  # pictures of FSC147 with as many dots or more are not asked about
POOLED = ("voc2012", "coco128", "lsp")  # FSC147 is reported beside them, never pooled: so the published script does


class Locating(SetTask):
    """``binary_loc`` pools by unit: each true object of a photo, each picture of a person. Every set is reported too.

    An object is located if its class is mentioned and any point lies strictly inside its box; a person if any point
    lies strictly inside the tight box of the 14 joints; a dot of FSC147 if any point is within a tenth of the picture.
    """

    kind = "locating"
    version = 2
    metrics: tuple[str, ...] = ("binary_loc", *(f"binary_loc_{source}" for source in (*POOLED, "fsc147")))
    max_new_tokens = 200

    def __init__(self, name: str, title: str, *, sets: Sequence[Sequence[Form]], **others: Any) -> None:
        super().__init__(name, title, forms=[form for forms in sets for form in forms], **others)
        self.sets = sets
        if len(sets) == 1:
            self.metrics = ("binary_loc",)

    def entries(self, data: Path) -> list[Entry]:
        """Those of every set that is there; at least one of them must be."""
        there = [forms for forms in self.sets if any(find(data, form.places) for form in forms)]
        found = [one for forms in there for one in entries(data, forms, name=self.name) if one.truth]
        if not there:
            entries(data, self.forms, name=self.name)
        if not found:
            raise TaskError(f"{data} holds nothing for the task {self.name}.")
        if len(there) > 1:  # the files of several sets may use the same ids
            found = [
                dataclasses.replace(one, id=f"{one.source}-{one.id.removeprefix(one.source + '-')}") for one in found
            ]
        return found

    def ask(self, entry: Entry, path: Path, rng: random.Random) -> tuple[tuple[Turn, ...], bool]:
        """For all objects, or for the hip of a person."""
        if entry.query:
            return super().ask(entry, path, rng)
        return question(path, HIP if entry.source == "lsp" else QUESTIONS, rng, modality=self.modality)

    def hint(self, entry: Entry) -> str:
        """How a point is written."""
        return "Give the name and the position [x, y] between 0 and 1."

    def sample(self, entry: Entry, media: Path, seed: int) -> Sample:
        """One entry asked about; pixels become shares of the picture."""
        made = super().sample(entry, media, seed)
        if "pixels" not in entry.more:
            return made
        width, height = picture_size(made.media[0].path) or (1.0, 1.0)
        points = [(x / width, y / height) for x, y in entry.truth]
        target: list[Any] = (
            [["person", tight_box(points)]] if entry.source == "lsp" else [["", list(p)] for p in points]
        )
        about = {key: value for key, value in made.metadata.items() if key != "pixels"}
        return dataclasses.replace(made, target=target, metadata=about)

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        source = sample.metadata["source_dataset"]
        points = compat.points_in(answer)
        if source == "fsc147":
            hits = sum(any(math.dist(point, place) <= compat.NEAR for point in points) for _, place in sample.target)
        else:
            hits = compat.units_located(answer, sample.target, named=source != "lsp")
        part = Part(hits, len(sample.target))
        parts = {f"binary_loc_{source}": part} if len(self.metrics) > 1 else {}
        if source in POOLED:
            parts["binary_loc"] = part
        detail: dict[str, Any] = {"answer_points": [[round(x, 4), round(y, 4)] for x, y in points[:500]]}
        if source == "fsc147":
            detail["truth_points"] = [place for _, place in sample.target]
        else:
            detail["truth_boxes"] = [box_record(label, box) for label, box in sample.target]
        if not points:
            return Score(None, None, "no point", parts, "none", detail)
        parsed = "; ".join(f"[{x:g}, {y:g}]" for x, y in points[:500])
        reason = f"{hits} of {len(sample.target)} hit"
        return Score(hits / len(sample.target), parsed, reason, parts, "pairs of numbers", detail)

    def right_answer(self, sample: Sample) -> str:
        """The middle of every box, or every dot."""
        places = [(label, box if len(box) == 2 else middle(box)) for label, box in sample.target]
        return "; ".join(format_point(Point2D(label, x, y)) for label, (x, y) in places)


def middle(box: Sequence[float]) -> tuple[float, float]:
    """The centre of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def objects(record: Record) -> tuple[Any, Mapping[str, Any]]:
    """The truth of a published record of VOC2012."""
    return labelled_boxes(record["object"]), {}


def dots(record: Record) -> tuple[Any, Mapping[str, Any]]:
    """The truth of a published record of FSC147, in pixels."""
    return [numbers(point[:2], 2) for point in record["points"]], {"pixels": True}


def few(form: Form) -> Form:
    """FSC147 without the pictures that are skipped, and without those that show nothing."""
    return Form(form.places, lambda files: [one for one in form.read(files) if 0 < len(one.truth) < FEWEST_SKIPPED])


def joints(record: Record) -> tuple[Any, Mapping[str, Any]]:
    """The truth of a published record of LSP, in pixels."""
    places, more = people_record(record)
    return list(places.values()), {"pixels": True} | dict(more)


def joints_of(form: Form) -> Form:
    """LSP's people as pictures with joints in pixels."""

    def read(files: list[Path]) -> list[Entry]:
        return [
            dataclasses.replace(one, truth=list(one.truth.values()), more={"pixels": True}) for one in form.read(files)
        ]

    return Form(form.places, read)


VOC = (published("Locating_VOC2012", objects, source="voc2012"),)
COCO = (short(coco("coco128")),)
LSP = (published("Locating_LSP", joints, source="lsp"), joints_of(people_parquet("lsp")))
FSC = (few(published("Locating_FSC147", dots, source="fsc147")),)

TASKS = (
    Locating(
        "locating", "Binary Locating, all sets", sets=(VOC, COCO, LSP, FSC), paper=PAPER["locating"]
    ),
    Locating("coco128_locating", "COCO photos: point at every object", sets=(COCO,)),
)  # fmt: skip
