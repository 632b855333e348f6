"""A task about files whose names are the answers, and somebody who reads names; no model, no torch.

Does not know what is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.evaluation.respondent import Conversation, Progress, Reply
from lamm_core.evaluation.task import CorpusMetric, Part, Score, TaskDefaults

WORDS = ("CAT", "DOG", "OWL", "BEE")


class Naming(TaskDefaults):
    """Which word is the file's name; "right" is summed, "median" is not."""

    name = "naming"
    title = "Names of files"
    version = 3
    modality = "image"
    metrics: tuple[str, ...] = ("right",)
    corpus = (CorpusMetric("share", lambda details: sum(one["hit"] for one in details) / len(details)),)
    max_new_tokens = 7

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        return make_samples(data, limit or 8)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return WORDS

    def score(self, sample: Sample, answer: str) -> Score:
        said = next((word for word in WORDS if word in answer.upper()), None)
        hit = float(said == sample.target)
        parts = {"right": Part(hit, 1)}
        if said is None:
            return Score(None, None, "no word", parts, "none", {"hit": 0.0})
        return Score(hit, said, "right" if hit else "wrong", parts, "first word", {"hit": hit})


def make_samples(folder: Path, count: int, *, each: int = 1) -> list[Sample]:
    """Samples about files of their own, ``each`` of them about the same one; files of findings, so none is opened."""
    samples = []
    for number in range(count):
        path = folder / f"{WORDS[number // each % 4]}-{number // each}.findings"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number // each}")
        turns = (Turn("user", f"Question {number}?", (Media("image", path),)),)
        metadata = {"unseen_wording": number % 2 == 0}
        samples.append(Sample(f"s{number}", turns, target=WORDS[number // each % 4], metadata=metadata))
    return samples


class ReadsNames:
    """Says the word in the name of what is shown; without anything to see, CAT. ``calls`` holds what was asked."""

    batches_round = True

    def __init__(self, *, name: str = "reader", wrong_from: int | None = None) -> None:
        self.calls: list[list[Conversation]] = []
        self.limits: list[int] = []
        self._name, self._wrong_from = name, wrong_from

    def describe(self) -> dict[str, Any]:
        return {"name": self._name, "adapter_sha256": self._name}

    def generate(
        self, conversations: Sequence[Conversation], *, max_new_tokens: int, progress: Progress | None = None
    ) -> list[Reply]:
        self.calls.append(list(conversations))
        self.limits.append(max_new_tokens)
        if progress is not None:
            progress(len(conversations))
        return [Reply(self.said(conversation), 2, 0.5) for conversation in conversations]

    def said(self, conversation: Conversation) -> str:
        number = int("".join(letter for letter in conversation[0].text.split("?")[0] if letter.isdigit()))
        if self._wrong_from is not None and number >= self._wrong_from:
            return "nothing of the kind"
        media = [medium for turn in conversation for medium in turn.media]
        return f"It is {media[0].path.stem.split('-')[0]}." if media else "It is CAT."

    def option_scores(self, conversation: Conversation, options: Sequence[str]) -> list[float]:
        said = self.said(conversation)
        return [-0.5 if option in said else -2.0 for option in options]

    @property
    def asked(self) -> int:
        """How many conversations came in."""
        return sum(map(len, self.calls))
