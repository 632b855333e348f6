"""Table-top scans with labelled objects (OSD): find all objects, the one that is meant, and answer questions.

Does not know how objects are proposed. An answer names objects by their numbers, ``[obj3]``; its boxes are those of the
proposals of the sample's own scan. What the proposals could reach at best is told beside every score.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen
from lamm_core.grounding import Box3D, find_objects
from lamm_core.pointclouds.labelled import held_apart
from lamm_core.pointclouds.matching import count_matches

__all__ = ["SceneDetection", "SceneGrounding", "SceneQuestions"]

DETECT = Questions(
    seen=("Detect every object in 3D.", "Find all objects.", "Which objects are there?"),
    unseen=(
        "Find every object on the table and give its 3D bounding box.",
        "Please list the number of each object in this scan.",
    ),
)
GROUND = Questions(
    seen=("Find {ref}.", "Where is {ref}?", "{ref}"),
    unseen=(
        "Would you show where {ref} is?",
        "You are an assistant that grounds descriptions in point clouds. Give the 3D box of the object that is meant. "
        "The description is: {ref}.",
    ),
)
ASK = Questions(
    seen=("{question}\n{options}", "{question}\nChoose from: {options}"),
    unseen=("{question}\nPick the right one of these. {options}", "Question: {question}\nAnswers: {options}"),
)
THRESHOLDS = (0.25, 0.5)


def records(data: Path, file: str) -> Iterator[Mapping[str, Any]]:
    """The records of one benchmark file that are about held-apart scans."""
    path = data / "osd" / file
    if not path.is_file():
        raise TaskError(f"{path} is missing; --data must name the folder that holds the raw sets.")
    for record in json.loads(path.read_text(encoding="utf-8")):
        if held_apart(Path(record["pcl"]).stem):
            yield record


def proposed(path: Path) -> tuple[Box3D, ...]:
    """The boxes that the encoder "scene" tells of a scan, the first is ``[obj1]``."""
    from lamm_core.modalities.pointcloud.scene import boxes_in

    return boxes_in(path)


def named(path: Path, answer: str) -> list[Box3D]:
    """The boxes of the proposals that an answer names; numbers that no proposal has are passed over."""
    boxes = proposed(path)
    numbers = dict.fromkeys(mention.number for mention in find_objects(answer))
    return [boxes[number - 1] for number in numbers if 1 <= number <= len(boxes)]


class SceneDetection(TaskDefaults):
    """``f1_50``: twice the hits over objects named and true; ``recall`` of the true ones; ``ceiling`` of proposals."""

    name = "osd_detection"
    version = 1
    modality = "pointcloud"
    metrics: tuple[str, ...] = ("f1_50", "recall_25", "recall_50", "ceiling_25", "ceiling_50")
    max_new_tokens = 120

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        samples = []
        for record in records(data, "Detection_OSD.json"):
            rng = random.Random(f"{self.name} {seed} {record['id']}")
            path = data / "osd" / record["pcl"]
            turns, unseen = question(path, DETECT, rng, modality=self.modality)
            metadata = {"source_dataset": "osd", "task_type": self.name, "unseen_wording": unseen}
            target = [Box3D.of(item["bbox"]) for item in record["object"]]
            samples.append(Sample(record["id"], turns, target=target, metadata=metadata | {"scan": str(path)}))
        return chosen(samples, limit, seed)

    def score(self, sample: Sample, answer: str) -> Score:
        path, true = Path(sample.metadata["scan"]), sample.target
        boxes = named(path, answer)
        hits = {share: count_matches(true, boxes, share) for share in THRESHOLDS}
        best = {share: count_matches(true, proposed(path), share) for share in THRESHOLDS}
        parts = {"f1_50": Part(2 * hits[0.5], len(boxes) + len(true))}
        for share in THRESHOLDS:
            parts[f"recall_{share * 100:.0f}"] = Part(hits[share], len(true))
            parts[f"ceiling_{share * 100:.0f}"] = Part(best[share], len(true))
        reason = f"{hits[0.5]} of {len(true)} found, {len(boxes)} named"
        if not boxes:
            return Score(None, None, "no object named", parts)
        return Score(parts["f1_50"].gained / parts["f1_50"].possible, answer.strip(), reason, parts)


class SceneGrounding(TaskDefaults):
    """``acc_50``: the first object named overlaps the one that is meant by half, as ScanRefer counts.

    ``ceiling``: some proposal does. ``nearest``: the proposal nearest to the viewer, whatever is asked, does.
    """

    name = "osd_grounding"
    version = 1
    modality = "pointcloud"
    metrics: tuple[str, ...] = ("acc_50", "acc_25", "ceiling_50", "ceiling_25", "nearest_50")
    max_new_tokens = 24

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        samples = []
        for record in records(data, "VG_OSD.json"):
            rng = random.Random(f"{self.name} {seed} {record['id']}")
            path = data / "osd" / record["pcl"]
            turns, unseen = question(path, GROUND, rng, slots={"ref": record["query"]}, modality=self.modality)
            metadata = {"source_dataset": "osd", "task_type": self.name, "unseen_wording": unseen}
            box = Box3D.of(record["object"])
            samples.append(Sample(record["id"], turns, target=box, metadata=metadata | {"scan": str(path)}))
        return chosen(samples, limit, seed)

    def score(self, sample: Sample, answer: str) -> Score:
        path = Path(sample.metadata["scan"])
        boxes = named(path, answer)[:1]
        every = proposed(path)
        nearest = sorted(every, key=lambda box: box.centre[1])[:1]
        parts = {}
        for share in THRESHOLDS:
            parts[f"acc_{share * 100:.0f}"] = Part(count_matches([sample.target], boxes, share), 1)
            parts[f"ceiling_{share * 100:.0f}"] = Part(count_matches([sample.target], every, share), 1)
        parts["nearest_50"] = Part(count_matches([sample.target], nearest, 0.5), 1)
        if not boxes:
            return Score(None, None, "no object named", parts)
        right = parts["acc_50"].gained
        return Score(right, answer.strip(), "right" if right else "another object", parts)


class SceneQuestions(TaskDefaults):
    """``accuracy``: the option that the answer states, by letter or by its words, is the right one."""

    name = "osd_vqa"
    version = 1
    modality = "pointcloud"
    metrics: tuple[str, ...] = ("accuracy",)
    max_new_tokens = 24

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        samples = []
        for record in records(data, "VQA_OSD_multiplechoice.json"):
            rng = random.Random(f"{self.name} {seed} {record['id']}")
            path = data / "osd" / record["pcl"]
            options = " ".join(f"({chr(65 + place)}) {text}" for place, text in enumerate(record["gt_choices"]))
            slots = {"question": record["query"], "options": options}
            turns, unseen = question(path, ASK, rng, slots=slots, modality=self.modality)
            metadata = {"source_dataset": "osd", "task_type": self.name, "unseen_wording": unseen}
            metadata["choices"] = record["gt_choices"]
            samples.append(Sample(record["id"], turns, target=record["gt_choice"], metadata=metadata))
        return chosen(samples, limit, seed)

    def score(self, sample: Sample, answer: str) -> Score:
        stated = stated_option(answer, sample.metadata["choices"])
        right = Part(float(stated == sample.target), 1)
        if stated is None:
            return Score(None, None, "no single option stated", {"accuracy": right})
        return Score(right.gained, sample.metadata["choices"][stated], "right" if right.gained else "wrong option",
                     {"accuracy": right})  # fmt: skip


def stated_option(answer: str, choices: Sequence[str]) -> int | None:
    """The place of the option that an answer states; None where it states none, or several."""
    if letter := re.match(r"\s*\(?([A-Z])(?:\)|[.:]|\s*$)", answer):
        place = ord(letter[1]) - 65
        return place if place < len(choices) else None
    text = answer.strip().rstrip(".").lower()
    exact = [place for place, choice in enumerate(choices) if choice.lower() == text]
    if exact:
        return exact[0]
    inside = [place for place, choice in enumerate(choices) if re.search(rf"\b{re.escape(choice.lower())}\b", text)]
    return inside[0] if len(inside) == 1 else None
