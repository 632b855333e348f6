"""How many objects of a class: cells in blood smears (bccd) and things in photos (coco128).

Does not ask for classes that are absent.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.parsing import number
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import blood_smears, chosen, photos

__all__ = ["QUESTIONS", "Counting"]

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


class Counting(TaskDefaults):
    """Mean absolute error, lower is better, of the answers that hold a number; ``lamm_mae`` reads others as 0."""

    name = "counting"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("mae", "lamm_mae", "mae_below_10", "exact", "mae_cells", "mae_photos")
    max_new_tokens = 12

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        asked = []
        for source, pictures in (("bccd", blood_smears(data)), ("coco128", photos(data)[0])):
            for picture in pictures:
                counts = Counter(label for label, _ in picture.objects)
                asked += [(source, picture, label, count) for label, count in counts.items()]
        samples = []
        for source, picture, label, count in chosen(asked, limit, seed):
            name = f"{picture.id}-{label.replace(' ', '-')}"
            turns, unseen = question(
                picture.path, QUESTIONS, random.Random(f"counting {seed} {name}"), slots={"label": label}
            )
            metadata = {"source_dataset": source, "task_type": self.name, "unseen_wording": unseen}
            samples.append(Sample(name, turns, target=count, metadata=metadata))
        return samples

    def score(self, sample: Sample, answer: str) -> Score:
        counted = number(answer)
        parts = {
            "lamm_mae": Part(abs(sample.target - (counted or 0)), 1),
            "exact": Part(float(counted == sample.target), 1),
        }
        if counted is None:
            return Score(None, None, "no number", parts)
        error = Part(abs(sample.target - counted), 1)
        parts |= {"mae": error, "mae_cells" if sample.metadata["source_dataset"] == "bccd" else "mae_photos": error}
        if sample.target < 10:
            parts["mae_below_10"] = error
        return Score(error.gained, str(counted), f"{counted} for {sample.target}", parts)
