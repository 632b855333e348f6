"""Boxes of all objects in a scene: ScanNet, and table-top scans (OSD).

Does not know confidences, because answers carry none: what is named first is ranked first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.metrics.average_precision import Found, Judged, average_precision, judge_boxes
from lamm_core.evaluation.metrics.boxes import matched
from lamm_core.evaluation.parsing import known_label
from lamm_core.evaluation.sets.entry import Entry
from lamm_core.evaluation.sets.published import Record, labelled_boxes
from lamm_core.evaluation.sets.scans import scannet, table_top
from lamm_core.evaluation.task import CorpusMetric, Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask, box_record
from lamm_core.evaluation.tasks.paper import PAPER
from lamm_core.evaluation.tasks.scenes import THRESHOLDS, boxes_in, numbers_of, proposals
from lamm_core.grounding import Box3D, box_overlap_3d, format_box_3d
from lamm_core.pointclouds.matching import count_matches

__all__ = ["DETECT", "TASKS", "SceneDetection"]

DETECT = Questions(
    seen=("Detect every object in 3D.", "Find all objects.", "Which objects are there?"),
    unseen=(
        "Find every object on the table and give its 3D bounding box.",
        "Please list the number of each object in this scan.",
    ),
)
ANY = "object"  # a set that calls everything so has one class, and any name of an answer means it


def _precision(share: float) -> CorpusMetric:
    name = f"ap_{share * 100:.0f}"

    def compute(details: Sequence[Mapping[str, Any]]) -> float | None:
        return average_precision([Judged.of(detail["judged"][name]) for detail in details if "judged" in detail])

    return CorpusMetric(name, compute)


class SceneDetection(SetTask):
    """``ap_50`` and ``ap_25`` by VOC's rule; ``recall``, ``precision_50`` and ``f1_50`` of boxes matched once.

    ``proposal_recall``: what the scene encoder's proposals could reach at best. ``lamm_recall_50``, which LAMM printed
    as mAP: the class is mentioned and any box of any class overlaps by more than half.
    """

    kind = "detection_3d"
    version = 2
    modality = "pointcloud"
    metrics: tuple[str, ...] = (
        "ap_50", "ap_25", "recall_50", "recall_25", "precision_50", "f1_50", "proposal_recall_50", "proposal_recall_25",
        "lamm_recall_50",
    )  # fmt: skip
    corpus = tuple(_precision(share) for share in (0.5, 0.25))
    max_new_tokens = 320
    questions = DETECT

    def hint(self, entry: Entry) -> str:
        """How a box is written."""
        return "Give the name of each object and its box [cx, cy, cz, dx, dy, dz] in metres."

    def sample(self, entry: Entry, media: Path, seed: int) -> Sample:
        """One scene asked about; the set's own question is used where the set is LAMM's."""
        made = super().sample(entry, media, seed)
        made.metadata["scan"] = str(made.media[0].path)  # type: ignore[index]
        return made

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        every = proposals(Path(sample.metadata["scan"]))
        found, how = boxes_in(answer, every or ())
        true = [(label, Box3D.of(box)) for label, box in sample.target]
        names = sorted({label for label, _ in true})
        said = [(ANY if names == [ANY] else known_label(one.label, names, {}) or one.label, one.box) for one in found]
        hits = {share: matched(said, true, threshold=share, overlap=box_overlap_3d) for share in THRESHOLDS}
        lamm = f"{answer} {ANY}" if names == [ANY] else answer
        parts = {
            "precision_50": Part(hits[0.5], len(said)),
            "f1_50": Part(2 * hits[0.5], len(said) + len(true)),
            "lamm_recall_50": Part(compat.scene_objects_found(lamm, [one.box for one in found], true), len(true)),
        }
        for share in THRESHOLDS:
            parts[f"recall_{share * 100:.0f}"] = Part(hits[share], len(true))
            if every is not None:
                best = count_matches([box for _, box in true], every, share)
                parts[f"proposal_recall_{share * 100:.0f}"] = Part(best, len(true))
        detail = {
            "truth_boxes": [box_record(label, numbers_of(box)) for label, box in true],
            "answer_boxes": [box_record(one.label, numbers_of(one.box)) for one in found],
            "judged": {
                f"ap_{share * 100:.0f}": judge_boxes(
                    [Found(*one) for one in said], true, overlap=box_overlap_3d, threshold=share
                ).as_record()
                for share in THRESHOLDS
            },
        }
        if not found:
            return Score(None, None, "no object named", parts, "none", detail)
        reason = f"{hits[0.5]} of {len(true)} found, {len(found)} named"
        value = parts["f1_50"].gained / parts["f1_50"].possible
        return Score(value, answer.strip(), reason, parts, how, detail)

    def right_answer(self, sample: Sample) -> str:
        """All true boxes in metres."""
        return "; ".join(format_box_3d(label, Box3D.of(box)) for label, box in sample.target)


def truth(record: Record) -> tuple[Any, Mapping[str, Any]]:
    """The truth of a record: labelled boxes in metres."""
    return labelled_boxes(record["object"], 6), {}


TASKS = (
    SceneDetection(
        "scannet_detection",
        "ScanNet: find all objects",
        forms=(scannet("Detection_ScanNet", truth, source="scannet"),),
        paper=PAPER["scannet"],
    ),
    SceneDetection("osd_detection", "Table-top scans: find all objects", forms=(table_top("Detection_OSD", truth),)),
)
