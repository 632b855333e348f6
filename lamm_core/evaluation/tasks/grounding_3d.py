"""The one object of a scene that a description means: ScanRefer, and table-top scans (OSD).

Does not know how objects are proposed.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.published import Record, numbers
from lamm_core.evaluation.sets.scans import classes_in_scenes, scannet, table_top
from lamm_core.evaluation.task import Part, Questions, Score, question
from lamm_core.evaluation.tasks.base import SetTask, box_record
from lamm_core.evaluation.tasks.paper import PAPER
from lamm_core.evaluation.tasks.scenes import THRESHOLDS, boxes_in, numbers_of, proposals
from lamm_core.grounding import Box3D, box_overlap_3d, format_box_3d
from lamm_core.pointclouds.matching import count_matches

__all__ = ["GROUND", "TASKS", "SceneGrounding"]

GROUND = Questions(
    seen=("Find {ref}.", "Where is {ref}?", "{ref}"),
    unseen=(
        "Would you show where {ref} is?",
        "You are an assistant that grounds descriptions in point clouds. Give the 3D box of the object that is meant. "
        "The description is: {ref}.",
    ),
)


class SceneGrounding(SetTask):
    """``acc_50`` and ``acc_25``: the first box overlaps the one that is meant by at least so much, as ScanRefer counts.

    ``_unique`` and ``_multiple``: where no other, or another object of the same class is in the scene, as far as the
    records of detection beside it tell. ``proposal_recall``: some proposal of the scene encoder would do.
    ``nearest_50``: the proposal nearest to the viewer, whatever is asked, does. ``lamm_acc``: by more than so much.
    """

    kind = "grounding_3d"
    version = 2
    modality = "pointcloud"
    metrics: tuple[str, ...] = (
        "acc_50", "acc_25", "acc_50_unique", "acc_25_unique", "acc_50_multiple", "acc_25_multiple",
        "proposal_recall_50", "proposal_recall_25", "nearest_50", "lamm_acc_50", "lamm_acc_25",
    )  # fmt: skip
    max_new_tokens = 48
    questions = GROUND

    def ask(self, entry: Entry, path: Path, rng: random.Random) -> tuple[tuple[Turn, ...], bool]:
        """For the object that is meant: a bare phrase is put into a question, a set's whole question is asked as is."""
        assert entry.query is not None
        if entry.source == "osd":
            return question(path, GROUND, rng, slots={"ref": entry.query}, modality=self.modality)
        text = f"{entry.query} Give the box [cx, cy, cz, dx, dy, dz] in metres."
        return (Turn("user", text, (Media(self.modality, path),)),), True

    def sample(self, entry: Entry, media: Path, seed: int) -> Sample:
        """One description."""
        made = super().sample(entry, media, seed)
        return dataclasses.replace(made, metadata=dict(made.metadata) | {"scan": str(made.media[0].path)})

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        every, true = proposals(Path(sample.metadata["scan"])), Box3D.of(sample.target)
        found, how = boxes_in(answer, every or ())
        overlap = box_overlap_3d(found[0].box, true) if found else 0.0
        same = sample.metadata.get("same_class")
        split = None if same is None else "unique" if same <= 1 else "multiple"
        parts = {}
        for share in THRESHOLDS:
            part = Part(float(overlap >= share), 1)
            parts[f"acc_{share * 100:.0f}"] = part
            if split:
                parts[f"acc_{share * 100:.0f}_{split}"] = part
            parts[f"lamm_acc_{share * 100:.0f}"] = Part(float(overlap > share), 1)
            if every is not None:
                parts[f"proposal_recall_{share * 100:.0f}"] = Part(count_matches([true], every, share), 1)
        if every is not None:
            nearest = sorted(every, key=lambda box: box.centre[1])[:1]
            parts["nearest_50"] = Part(count_matches([true], nearest, 0.5), 1)
        detail = {
            "truth_boxes": [box_record("meant", numbers_of(true))],
            "answer_boxes": [box_record(one.label, numbers_of(one.box)) for one in found],
            "overlap": round(overlap, 4),
        }
        if not found:
            return Score(None, None, "no object named", parts, "none", detail)
        right = overlap >= 0.5
        reason = "right" if right else "near it" if overlap >= 0.25 else "another object"
        return Score(float(right), answer.strip(), f"{reason}, overlap {overlap:.2f}", parts, f"first of {how}", detail)

    def right_answer(self, sample: Sample) -> str:
        """The true box in metres."""
        return format_box_3d("", Box3D.of(sample.target))


def truth(record: Record) -> tuple[list[float], Mapping[str, Any]]:
    """The truth of a record: one box, and the description that must be there."""
    if not str(record["query"]).strip():
        raise ValueError("query is empty")
    box = record["object"]
    return numbers(box.get("bbox") if isinstance(box, dict) else box, 6), {}


def with_classes(form: Form) -> Form:
    """The same, each entry with how many objects of its class are in the scene, where that is known."""

    def read(files: list[Path]) -> list[Entry]:
        scenes = classes_in_scenes(files[0])
        return [_counted(entry, scenes) for entry in form.read(files)]

    return Form(form.places, read)


def _counted(entry: Entry, scenes: Mapping[str, list[tuple[str, list[float]]]]) -> Entry:
    boxes, true = scenes.get(entry.group, []), Box3D.of(entry.truth)
    overlaps = [box_overlap_3d(Box3D.of(box), true) for _, box in boxes]
    if not overlaps or max(overlaps) < 0.5:
        return entry
    label = boxes[overlaps.index(max(overlaps))][0]
    return dataclasses.replace(entry, more={"same_class": sum(other == label for other, _ in boxes)})


TASKS = (
    SceneGrounding(
        "scanrefer",
        "ScanRefer: the object that is meant",
        forms=(with_classes(scannet("VG_ScanRefer", truth, source="scanrefer")),),
        paper=PAPER["scanrefer"],
    ),
    SceneGrounding(
        "osd_grounding", "Table-top scans: the object that is meant", forms=(with_classes(table_top("VG_OSD", truth)),)
    ),
)
