"""The work of a recipe: for each source the request to send, or for C4 the templates to fill.

Does not know how requests are answered.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from annotation.generation.answers import SHAPES, Templates, schema
from annotation.generation.client import Request
from annotation.generation.prompt import prompt_for
from annotation.generation.recipe import Part
from annotation.generation.slotting import TASKS, SlotTask, fitting
from annotation.sources.source import Source

__all__ = ["Settings", "Work", "pool_request", "request_for", "tasks_of", "works"]

MAX_TOKENS = {"C1": 1200, "C2": 1200, "C3": 900, "C4": 2500}
POOL_ATTEMPTS = 3  # templates that break a rule are asked for anew, all of them


@dataclass(frozen=True)
class Settings:
    """What every request of a run shares."""

    model: str
    temperature: float = 0.7
    seed: int = 0
    seeing: bool = False  # the client looks at the media itself and is asked the prompt's questions


@dataclass(frozen=True)
class Work:
    """One pair to make: which source, which kind, the how-manieth of this source; for C4 which task."""

    source: Source
    kind: str
    copy: int = 0
    task: SlotTask | None = None

    @property
    def rng(self) -> random.Random:
        """Chance that depends on this work alone."""
        return random.Random(f"{self.kind} {self.source.id} {self.copy}")


def works(part: Part, sources: Iterable[Source]) -> Iterator[Work]:
    """The work of a part, source by source; a source that fits no task gives none."""
    for source in sources:
        for copy in range(part.each):
            if part.kind != "C4":
                yield Work(source, part.kind, copy)
                continue
            tasks = list(fitting(source, part.tasks))
            if tasks:
                rng = random.Random(f"task {source.id} {copy}")
                yield Work(source, "C4", copy, rng.choice(tasks))


def tasks_of(part: Part, modality: str) -> list[SlotTask]:
    """The tasks whose templates a part of C4 may need."""
    return [
        task for task in TASKS.values() if task.modality == modality and (task.name in part.tasks or not part.tasks)
    ]


def request_for(work: Work, settings: Settings) -> Request:
    """The request for one pair of C1, C2 or C3."""
    prompt = prompt_for(work.kind, work.source.modality)
    shape = SHAPES[work.kind]
    return Request(
        prompt.about(work.source), shape.__name__, schema(shape), model=settings.model,
        max_tokens=MAX_TOKENS[work.kind], temperature=settings.temperature, seed=settings.seed + work.copy,
        media=work.source.media, questions=prompt.asked_of(work.source) if settings.seeing else (),
    )  # fmt: skip


def pool_request(task: SlotTask, settings: Settings, *, attempt: int = 0) -> Request:
    """The request for the templates of a task."""
    prompt = prompt_for("C4", task.modality)
    return Request(
        prompt.messages(task.query), "Templates", schema(Templates), model=settings.model,
        max_tokens=MAX_TOKENS["C4"], temperature=settings.temperature, seed=settings.seed + attempt,
    )  # fmt: skip
