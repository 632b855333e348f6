"""What a benchmark task is: questions with right answers, and a way to score what was said.

Does not know which model answers, nor how scores are stored.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lamm_core.conversation import Media, Sample, Turn

__all__ = ["CorpusMetric", "Part", "Questions", "Score", "Task", "TaskDefaults", "group_of", "question"]


class Part(NamedTuple):
    """What one sample adds to a metric; the metric is the sum of ``gained`` over the sum of ``possible``."""

    gained: float
    possible: float


@dataclass(frozen=True)
class CorpusMetric:
    """A metric that is no sum of parts: average precision, BLEU, CIDEr, a median.

    ``compute`` gets the ``detail`` of every score of the run, the unparsed among them, and gives None where there is
    nothing to compute. It is called again on resampled details, so it must not depend on their order.
    """

    name: str
    compute: Callable[[Sequence[Mapping[str, Any]]], float | None]
    higher_is_better: bool = True


@dataclass(frozen=True)
class Score:
    """The score of one answer.

    ``value`` is from 0 to 1; it is None, never 0, where the answer could not be parsed; such answers are counted apart.
    In ``parts`` an unparsed answer gains nothing of what was possible, so a model does not win by saying nothing.
    ``extraction`` says how the answer was read ("exact", "first number", "none"); ``detail`` is what JSON can hold:
    what corpus metrics need, and boxes or points to draw (``truth_boxes``, ``answer_boxes``: lists of {label, box: 4 or
    6 numbers, score?}; ``truth_points``, ``answer_points``: [x, y] as shares).
    """

    value: float | None
    answer: str | None
    reason: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    extraction: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class Task(Protocol):
    """One benchmark task; the first of ``metrics`` is the one that is quoted. Tasks of one ``kind`` ask the same.

    ``metrics`` names those that are summed from parts and, where they are to stand before others, those of ``corpus``;
    metrics of ``corpus`` that it does not name come after it. ``paper`` holds quoted figures: the row's name, then
    metric to value in the metric's own unit.
    """

    name: str
    kind: str
    title: str
    version: int
    modality: str
    metrics: tuple[str, ...]
    corpus: tuple[CorpusMetric, ...]
    lower_is_better: frozenset[str]
    paper: Mapping[str, Mapping[str, float]]
    max_new_tokens: int

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        """Read the raw set in ``data``; pictures inside archives are unpacked into ``media``."""
        ...

    def score(self, sample: Sample, answer: str) -> Score:
        """Compare one answer with the sample's target."""
        ...

    def options(self, sample: Sample) -> tuple[str, ...]:
        """The answers to choose among when the likelihood of each is compared; empty: the task offers none."""
        ...

    def right_answer(self, sample: Sample) -> str:
        """The truth in words, as a perfect model would answer: for a judge, and to be read."""
        ...


class TaskDefaults:
    """What most tasks leave as it is; a task derives from this and says the rest of `Task`."""

    kind: str = ""
    title: str = ""
    corpus: tuple[CorpusMetric, ...] = ()
    lower_is_better: frozenset[str] = frozenset()
    paper: Mapping[str, Mapping[str, float]] = {}

    def options(self, sample: Sample) -> tuple[str, ...]:
        """None offered."""
        return ()

    def right_answer(self, sample: Sample) -> str:
        """The target as it is."""
        return str(sample.target)


def group_of(sample: Sample) -> str:
    """What a sample shares with others about the same thing: ``metadata["group"]``, else the first medium's file name.

    Samples of one group are no independent evidence; intervals and tests treat a group as one.
    """
    given = sample.metadata.get("group")
    if given is not None:
        return str(given)
    return sample.media[0].path.name if sample.media else sample.id


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
