"""IIIT-5K: which word a crop shows.

Does not know letter case; letters and digits are compared in capitals.
"""

from __future__ import annotations

import random
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.evaluation.parsing import words
from lamm_core.evaluation.task import Part, Questions, Score, TaskDefaults, question
from lamm_core.evaluation.tasks.sets import chosen, parquet_rows, unpack

__all__ = ["QUESTIONS", "Ocr"]

QUESTIONS = Questions(
    seen=("What does it say?", "Read the word.", "What is written here?", "Transcribe the word.", "What is the text?"),
    unseen=(
        "What word is written in this picture?",
        "Read the writing in the photo.",
        "What are the words in the image?",
        "You are an assistant that recognises text in pictures. The answer should be the words. "
        "Which words does the image contain?",
    ),
)


class Ocr(TaskDefaults):
    """``word_accuracy`` as in LAMM: the word is among the words of the answer. ``exact``: it is the whole answer."""

    name = "ocr"
    version = 1
    modality = "image"
    metrics: tuple[str, ...] = ("word_accuracy", "exact")
    max_new_tokens = 32

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        rows = list(enumerate(parquet_rows(data / "iiit5k" / "test.parquet")))
        found = []
        for index, row in chosen(rows, limit, seed):
            rng = random.Random(f"ocr {seed} {index}")
            picture = unpack(row["image"]["bytes"], media, f"iiit5k-{index:05d}")
            turns, unseen = question(picture, QUESTIONS, rng)
            metadata = {"source_dataset": "iiit5k", "task_type": self.name, "unseen_wording": unseen}
            found.append(Sample(f"iiit5k-{index:05d}", turns, target=row["text"].upper(), metadata=metadata))
        return found

    def score(self, sample: Sample, answer: str) -> Score:
        read = words(answer)
        hit, exact = sample.target in read, read == [sample.target]
        parts = {"word_accuracy": Part(float(hit), 1), "exact": Part(float(exact), 1)}
        if not read:
            return Score(None, None, "no letters or digits", parts)
        return Score(float(hit), " ".join(read), "right" if exact else "among others" if hit else "wrong word", parts)
