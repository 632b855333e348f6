"""Boxes of all objects in a picture: VOC2012, and coco128's held-apart quarter.

Does not know confidences, because answers carry none: what is named first is ranked first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.metrics.average_precision import Found, Judged, Rule, average_precision, judge_boxes
from lamm_core.evaluation.metrics.boxes import matched
from lamm_core.evaluation.parsing import known_label
from lamm_core.evaluation.sets.classes import class_list, named_list
from lamm_core.evaluation.sets.coco import coco
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.published import Record, labelled_boxes, published
from lamm_core.evaluation.sets.voc import voc
from lamm_core.evaluation.task import CorpusMetric, Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask, box_record
from lamm_core.evaluation.tasks.paper import PAPER
from lamm_core.grounding import Box2D, box_overlap, find_boxes, format_box

__all__ = ["QUESTIONS", "TASKS", "Detection", "precision_of"]

QUESTIONS = Questions(
    seen=(
        "Detect all objects.",
        "Find the objects in this image and give their boxes.",
        "List every object with its bounding box.",
        "Give the name and the box of each object.",
    ),
    unseen=(
        "Find all the objects in the picture and state their bounding boxes.",
        "Please list the objects together with the coordinates of their boxes.",
        "You are an assistant for object detection. Output the name of every object and its box "
        "[x1, y1, x2, y2] between 0 and 1. Which objects are in the image?",
    ),
)
JUDGEMENTS: Mapping[str, tuple[Rule, float]] = {
    "ap_50": ("voc", 0.5),
    "ap_25": ("voc", 0.25),
    "coco_ap_50": ("coco", 0.5),
}


def precision_of(name: str) -> CorpusMetric:
    """Average precision of a run from what each answer's detail keeps under ``judged``."""
    rule = JUDGEMENTS[name][0]

    def compute(details: Sequence[Mapping[str, Any]]) -> float | None:
        judged = [Judged.of(detail["judged"][name]) for detail in details if "judged" in detail]
        return average_precision(judged, rule=rule)

    return CorpusMetric(name, compute)


class Detection(SetTask):
    """``ap_50`` by VOC's rule over all points (``ap_25`` too), ``coco_ap_50`` by COCO's at 101 recalls.

    ``recall``, ``precision`` and ``f1`` at IoU 0.5: class and box belong together, every box counts once, matched as
    favourably as can be. ``lamm_recall_50`` is what LAMM printed as mAP: the class is mentioned anywhere and any box of
    any class overlaps by more than half.
    """

    kind = "detection"
    version = 2
    metrics: tuple[str, ...] = ("ap_50", "recall_50", "precision_50", "f1_50", "recall_25", "lamm_recall_50")
    corpus = tuple(precision_of(name) for name in JUDGEMENTS)
    max_new_tokens = 320
    questions = QUESTIONS

    def hint(self, entry: Entry) -> str:
        """How a box is written."""
        return "Give the name of each object and its box [x1, y1, x2, y2] between 0 and 1."

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        names, synonyms = class_list(sample.metadata["classes"])
        boxes = find_boxes(answer)
        said = [
            (known_label(one.label, names, synonyms) or one.label, (one.x1, one.y1, one.x2, one.y2)) for one in boxes
        ]
        true = [(label, tuple(box)) for label, box in sample.target]
        hits = matched(said, true)
        parts = {
            "recall_50": Part(hits, len(true)),
            "precision_50": Part(hits, len(said)),
            "f1_50": Part(2 * hits, len(said) + len(true)),
            "recall_25": Part(matched(said, true, threshold=0.25), len(true)),
            "lamm_recall_50": Part(compat.objects_found(answer, true), len(true)),
        }
        detail = {
            "truth_boxes": [box_record(label, box) for label, box in true],
            "answer_boxes": [box_record(label, box) for label, box in said],
            "judged": {
                name: judge_boxes(
                    [Found(*one) for one in said], true, overlap=box_overlap, threshold=threshold, rule=rule
                ).as_record()
                for name, (rule, threshold) in JUDGEMENTS.items()
            },
        }
        if not boxes:
            return Score(None, None, "no box", parts, "none", detail)
        parsed = "; ".join(format_box(box) for box in boxes)
        reason = f"{hits} of {len(true)} found, {len(boxes)} boxes"
        value = parts["f1_50"].gained / parts["f1_50"].possible
        return Score(value, parsed, reason, parts, "boxes in brackets", detail)

    def right_answer(self, sample: Sample) -> str:
        """All true boxes as answers write them."""
        return "; ".join(format_box(Box2D(label, *box)) for label, box in sample.target)


def truth(record: Record) -> tuple[Any, Mapping[str, Any]]:
    """The truth of a published record of VOC2012."""
    return labelled_boxes(record["object"]), {"classes": "voc"}


def short(form: Form) -> Form:
    """The same form, with well-known lists of classes named instead of repeated."""
    return Form(form.places, lambda files: [_named(entry) for entry in form.read(files)])


def _named(entry: Entry) -> Entry:
    more = dict(entry.more) | {"classes": named_list(entry.more["classes"])}
    return Entry(entry.id, entry.picture, entry.truth, entry.source, entry.group, entry.query, more)


TASKS = (
    Detection(
        "voc2012_detection",
        "VOC2012: find all objects",
        forms=(
            published("Detection_VOC2012", truth, source="voc2012"),
            short(voc("VOC2012", "VOCdevkit/VOC2012", source="voc2012", split="val")),
        ),
        paper=PAPER["voc2012"],
    ),
    Detection("coco128_detection", "COCO photos: find all objects", forms=(short(coco("coco128")),)),
)
