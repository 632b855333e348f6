"""CIDEr-D of a set of captions (Vedantam et al. 2015): agreement in n-grams, rare ones weighing more.

Does not know tokenizers. Rarity is counted over the references of the very set that is scored, so every subset has its
own weights: figures of subsets cannot be averaged, nor compared with those of the whole.

A caption's n-grams are counted once and kept, because a set is scored hundreds of times over when it is resampled; what
is left for each time is arithmetic on arrays over all captions at once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamm_core.evaluation.metrics.bleu import ngrams

__all__ = ["cider_d"]

LONGEST = 4
SIGMA = 6.0  # of the penalty for a length that differs

Tokens = tuple[str, ...]
Numbers = NDArray[np.int64]
_numbers: dict[Tokens, int] = {}  # each n-gram that was ever counted in this process, by its place in arrays
_numbering = threading.Lock()


class Cooked(NamedTuple):
    """A candidate with its references, counted. A slot is a text's place times four, plus n - 1.

    ``seen``: n-grams of the references, each once. ``own``: (3, M) n-gram, count, slot, the candidate being text 0.
    ``shared``: (4, K) n-gram, count in the candidate, count in the reference, slot of the reference, the first being 0.
    ``lengths``: pairs of neighbouring tokens in each text, which the public implementation takes for its length.
    """

    seen: Numbers
    own: Numbers
    shared: Numbers
    lengths: Numbers


def cider_d(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> float | None:
    """From 0 to 10, as the public implementation prints it before tables multiply by 100; None for no captions."""
    if not candidates:
        return None
    cooked = [
        _cook(tuple(one), tuple(map(tuple, several))) for one, several in zip(candidates, references, strict=True)
    ]
    many = np.array([len(one.lengths) - 1 for one in cooked])  # references of each
    frequency = np.bincount(np.concatenate([one.seen for one in cooked]), minlength=len(_numbers))
    rarity = np.log(len(cooked)) - np.log(np.maximum(1, frequency))  # of each n-gram

    grams, counts, slots = _joined([one.own for one in cooked], many + 1)
    norms = np.sqrt(_sums(slots, (counts * rarity[grams]) ** 2, int(sum(many + 1))))  # (texts, 4)
    grams, said, true, slots = _joined([one.shared for one in cooked], many)
    likeness = _sums(slots, np.minimum(said, true) * true * rarity[grams] ** 2, int(sum(many)))  # (pairs, 4)

    first = np.repeat(np.cumsum(many + 1) - many - 1, many)  # the candidate of each pair, as a text
    other = np.delete(np.arange(len(norms)), np.cumsum(many + 1) - many - 1)
    both = norms[first] * norms[other]
    cosines = np.divide(likeness, both, out=np.zeros_like(likeness), where=both > 0)
    lengths = np.concatenate([one.lengths for one in cooked])
    penalty = np.exp(-((lengths[first] - lengths[other]) ** 2) / (2 * SIGMA**2))
    pairs = cosines.mean(1) * penalty
    means = np.bincount(np.repeat(np.arange(len(cooked)), many), pairs, minlength=len(cooked)) / many
    return float(10.0 * means.mean())


@lru_cache(maxsize=100_000)
def _cook(candidate: Tokens, references: tuple[Tokens, ...]) -> Cooked:
    texts = [_counted(text) for text in (candidate, *references)]
    own = [(gram, count, 4 * place + size) for place, text in enumerate(texts) for (gram, size), count in text.items()]
    shared = [
        (gram, texts[0][gram, size], count, 4 * place + size)
        for place, text in enumerate(texts[1:])
        for (gram, size), count in text.items()
        if (gram, size) in texts[0]
    ]
    seen = sorted({gram for text in texts[1:] for gram, _ in text})
    lengths = [max(0, len(text) - 1) for text in (candidate, *references)]
    return Cooked(
        np.array(seen, np.int64), np.array(own, np.int64).reshape(-1, 3).T, np.array(shared, np.int64).reshape(-1, 4).T,
        np.array(lengths, np.int64),
    )  # fmt: skip


def _counted(text: Tokens) -> Counter[tuple[int, int]]:
    """How often each n-gram, by its number and n - 1, occurs."""
    found: Counter[tuple[int, int]] = Counter()
    with _numbering:
        for size in range(1, LONGEST + 1):
            for gram, count in ngrams(text, size).items():
                found[_numbers.setdefault(gram, len(_numbers)), size - 1] = count
    return found


def _joined(parts: Sequence[Numbers], texts: Any) -> Numbers:
    """Columns of all captions side by side, their slots moved behind those of the captions before."""
    starts = 4 * (np.cumsum(texts) - texts)
    whole = np.concatenate(parts, axis=1)
    whole[-1] += np.repeat(starts, [part.shape[1] for part in parts])
    return whole


def _sums(slots: Numbers, values: Any, texts: int) -> Any:
    """The sum of the values in each slot (texts, 4)."""
    return np.bincount(slots, values, minlength=4 * texts).astype(float).reshape(texts, LONGEST)
