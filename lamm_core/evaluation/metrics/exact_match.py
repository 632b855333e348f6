"""Exact match of short answers, plain and refined, as questions about 3D scenes are scored.

Does not know pictures. Refined: after cleaning, either text is part of the other with spaces left out. LEO's published
loop stops at the first partial hit, so that a later exact one is lost, and lets an empty answer match everything; here
every truth is looked at and an empty answer matches none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lamm_core.evaluation.parsing import NUMBER_WORDS

__all__ = ["clean_answer", "exact_match", "refined_match"]

DIGITS = {word: str(value) for word, value in NUMBER_WORDS.items() if word not in ("no", "none")}


def clean_answer(text: str) -> str:
    """Small letters, number words as digits, no articles, of punctuation only what binds words."""
    kept = re.sub(r"[^a-z0-9,'\-:. ]", " ", text.lower().replace("’", "'"))
    kept = re.sub(r"(?<!\d)[.,:]|[.,:](?!\d)", " ", kept)
    words = [DIGITS.get(word, word) for word in kept.split() if word not in ("a", "an", "the")]
    return " ".join(words)


def exact_match(answer: str, truths: Sequence[str]) -> bool:
    """Whether the answer is one of the truths, once both are cleaned."""
    said = clean_answer(answer)
    return bool(said) and any(said == clean_answer(truth) for truth in truths)


def refined_match(answer: str, truths: Sequence[str]) -> bool:
    """Whether the answer is part of a truth or holds one, once both are cleaned and spaces left out."""
    said = clean_answer(answer).replace(" ", "")
    others = [clean_answer(truth).replace(" ", "") for truth in truths]
    return bool(said) and any(other and (said in other or other in said) for other in others)
