"""Boxes and points set against each other: inside, and the largest matching of found and true.

Does not know text; lamm_core.grounding finds boxes in it and measures their overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lamm_core.grounding import box_overlap

__all__ = ["Box", "inside", "matched"]

Box = tuple[float, float, float, float]


def inside(point: tuple[float, float], box: Sequence[float]) -> bool:
    """Whether a point lies strictly inside a box."""
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


def matched(
    predicted: Sequence[tuple[str, Any]], true: Sequence[tuple[str, Any]], *,
    threshold: float = 0.5, overlap: Callable[[Any, Any], float] = box_overlap,
) -> int:  # fmt: skip
    """How many true boxes can be given a predicted box of their own class and enough overlap, each used once.

    The largest such number (maximum bipartite matching by augmenting paths), so the order of an answer is no matter.
    """
    edges = [
        [j for j, (name, other) in enumerate(predicted) if name == label and overlap(box, other) >= threshold]
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
