"""Questions with a few options of which one is right; what pictures and scenes have in common.

Does not know sets.
"""

from __future__ import annotations

import random

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.parsing import option_in
from lamm_core.evaluation.sets.entry import Entry
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask

__all__ = ["ASK", "Choosing", "lettered"]

ASK = Questions(
    seen=("{question}\n{options}", "{question}\nChoose from: {options}"),
    unseen=("{question}\nPick the right one of these. {options}", "Question: {question}\nAnswers: {options}"),
)


def lettered(choices: list[str]) -> str:
    """The options with their letters: ``(A) two (B) three``."""
    return " ".join(f"({chr(ord('A') + place)}) {text}" for place, text in enumerate(choices))


class Choosing(SetTask):
    """``accuracy``: the option that the answer states, by letter or by its words, is the right one.

    ``lamm_accuracy``: the published order of rules, by which an answer that states nothing may still be right.
    """

    kind = "vqa"
    version = 2
    metrics: tuple[str, ...] = ("accuracy", "lamm_accuracy")
    max_new_tokens = 24
    questions = ASK

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """The question and its options."""
        return {"question": entry.more["question"], "options": lettered(entry.more["choices"])}

    def hint(self, entry: Entry) -> str:
        """The options, unless the set's own question lists them."""
        return "" if "(A)" in (entry.query or "") else lettered(entry.more["choices"])

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        choices = sample.metadata["choices"]
        read = option_in(answer, choices)
        right = read.value is not None and int(read.value) == sample.target
        parts = {
            "accuracy": Part(float(right), 1),
            "lamm_accuracy": Part(float(compat.option_right(answer, sample.target, choices)), 1),
        }
        if read.value is None:
            return Score(None, None, f"{read.how} stated", parts, "none", {"truth": choices[sample.target]})
        said = choices[int(read.value)]
        detail = {"truth": choices[sample.target], "option": int(read.value)}
        return Score(float(right), said, "right" if right else "wrong option", parts, read.how, detail)

    def options(self, sample: Sample) -> tuple[str, ...]:
        """The options' words."""
        return tuple(sample.metadata["choices"])

    def right_answer(self, sample: Sample) -> str:
        """The right option with its letter."""
        return f"({chr(ord('A') + sample.target)}) {sample.metadata['choices'][sample.target]}"
