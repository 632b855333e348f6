"""LSP: the 14 joints of a person, asked all at once or one at a time.

Does not scale distances by the body; a hit is a point within a tenth of the picture, as in LAMM.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen, parquet_rows, unpack
from lamm_core.grounding import find_points, format_point

__all__ = ["ALL_JOINTS", "JOINTS", "ONE_JOINT", "Joints", "Keypoints"]

JOINTS = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "right wrist", "right elbow",
    "right shoulder", "left shoulder", "left elbow", "left wrist", "neck", "head top",
)  # fmt: skip
NEAR = 0.1  # in coordinates where the picture is 1 wide and 1 high

ALL_JOINTS = Questions(
    seen=(
        "Find all joints of the person.",
        "Give the position of every joint.",
        "List the joints with their positions.",
    ),
    unseen=("Find all the key points of the body.", "List every joint of this person and where it is."),
)
ONE_JOINT = Questions(
    seen=("Where is the {joint}?", "Point at the {joint}.", "Give the position of the {joint}."),
    unseen=(
        "Where in the image is the {joint}?",
        "Can you point out the {joint} of this person?",
        "You are an assistant that detects human key points. Output the position as [x, y] between 0 and 1. "
        "Where is the {joint} of the person?",
    ),
)


def _people(data: Path, media: Path) -> list[tuple[str, Path, dict[str, list[float]]]]:
    found = []
    for index, row in enumerate(parquet_rows(data / "lsp" / "test.parquet")):
        places = {
            name: [x / row["width"], y / row["height"]] for name, (x, y, _) in zip(JOINTS, row["joints"], strict=True)
        }
        found.append((f"lsp-{index:05d}", unpack(row["image"]["bytes"], media, f"lsp-{index:05d}"), places))
    return found


class Keypoints(TaskDefaults):
    """PCK at 0.1 of the picture: all joints in one answer, each read by its name."""

    name = "keypoints"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("pck",)
    max_new_tokens = 320

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        samples = []
        for id, path, places in chosen(_people(data, media), limit, seed):
            turns, unseen = question(path, ALL_JOINTS, random.Random(f"keypoints {seed} {id}"))
            metadata = {"source_dataset": "lsp", "task_type": self.name, "unseen_wording": unseen}
            samples.append(Sample(id, turns, target=places, metadata=metadata))
        return samples

    def score(self, sample: Sample, answer: str) -> Score:
        points = find_points(answer)
        first = {point.label.lower(): (point.x, point.y) for point in reversed(points)}
        hits = sum(name in first and math.dist(first[name], place) <= NEAR for name, place in sample.target.items())
        parts = {"pck": Part(hits, len(sample.target))}
        if not points:
            return Score(None, None, "no point", parts)
        parsed = "; ".join(format_point(point) for point in points)
        return Score(hits / len(sample.target), parsed, f"{hits} of {len(sample.target)} near", parts)


class Joints(TaskDefaults):
    """PCK at 0.1 of the picture as LAMM asks for it: one question a joint, any point of the answer may hit."""

    name = "joints"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("pck",)
    max_new_tokens = 32

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        people = _people(data, media)
        asked = [(person, joint) for person in people for joint in JOINTS]
        samples = []
        for (id, path, places), joint in chosen(asked, limit, seed):
            name = f"{id}-{joint.replace(' ', '-')}"
            turns, unseen = question(path, ONE_JOINT, random.Random(f"joints {seed} {name}"), slots={"joint": joint})
            metadata = {"source_dataset": "lsp", "task_type": self.name, "unseen_wording": unseen}
            samples.append(Sample(name, turns, target={joint: places[joint]}, metadata=metadata))
        return samples

    def score(self, sample: Sample, answer: str) -> Score:
        points = find_points(answer)
        (place,) = sample.target.values()
        hit = any(math.dist((point.x, point.y), place) <= NEAR for point in points)
        parts = {"pck": Part(float(hit), 1)}
        if not points:
            return Score(None, None, "no point", parts)
        return Score(float(hit), format_point(points[0]), "near" if hit else "too far", parts)
