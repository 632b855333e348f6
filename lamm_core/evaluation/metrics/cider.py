"""CIDEr-D of a set of captions (Vedantam et al. 2015): agreement in n-grams, rare ones weighing more.

Does not know tokenizers. Rarity is counted over the references of the very set that is scored, so every subset has its
own weights: figures of subsets cannot be averaged, nor compared with those of the whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from lamm_core.evaluation.metrics.bleu import ngrams

__all__ = ["cider_d"]

LONGEST = 4
SIGMA = 6.0  # of the penalty for a length that differs

Grams = Counter[tuple[str, ...]]
Vector = tuple[list[dict[tuple[str, ...], float]], list[float], int]


def cider_d(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> float | None:
    """From 0 to 10, as the public implementation prints it before tables multiply by 100; None for no captions."""
    if not candidates:
        return None
    cooked = [[_grams(reference) for reference in several] for several in references]
    seen = Counter(gram for several in cooked for gram in set().union(*several))
    whole = math.log(len(candidates))
    total = 0.0
    for candidate, several in zip(candidates, cooked, strict=True):
        own = _vector(_grams(candidate), seen, whole)
        total += sum(_likeness(own, _vector(other, seen, whole)) for other in several) / len(several)
    return 10.0 * total / len(candidates)


def _grams(tokens: Sequence[str]) -> Grams:
    found: Grams = Counter()
    for size in range(1, LONGEST + 1):
        found.update(ngrams(tokens, size))
    return found


def _vector(grams: Grams, seen: Grams, whole: float) -> Vector:
    weights: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST)]
    length = 0
    for gram, count in grams.items():
        weights[len(gram) - 1][gram] = count * (whole - math.log(max(1, seen[gram])))
        if len(gram) == 2:  # the public implementation takes the number of pairs for the length
            length += count
    return weights, [math.sqrt(sum(value * value for value in one.values())) for one in weights], length


def _likeness(own: Vector, other: Vector) -> float:
    """The mean over n of the clipped cosine, times the penalty for a different length."""
    total = 0.0
    for mine, theirs, norm, other_norm in zip(own[0], other[0], own[1], other[1], strict=True):
        shared = sum(min(weight, theirs[gram]) * theirs[gram] for gram, weight in mine.items() if gram in theirs)
        total += shared / (norm * other_norm) if norm and other_norm else shared
    return total / LONGEST * math.exp(-((own[2] - other[2]) ** 2) / (2 * SIGMA**2))
