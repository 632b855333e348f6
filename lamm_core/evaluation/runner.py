"""Runs a task: ask, parse, score, record; the same again without pictures and with other samples' pictures.

Does not know how a model generates, nor what any task asks.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from time import strftime
from typing import Any, Literal, Protocol

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import TaskError
from lamm_core.evaluation.metrics import summary
from lamm_core.evaluation.records import RECORDS, RecordWriter, record_of
from lamm_core.evaluation.task import Score, Task

__all__ = ["Answerer", "Baseline", "blind", "measure", "shuffled"]

Baseline = Literal["blind", "shuffled"]
BATCHES_AT_ONCE = 4  # the engine sorts what it is given by length, so it gets more than one batch to sort


class Answerer(Protocol):
    """What answers questions, as `lamm_core.inference.engine.Engine` does: many conversations in, as many texts out."""

    def answer_many(
        self, conversations: Sequence[Sequence[Turn]], settings: Any, *, batch: int, adapter: str | None
    ) -> list[str]: ...


def blind(samples: Sequence[Sample]) -> list[Sample]:
    """The same questions with nothing to look at."""
    return [_shown(sample, [()] * len(sample.turns)) for sample in samples]


def shuffled(samples: Sequence[Sample], *, seed: int = 0) -> list[Sample]:
    """The same questions, each about the picture of another sample: a random ring, so that none keeps its own.

    Samples about the same picture stay apart too, as far as there are enough pictures: the ring runs over pictures.
    """
    pictures = sorted({sample.media for sample in samples}, key=lambda media: [str(medium.path) for medium in media])
    if len(pictures) < 2:
        raise TaskError("Shuffling pictures needs samples about at least two pictures. Raise --limit.")
    random.Random(seed).shuffle(pictures)
    other = {mine: pictures[(index + 1) % len(pictures)] for index, mine in enumerate(pictures)}
    result = []
    for sample in samples:
        supply = iter(other[sample.media])
        result.append(_shown(sample, [tuple(next(supply) for _ in turn.media) for turn in sample.turns]))
    return result


def _shown(sample: Sample, media: Sequence[tuple[Media, ...]]) -> Sample:
    turns = tuple(dataclasses.replace(turn, media=shown) for turn, shown in zip(sample.turns, media, strict=True))
    return dataclasses.replace(sample, turns=turns)


def measure(
    engine: Answerer,
    task: Task,
    samples: Sequence[Sample],
    *,
    out: Path,
    baseline: Baseline | None = None,
    limit: int | None = None,
    batch: int = 16,
    seed: int = 0,
    run: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Ask every sample, append each answer to ``out/records.jsonl`` and give the metrics with their intervals.

    Answers are greedy. The adapter of the task's modality is active in the baselines too: without a picture the trained
    model is asked to guess, not the language model under it. ``progress`` is told now and then how many are done.
    """
    from lamm_core.inference.sampling import Generation

    settings = Generation(max_new_tokens=task.max_new_tokens, temperature=0.0)
    asked = list(samples[:limit])
    if not asked:
        raise TaskError(f"The task {task.name} has no samples here.")
    shown = blind(asked) if baseline == "blind" else shuffled(asked, seed=seed) if baseline == "shuffled" else asked
    scores: list[Score] = []
    writer = RecordWriter(out / RECORDS, task=task.name, version=task.version, run=run or strftime("%Y-%m-%dT%H:%M:%S"))
    with writer:
        for start in range(0, len(shown), batch * BATCHES_AT_ONCE):
            group = shown[start : start + batch * BATCHES_AT_ONCE]
            turns = [sample.turns for sample in group]
            texts = engine.answer_many(turns, settings, batch=batch, adapter=task.modality)
            for sample, text in zip(group, texts, strict=True):
                score = task.score(sample, text)
                scores.append(score)
                record = record_of(sample, score, text=text, latency_seconds=None, tokens=None, cached=False)
                writer.add(record, baseline=baseline)
            if progress is not None:
                progress(len(scores))
    unseen = [bool(sample.metadata.get("unseen_wording")) for sample in asked]
    return {"task": task.name, "version": task.version, "baseline": baseline} | summary(
        scores, task.metrics, unseen=unseen, corpus=task.corpus
    )
