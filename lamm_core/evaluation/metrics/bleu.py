"""BLEU-1 to BLEU-4 of a set of captions (Papineni et al. 2002), and LAMM's sentence BLEU.

Does not know tokenizers: texts come as tokens. Several references each; the length nearest to the candidate's counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["BleuCounts", "bleu", "bleu_counts", "sentence_bleu"]

LONGEST = 4


class BleuCounts(NamedTuple):
    """What one caption adds: n-grams that occur in a reference, n-grams in all (n = 1 to 4), and both lengths."""

    right: tuple[int, ...]
    made: tuple[int, ...]
    length: int
    reference_length: int


def ngrams(tokens: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    """How often each run of so many tokens occurs."""
    return Counter(tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1))


def bleu_counts(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> BleuCounts:
    """The counts of one candidate against its references; each n-gram counts as often as in the reference with most."""
    right, made = [], []
    for size in range(1, LONGEST + 1):
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= ngrams(reference, size)
        own = ngrams(candidate, size)
        right.append(sum((own & most).values()))
        made.append(max(0, len(candidate) - size + 1))
    nearest = min((abs(len(reference) - len(candidate)), len(reference)) for reference in references)[1]
    return BleuCounts(tuple(right), tuple(made), len(candidate), nearest)


def bleu(counts: Sequence[BleuCounts], size: int = LONGEST) -> float | None:
    """BLEU of a set: geometric mean of the precisions of n = 1 to ``size``, times the penalty for being too short.

    Not smoothed: 0 where no n-gram of some size is right; None for no captions.
    """
    if not counts:
        return None
    right = [sum(one.right[n] for one in counts) for n in range(size)]
    made = [sum(one.made[n] for one in counts) for n in range(size)]
    if not all(right):
        return 0.0
    precision = math.exp(sum(math.log(a / b) for a, b in zip(right, made, strict=True)) / size)
    length, wanted = sum(one.length for one in counts), sum(one.reference_length for one in counts)
    return precision * (1.0 if length >= wanted else math.exp(1 - wanted / length))


def sentence_bleu(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU-4 of one sentence alone, not smoothed."""
    return bleu([bleu_counts(candidate, references)]) or 0.0
