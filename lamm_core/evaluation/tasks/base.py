"""What the tasks over a set of pictures or clouds share: read, draw so many, ask in one of many wordings.

Does not know what is right; each task says how its answers are read and scored.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.evaluation.sets.entry import Entry, Form, chosen, entries
from lamm_core.evaluation.task import Questions, Score, TaskDefaults, question

__all__ = ["SetTask", "box_record", "picture_size"]


class SetTask(TaskDefaults, ABC):
    """A task over one set, in whichever of its forms lies below the data folder.

    ``kind`` is what is asked, shared by all sets of it; ``name`` says the set too. Where a set asks in its own words
    (``query`` in a published record), those are used, with what `hint` adds about the form of the answer; otherwise
    half of the questions are worded as training words them and half as it never does.
    """

    kind: str
    name: str
    title: str
    version = 1
    modality = "image"
    metrics: tuple[str, ...]
    max_new_tokens: int
    questions: Questions

    def __init__(
        self, name: str, title: str, *, forms: Sequence[Form], paper: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        self.name, self.title, self.forms = name, title, tuple(forms)
        self.paper = paper or {}

    def entries(self, data: Path) -> list[Entry]:
        """Everything that can be asked about."""
        return entries(data, self.forms, name=self.name)

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        """All samples, or so many drawn by the seed; pictures inside archives are unpacked into ``media``."""
        return [self.sample(entry, media, seed) for entry in chosen(self.entries(data), limit, seed)]

    def sample(self, entry: Entry, media: Path, seed: int) -> Sample:
        """One entry asked about."""
        path = entry.file(media)
        rng = random.Random(f"{self.kind} {seed} {entry.id}")
        turns, unseen = self.ask(entry, path, rng)
        about = {
            "source_dataset": entry.source, "task_type": self.kind, "group": entry.group, "unseen_wording": unseen,
        }  # fmt: skip
        return Sample(entry.id, turns, target=entry.truth, metadata=about | dict(entry.more))

    def ask(self, entry: Entry, path: Path, rng: random.Random) -> tuple[tuple[Turn, ...], bool]:
        """The question, and whether it is in words that training never shows."""
        if entry.query:
            text = f"{entry.query} {self.hint(entry)}".strip()
            return (Turn("user", text, (Media(self.modality, path),)),), True
        return question(path, self.questions, rng, slots=self.slots(entry, rng), modality=self.modality)

    def hint(self, entry: Entry) -> str:
        """What is said about the form of the answer after a set's own question."""
        return ""

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """What the wordings leave open."""
        return {}

    @abstractmethod
    def score(self, sample: Sample, answer: str) -> Score:
        """Compare one answer with the sample's target."""


def picture_size(path: Path) -> tuple[float, float] | None:
    """Width and height in pixels; None where the file is no picture, which whoever asks about it will find as well."""
    try:
        with Image.open(path) as image:
            return float(image.width), float(image.height)
    except OSError:
        return None


def box_record(label: str, box: Sequence[float], score: float | None = None) -> dict[str, Any]:
    """A box as records hold it, to be drawn."""
    return {"label": label, "box": [round(float(number), 4) for number in box]} | (
        {} if score is None else {"score": score}
    )
