"""Binary-Loc: points that must fall on what they name, in photos (coco128) and on people (LSP).

Does not punish surplus points; LAMM's protocol does not, and this is that protocol.
"""

from __future__ import annotations

import random
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.metrics import inside
from lamm_core.evaluation.parsing import COCO_SYNONYMS, mentions
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen, parquet_rows, photos, unpack
from lamm_core.grounding import find_points, format_point

__all__ = ["HIP", "QUESTIONS", "Locating"]

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


class Locating(TaskDefaults):
    """``binary_loc`` pools both sets by unit: each true object of a photo, each picture of a person.

    An object is found if its class is mentioned and any point lies strictly inside its box; a person if any point lies
    strictly inside the tight box around the 14 joints. Both sets are reported alone too.
    """

    name = "locating"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("binary_loc", "binary_loc_photos", "binary_loc_people")
    max_new_tokens = 200

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        samples = []
        for photo in photos(data)[0]:
            turns, unseen = question(photo.path, QUESTIONS, random.Random(f"locating {seed} {photo.id}"))
            metadata = {"source_dataset": "coco128", "task_type": self.name, "unseen_wording": unseen}
            samples.append(Sample(photo.id, turns, target=photo.objects, metadata=metadata))
        for index, row in enumerate(parquet_rows(data / "lsp" / "test.parquet")):
            name = f"lsp-{index:05d}"
            turns, unseen = question(
                unpack(row["image"]["bytes"], media, name), HIP, random.Random(f"locating {seed} {name}")
            )
            xs = [joint[0] / row["width"] for joint in row["joints"]]
            ys = [joint[1] / row["height"] for joint in row["joints"]]
            box = (min(xs), min(ys), max(xs), max(ys))
            metadata = {"source_dataset": "lsp", "task_type": self.name, "unseen_wording": unseen}
            samples.append(Sample(name, turns, target=[("person", box)], metadata=metadata))
        return chosen(samples, limit, seed)

    def score(self, sample: Sample, answer: str) -> Score:
        points = find_points(answer)
        people = sample.metadata["source_dataset"] == "lsp"
        hits = sum(
            (people or mentions(answer, label, COCO_SYNONYMS))
            and any(inside((point.x, point.y), tuple(box)) for point in points)
            for label, box in sample.target
        )
        part = Part(hits, len(sample.target))
        parts = {"binary_loc": part, "binary_loc_people" if people else "binary_loc_photos": part}
        if not points:
            return Score(None, None, "no point", parts)
        parsed = "; ".join(format_point(point) for point in points)
        return Score(hits / len(sample.target), parsed, f"{hits} of {len(sample.target)} hit", parts)
