"""CIFAR-10: which of ten classes a small picture shows.

Does not know training; its wordings are half of them never used there.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.parsing import mentions, singular
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen, class_names, parquet_rows, unpack

__all__ = ["QUESTIONS", "Classification"]

QUESTIONS = Questions(
    seen=(
        "What is in this picture?",
        "Classify the picture.",
        "What is the main object?",
        "Which of these is it: {classes}?",
        "Classify this image into one of: {classes}.",
    ),
    unseen=(
        "What is the object in the image?",
        "What object is depicted here?",
        "Into which category would you put this picture?",
        "Which of the following does the photo show: {classes}?",
        "You are an assistant that recognises the object in a picture. Answer with the name of its category. "
        "What is the category of this image? Candidates: {classes}.",
    ),
)

# The names that WordNet gives the ten classes beside their own; LAMM's label matching accepts these.
SYNONYMS = {
    "aeroplane": "airplane", "plane": "airplane", "car": "automobile", "auto": "automobile", "motorcar": "automobile",
    "toad": "frog", "motortruck": "truck",
}  # fmt: skip


class Classification(TaskDefaults):
    """Accuracy: the answer is the class name. ``lamm_accuracy``: the class is mentioned anywhere in it."""

    name = "classification"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("accuracy", "lamm_accuracy")
    max_new_tokens = 16

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        path = data / "cifar10" / "test.parquet"
        names = class_names(path, "label")
        found = []
        for index, row in chosen(list(enumerate(parquet_rows(path))), limit, seed):
            rng = random.Random(f"classification {seed} {index}")
            listed = rng.sample(names, len(names))
            picture = unpack(row["img"]["bytes"], media, f"cifar10-{index:05d}")
            turns, unseen = question(picture, QUESTIONS, rng, slots={"classes": ", ".join(listed)})
            metadata = {"source_dataset": "cifar10", "task_type": self.name, "classes": names, "unseen_wording": unseen}
            found.append(Sample(f"cifar10-{index:05d}", turns, target=names[row["label"]], metadata=metadata))
        return found

    def score(self, sample: Sample, answer: str) -> Score:
        names = sample.metadata["classes"]
        mentioned = [name for name in names if mentions(answer, name, SYNONYMS)]
        lenient = Part(float(sample.target in mentioned), 1)
        parsed = _stated(answer, names) or (mentioned[0] if len(mentioned) == 1 else None)
        right = parsed == sample.target
        reason = ("right" if right else "wrong class") if parsed else "no single class named"
        parts = {"accuracy": Part(float(right), 1), "lamm_accuracy": lenient}
        return Score(float(right) if parsed else None, parsed, reason, parts)


def _stated(answer: str, names: list[str]) -> str | None:
    """The class that the answer is, word for word, with or without article and full stop."""
    text = singular(re.sub(r"[.!\s]+$", "", answer.strip()))
    return next((name for name in names if singular(name) == singular(SYNONYMS.get(text, text))), None)
