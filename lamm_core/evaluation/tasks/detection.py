"""Boxes of all objects in photos (coco128's held-apart quarter).

Does not know confidences, because answers carry none: recall and precision are of the answer as a whole.
"""

from __future__ import annotations

import random
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.metrics import matched
from lamm_core.evaluation.parsing import COCO_SYNONYMS, known_label, mentions
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen, photos
from lamm_core.grounding import box_overlap, find_boxes, format_box

__all__ = ["QUESTIONS", "Detection"]

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


class Detection(TaskDefaults):
    """Matched recall and precision at IoU 0.5, and ``lamm_recall``: what LAMM printed as mAP.

    Matched: class and box must belong together and every predicted box counts once. LAMM's protocol: the class is
    mentioned anywhere and any box of any label overlaps by more than half.
    """

    name = "detection"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("recall", "precision", "lamm_recall")
    max_new_tokens = 320

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        found, names = photos(data)
        samples = []
        for photo in chosen(found, limit, seed):
            turns, unseen = question(photo.path, QUESTIONS, random.Random(f"detection {seed} {photo.id}"))
            metadata = {
                "source_dataset": "coco128", "task_type": self.name, "classes": names, "unseen_wording": unseen,
            }  # fmt: skip
            samples.append(Sample(photo.id, turns, target=photo.objects, metadata=metadata))
        return samples

    def score(self, sample: Sample, answer: str) -> Score:
        boxes = find_boxes(answer)
        names = sample.metadata["classes"]
        predicted = [
            (known_label(box.label, names, COCO_SYNONYMS) or box.label, (box.x1, box.y1, box.x2, box.y2))
            for box in boxes
        ]
        true = [(label, tuple(box)) for label, box in sample.target]
        hits = matched(predicted, true)
        lenient = sum(
            mentions(answer, label, COCO_SYNONYMS) and any(box_overlap(box, other) > 0.5 for _, other in predicted)
            for label, box in true
        )
        parts = {
            "recall": Part(hits, len(true)),
            "precision": Part(hits, len(predicted)),
            "lamm_recall": Part(lenient, len(true)),
        }
        if not boxes:
            return Score(None, None, "no box", parts)
        parsed = "; ".join(format_box(box) for box in boxes)
        return Score(hits / len(true), parsed, f"{hits} of {len(true)} found, {len(boxes)} boxes", parts)
