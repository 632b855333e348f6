"""How a question is worded: pools of phrasings, short and long, with some kept out of training.

Does not know pictures or answers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Wordings", "a_or_an", "join_names", "plural"]

IRREGULAR = {
    "person": "people", "knife": "knives", "mouse": "mice", "sheep": "sheep", "skis": "skis", "scissors": "scissors",
    "deer": "deer", "broccoli": "broccoli", "toothbrush": "toothbrushes", "wine glass": "wine glasses",
    "RBC": "RBC", "WBC": "WBC",
}  # fmt: skip


@dataclass(frozen=True)
class Wordings:
    """Phrasings of one kind of question; every text may use ``{slots}``.

    ``direct`` are whole questions. A long form is a role, then an answer format, then a direct question, in the order
    that instruction benchmarks use. ``held_out`` never occur in training; test pairs draw half their questions there.
    """

    direct: tuple[str, ...]
    held_out: tuple[str, ...]
    roles: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    long_share: float = 0.3

    def ask(self, rng: random.Random, *, unseen: float = 0.0, slots: Mapping[str, str] | None = None) -> str:
        """One question; ``unseen`` is the probability of a held-out wording."""
        slots = slots or {}
        if unseen and rng.random() < unseen:
            return rng.choice(self.held_out).format(**slots)
        question = rng.choice(self.direct).format(**slots)
        if not self.roles or rng.random() >= self.long_share:
            return question
        parts = [rng.choice(self.roles), rng.choice(self.formats), question]
        if rng.random() < 0.3:
            del parts[rng.randrange(2)]
        return rng.choice((" ", " ", "\n")).join(part.format(**slots) for part in parts)


def plural(label: str) -> str:
    """The plural of a class name, whose last word is the noun."""
    if label in IRREGULAR:
        return IRREGULAR[label]
    head, _, noun = label.rpartition(" ")
    if noun in IRREGULAR:
        noun = IRREGULAR[noun]
    elif noun.endswith(("s", "x", "ch", "sh")):
        noun += "es"
    elif noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        noun = noun[:-1] + "ies"
    else:
        noun += "s"
    return f"{head} {noun}".strip()


def a_or_an(label: str) -> str:
    """The class name with its article; pairs such as skis and scissors take none."""
    if label in ("skis", "scissors", "broccoli"):
        return label
    first = label[0].lower()
    return f"an {label}" if first in "aeio" or label.startswith("umbrella") or label == "RBC" else f"a {label}"


def join_names(names: list[str], last: str = "and") -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
