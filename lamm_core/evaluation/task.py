"""What a benchmark task is: questions with right answers, and a way to score what was said.

Does not know which model answers, nor how scores are stored.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from lamm_core.conversation import Media, Sample, Turn

__all__ = ["Part", "Questions", "Score", "Task", "question"]


class Part(NamedTuple):
    """What one sample adds to a metric; the metric is the sum of ``gained`` over the sum of ``possible``."""

    gained: float
    possible: float


@dataclass(frozen=True)
class Score:
    """The score of one answer.

    ``value`` is None, never 0, where the answer could not be parsed; such answers are counted apart. In ``parts`` an
    unparsed answer gains nothing of what was possible, so a model does not win by saying nothing.
    """

    value: float | None
    answer: str | None
    reason: str
    parts: Mapping[str, Part] = field(default_factory=dict)


class Task(Protocol):
    """One benchmark task; the first of ``metrics`` is the one that is quoted."""

    name: str
    version: int
    modality: str
    metrics: tuple[str, ...]
    max_new_tokens: int

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        """Read the raw set in ``data``; pictures inside archives are unpacked into ``media``."""
        ...

    def score(self, sample: Sample, answer: str) -> Score:
        """Compare one answer with the sample's target."""
        ...


class Questions(NamedTuple):
    """Wordings of a task's question: some that training data uses, some that it never does."""

    seen: Sequence[str]
    unseen: Sequence[str]


def question(
    path: Path,
    questions: Questions,
    rng: random.Random,
    *,
    slots: Mapping[str, str] | None = None,
    modality: str = "image",
) -> tuple[tuple[Turn, ...], bool]:
    """One user turn about one picture or cloud, and whether its wording is one that training never shows: half are."""
    unseen = rng.random() < 0.5
    text = rng.choice(questions.unseen if unseen else questions.seen).format(**(slots or {}))
    return (Turn("user", text, (Media(modality, path),)),), unseen
