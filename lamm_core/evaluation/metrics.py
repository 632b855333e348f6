"""Metrics under their true names: overlaps, matching, and intervals by resampling.

Does not know text; parsing.py turns answers into labels, numbers, boxes and points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamm_core.evaluation.task import Part, Score
from lamm_core.grounding import box_overlap

__all__ = ["inside", "interval", "matched", "ratio", "summary"]

Box = tuple[float, float, float, float]


def inside(point: tuple[float, float], box: Box) -> bool:
    """Whether a point lies strictly inside a box."""
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


def matched(predicted: Sequence[tuple[str, Box]], true: Sequence[tuple[str, Box]], *, threshold: float = 0.5) -> int:
    """How many true boxes can be given a predicted box of their own class and enough overlap, each used once.

    The largest such number (maximum bipartite matching by augmenting paths), so the order of an answer is no matter.
    """
    edges = [
        [j for j, (name, other) in enumerate(predicted) if name == label and box_overlap(box, other) >= threshold]
        for label, box in true
    ]
    owner: dict[int, int] = {}

    def assign(i: int, tried: set[int]) -> bool:
        for j in edges[i]:
            if j not in tried:
                tried.add(j)
                if j not in owner or assign(owner[j], tried):
                    owner[j] = i
                    return True
        return False

    return sum(assign(i, set()) for i in range(len(true)))


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


def summary(scores: Sequence[Score], metrics: Sequence[str], *, unseen: Sequence[bool]) -> dict[str, object]:
    """All metrics of a run with their intervals, the unparsed answers, and the main metric on new wordings alone."""
    parts: dict[str, list[Part]] = {name: [s.parts[name] for s in scores if name in s.parts] for name in metrics}
    main = metrics[0]
    fresh = [s.parts[main] for s, new in zip(scores, unseen, strict=True) if new and main in s.parts]
    return {
        "n": len(scores),
        "unparsed": sum(score.value is None for score in scores),
        **{name: _rounded(ratio(values)) for name, values in parts.items()},
        "interval": _pair(interval(parts[main])),
        "intervals": {name: _pair(interval(values)) for name, values in parts.items()},
        f"{main}_unseen_wordings": _rounded(ratio(fresh)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [round(value, 4) for value in pair]
