"""Runs a task: ask, parse, score, record; the same again without pictures and with other samples' pictures.

Does not know how a model generates, nor what any task asks. A run may be killed at any point: started again on the same
folder it asks what is missing and nothing twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from lamm_core.conversation import Media, Sample
from lamm_core.errors import LammError, TaskError
from lamm_core.evaluation.media_check import check_media
from lamm_core.evaluation.modes import Mode, ask
from lamm_core.evaluation.predictions import PredictionCache, prediction_key
from lamm_core.evaluation.records import BROKEN, FAILED, RECORDS, RecordWriter, last_records, record_of
from lamm_core.evaluation.respondent import Reply, Respondent
from lamm_core.evaluation.run_folder import StateFile, write_manifest, write_summary
from lamm_core.evaluation.summary import higher_is_better, metric_names, summarise
from lamm_core.evaluation.task import Score, Task
from lamm_core.run_files import claimed

__all__ = ["Baseline", "Plan", "StopWish", "Stopped", "blind", "run", "shuffled", "without_duplicates"]

Baseline = Literal["blind", "shuffled"]
BATCHES_AT_ONCE = 4  # the engine sorts what it is given by length, so it gets more than one batch to sort


class StopWish(Protocol):
    """Says that a person wants the run to stop."""

    @property
    def requested(self) -> bool: ...


class Stopped(LammError):
    """The run was stopped by a person; nothing is lost."""


class NeverStopped:
    """Nobody wants the run to stop."""

    requested = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured and how. ``about`` are further facts for run.json (data, limit, name, ...)."""

    task: Task
    mode: Mode = "direct"
    kinds: tuple[Baseline | None, ...] = (None, "blind", "shuffled")
    seed: int = 0
    batch: int = 16
    max_new_tokens: int | None = None
    retry_failed: bool = False
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def inference(self) -> dict[str, Any]:
        """How answers are made: greedy, in this mode, with so many tokens at most."""
        limit = self.max_new_tokens or self.task.max_new_tokens
        return {"mode": self.mode, "max_new_tokens": limit, "decoding": "greedy"}


class Unique(NamedTuple):
    """Samples with different ids, and how many others were left out."""

    samples: list[Sample]
    duplicates: int


def without_duplicates(samples: Sequence[Sample]) -> Unique:
    """The first sample of every id: an id is what records and comparisons go by."""
    first = {sample.id: sample for sample in reversed(samples)}
    kept = [first[id] for id in dict.fromkeys(sample.id for sample in samples)]
    return Unique(kept, len(samples) - len(kept))


def blind(samples: Sequence[Sample]) -> list[Sample]:
    """The same questions with nothing to look at."""
    return [_shown(sample, [()] * len(sample.turns)) for sample in samples]


def shuffled(samples: Sequence[Sample], *, seed: int = 0) -> list[Sample]:
    """The same questions, each about the picture of another sample: a random ring, so that none keeps its own.

    Samples about the same picture stay apart too, as far as there are enough pictures: the ring runs over pictures.
    """
    pictures = sorted({sample.media for sample in samples}, key=lambda media: [str(medium.path) for medium in media])
    if len(pictures) < 2:
        raise TaskError(
            "Shuffling pictures needs samples about at least two pictures. Raise --limit, or leave the baselines out "
            "with --no-baselines."
        )
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


def run(
    folder: Path,
    plan: Plan,
    samples: Sequence[Sample],
    respondent: Respondent,
    *,
    cache: PredictionCache | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    stop: StopWish | None = None,
) -> dict[str, Any]:
    """Ask what the folder lacks, record it, and give the figures of the run and its baselines, as summary.json holds.

    ``progress`` is told what is done ("media", "model", "blind", "shuffled"), how much of it and of how much. Raises
    ConfigError for a folder of another run, TaskError without samples or on a full disk, Stopped after ``stop``.
    """
    with claimed(folder, another="choose another folder with --out"):
        job = _Run(folder, plan, samples, respondent, cache, progress or _silent, stop or NeverStopped())
        write_manifest(folder, job.manifest())  # before the state: a run that is refused leaves the one that is there
        state = StateFile(folder)
        try:
            return job.go(state)
        except BaseException as error:
            kind: Literal["stopped", "failed"] = (
                "stopped" if isinstance(error, Stopped | KeyboardInterrupt) else "failed"
            )
            with contextlib.suppress(LammError):  # a disk that is full takes no state either; the error itself is told
                state.write(kind, reason=str(error) or type(error).__name__)
            raise


