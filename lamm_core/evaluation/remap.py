"""Options under other names: a task whose options are to be answered by numbers, ordinals or letters it does not use.

Does not know models. How well a model follows such an instruction is what ChEF (arXiv 2311.02692) calls instruction
following; which option it means is read from the code it says, and nothing else counts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError
from lamm_core.evaluation.task import Score, Task
from lamm_core.registry import lookup

__all__ = ["REMAPS", "Remapped", "codes", "meant"]

ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth",
)  # fmt: skip
MOST = len(ORDINALS)


def roman(number: int) -> str:
    """A number from 1 to 39 in Roman numerals."""
    ones = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return "X" * (number // 10) + ones[number % 10]


# From the place of an option, counted from 0, and how many there are, to its code. "rotated" gives every option the
# letter of the next one: the one remap that goes against habit.
REMAPS: dict[str, Callable[[int, int], str]] = {
    "digits": lambda place, count: str(place + 1),
    "roman": lambda place, count: roman(place + 1),
    "ordinals": lambda place, count: ORDINALS[place],
    "rotated": lambda place, count: chr(65 + (place + 1) % count),
}


def codes(kind: str, count: int) -> tuple[str, ...]:
    """The codes of so many options. Raises ConfigError for a kind that is none and for more options than codes."""
    code = lookup(REMAPS, kind, kind="remap")
    if not 2 <= count <= MOST:
        raise ConfigError(f"A remap names 2 to {MOST} options, and this question has {count}.")
    return tuple(code(place, count) for place in range(count))


def meant(answer: str, known: Sequence[str]) -> int | None:
    """The place of the one code that an answer says as a word of its own; None where it says none, or several."""
    said = {
        place
        for place, code in enumerate(known)
        if re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", answer, re.IGNORECASE if len(code) > 1 else 0)
    }
    return said.pop() if len(said) == 1 else None


class Remapped:
    """A task whose options must be answered by their codes; scores and figures are the task's own."""

    def __init__(self, task: Task, kind: str) -> None:
        lookup(REMAPS, kind, kind="remap")
        self._task, self._kind = task, kind
        self.name, self.kind, self.title, self.version = task.name, task.kind, task.title, task.version
        self.modality, self.metrics, self.corpus = task.modality, task.metrics, task.corpus
        self.lower_is_better, self.paper, self.max_new_tokens = task.lower_is_better, task.paper, task.max_new_tokens

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        """The task's samples, each question followed by what to answer for which option."""
        return [self._declared(sample) for sample in self._task.samples(data, media, limit=limit, seed=seed)]

    def options(self, sample: Sample) -> tuple[str, ...]:
        """The codes."""
        return codes(self._kind, len(self._task.options(sample)))

    def right_answer(self, sample: Sample) -> str:
        """The task's own."""
        return self._task.right_answer(sample)

    def score(self, sample: Sample, answer: str) -> Score:
        """The task's score of the option whose code is said."""
        options = self._task.options(sample)
        place = meant(answer, codes(self._kind, len(options)))
        said = options[place] if place is not None else ""
        score = self._task.score(sample, said)
        if place is None:
            return dataclasses.replace(score, value=None, answer=None, reason="no single code said", extraction="none")
        return dataclasses.replace(score, extraction=f"code of an option ({self._kind})")

    def _declared(self, sample: Sample) -> Sample:
        options = self._task.options(sample)
        if not options:
            raise ConfigError(f"The task {self.name} offers no options to rename. Measure it without --remap.")
        pairs = zip(options, codes(self._kind, len(options)), strict=True)
        told = ", ".join(f"{code} for {option!r}" for option, code in pairs)
        *before, last = sample.turns
        text = f"{last.text}\nDo not write the answer itself. Write its code: {told}."
        return dataclasses.replace(sample, turns=(*before, dataclasses.replace(last, text=text)))
