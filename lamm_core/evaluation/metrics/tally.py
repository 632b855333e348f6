"""Metrics that are sums of parts: their ratio, its interval by resampling, and the summary of a run.

Does not know answers; a task makes parts of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamm_core.evaluation.task import CorpusMetric, Part, Score

__all__ = ["interval", "ratio", "summary"]


def ratio(parts: Sequence[Part]) -> float | None:
    """Sum gained over sum possible; None where nothing was possible."""
    possible = sum(part.possible for part in parts)
    return sum(part.gained for part in parts) / possible if possible else None


def interval(parts: Sequence[Part], *, seed: int = 0, rounds: int = 2000) -> tuple[float, float] | None:
    """95 % interval of the ratio: samples drawn again with replacement, 2.5th and 97.5th percentile."""
    if not parts or not sum(part.possible for part in parts):
        return None
    values = np.array(parts, dtype=float)  # (N, 2)
    draws = np.random.default_rng(seed).integers(0, len(parts), (rounds, len(parts)))
    sums = values[draws].sum(1)  # (rounds, 2)
    kept = sums[sums[:, 1] > 0]
    low, high = np.percentile(kept[:, 0] / kept[:, 1], (2.5, 97.5))
    return float(low), float(high)


def summary(
    scores: Sequence[Score], metrics: Sequence[str], *, unseen: Sequence[bool], corpus: Sequence[CorpusMetric] = ()
) -> dict[str, object]:
    """All metrics of a run with their intervals, the unparsed answers, and the main metric on new wordings alone."""
    parts: dict[str, list[Part]] = {name: [s.parts[name] for s in scores if name in s.parts] for name in metrics}
    main = metrics[0]
    fresh = [s.parts[main] for s, new in zip(scores, unseen, strict=True) if new and main in s.parts]
    return {
        "n": len(scores),
        "unparsed": sum(score.value is None for score in scores),
        **{name: _rounded(ratio(values)) for name, values in parts.items()},
        **{one.name: _rounded(one.compute([score.detail for score in scores])) for one in corpus},
        "interval": _pair(interval(parts[main])),
        "intervals": {name: _pair(interval(values)) for name, values in parts.items()},
        f"{main}_unseen_wordings": _rounded(ratio(fresh)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [round(value, 4) for value in pair]