class _Run:
    """One run in progress."""

    def __init__(
        self, folder: Path, plan: Plan, samples: Sequence[Sample], respondent: Respondent,
        cache: PredictionCache | None, progress: Callable[[str, int, int], None], stop: StopWish,
    ) -> None:  # fmt: skip
        self.folder, self.plan, self.respondent = folder, plan, respondent
        self.cache, self.progress, self.stop = cache, progress, stop
        self.samples, self.duplicates = without_duplicates(samples)
        if not self.samples:
            raise TaskError(f"The task {plan.task.name} has no samples here.")
        self.model = respondent.describe()

    def go(self, state: StateFile) -> dict[str, Any]:
        plan = self.plan
        total = len(self.samples) * len(plan.kinds)
        state.write("preparing", total=total)
        self.checked = check_media(self.samples, progress=lambda done, of: self.progress("media", done, of))
        fine = [sample for sample in self.samples if not self.checked.trouble(sample)]
        shown: dict[Baseline | None, list[Sample]] = {}
        for kind in plan.kinds:
            made = blind(fine) if kind == "blind" else shuffled(fine, seed=plan.seed) if kind == "shuffled" else fine
            by_id = {sample.id: sample for sample in made}
            shown[kind] = [by_id.get(sample.id, sample) for sample in self.samples]
        before = last_records(self.folder / RECORDS)
        done = {key for key, record in before.items() if not (plan.retry_failed and record["extraction"] == FAILED)}
        finished = sum((kind, sample.id) in done for kind in plan.kinds for sample in self.samples)
        state.write("running", done=finished, total=total)
        with RecordWriter(
            self.folder / RECORDS, task=plan.task.name, version=plan.task.version, run=self.folder.name
        ) as writer:
            for kind in plan.kinds:
                for group, first in self.groups(shown[kind]):
                    missing = [sample for sample in group if (kind, sample.id) not in done]
                    if missing:
                        if self.stop.requested:
                            raise Stopped("Stopped. The same command goes on where it was.")
                        self.answer(group, missing, kind, first, writer)
                        finished += len(missing)
                        state.write("running", done=finished, total=total)
                    self.progress(kind or "model", first + len(group), len(self.samples))
        result = self.result()
        write_summary(self.folder, result)
        state.write("completed", done=total, total=total)
        return result

    def groups(self, samples: Sequence[Sample]) -> list[tuple[Sequence[Sample], int]]:
        """What is answered in one go. The same groups whatever is done already, so that batches round the same way."""
        size = self.plan.batch * (BATCHES_AT_ONCE if self.respondent.batches_round else 1)
        return [(samples[start : start + size], start) for start in range(0, len(samples), size)]

    def answer(
        self,
        group: Sequence[Sample],
        missing: Sequence[Sample],
        kind: Baseline | None,
        first: int,
        writer: RecordWriter,
    ) -> None:
        wanted = group if self.respondent.batches_round else missing
        asked = [sample for sample in wanted if not self.checked.trouble(sample)]
        told = [sample for sample in wanted if self.checked.trouble(sample)]
        replies = {sample.id: Reply("", trouble=self.checked.trouble(sample), broken=True) for sample in told}
        cached: set[str] = set()
        keys = {sample.id: self.key(sample) for sample in asked}
        if self.cache is not None:
            found = self.cache.find([keys[sample.id] for sample in asked])
            known = {sample.id: reply for sample, reply in zip(asked, found, strict=True) if reply is not None}
            cached, replies = set(known), replies | known
            asked = [sample for sample in asked if sample.id not in known]
        if asked:
            fresh = ask(
                self.respondent, [sample.turns for sample in asked], mode=self.plan.mode,
                options=[self.plan.task.options(sample) for sample in asked],
                max_new_tokens=self.plan.inference["max_new_tokens"],
                progress=lambda done: self.progress(kind or "model", first + done, len(self.samples)),
            )  # fmt: skip
            replies |= {sample.id: reply for sample, reply in zip(asked, fresh, strict=True)}
            if self.cache is not None:
                self.cache.keep({keys[sample.id]: replies[sample.id] for sample in asked})
        for sample in missing:
            reply = replies[sample.id]
            record = record_of(
                sample, self.score(sample, reply), text=reply.text, latency_seconds=reply.seconds, tokens=reply.tokens,
                cached=sample.id in cached,
            )  # fmt: skip
            writer.add(record, baseline=kind)

    def score(self, sample: Sample, reply: Reply) -> Score:
        if reply.trouble:
            return Score(None, None, reply.trouble, extraction=BROKEN if reply.broken else FAILED)
        score = self.plan.task.score(sample, reply.text)
        options = self.plan.task.options(sample)
        offered = {"options": list(options)} if options else {}
        return dataclasses.replace(score, detail={**offered, **score.detail, **reply.notes})

    def key(self, sample: Sample) -> str:
        task = self.plan.task
        return prediction_key(
            task=task.name, version=task.version, item=sample.id, conversation=sample.turns,
            media=self.checked.hashes, options=task.options(sample) if self.plan.mode == "ppl" else (),
            model=self.model, inference=self.plan.inference,
        )  # fmt: skip

    def manifest(self) -> dict[str, Any]:
        task = self.plan.task
        return {
            "format": 1,
            "name": self.folder.name,
            "task": task.name,
            "title": task.title or task.name,
            "task_version": task.version,
            "modality": task.modality,
            "metrics": [
                {"name": name, "higher_is_better": higher_is_better(task, name)} for name in metric_names(task)
            ],
            "model": self.model,
            "inference": self.plan.inference,
            "seed": self.plan.seed,
            "baselines": [kind for kind in self.plan.kinds if kind],
            "n": len(self.samples),
            "duplicates": self.duplicates,
            **self.plan.about,
        }

    def result(self) -> dict[str, Any]:
        records = last_records(self.folder / RECORDS)
        figures = {
            kind: summarise(self.plan.task, [records[kind, sample.id] for sample in self.samples], seed=self.plan.seed)
            for kind in self.plan.kinds
        }
        task = {"task": self.plan.task.name, "version": self.plan.task.version}
        first = task | figures.pop(None, {}) | {"duplicates": self.duplicates}
        return first | {str(kind): values for kind, values in figures.items()} | {
            "model": self.model.get("name"), "records": str(self.folder / RECORDS),
        }  # fmt: skip


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""
