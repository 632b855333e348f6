"""ROUGE-L of a caption: the longest common subsequence of tokens, as the COCO caption evaluation weighs it.

Does not know tokenizers. Recall weighs 1.2 times as much as precision (beta), and each is the best over the references.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["common_subsequence", "rouge_l"]

BETA = 1.2


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest sequence of tokens that both hold in this order."""
    row = [0] * (len(second) + 1)
    for token in first:
        before = 0
        for place, other in enumerate(second, start=1):
            above = row[place]
            row[place] = before + 1 if token == other else max(above, row[place - 1])
            before = above
    return row[-1]


def rouge_l(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """From 0 to 1; 0 for a candidate or references without tokens."""
    usable = [reference for reference in references if reference]
    if not candidate or not usable:
        return 0.0
    shared = [common_subsequence(candidate, reference) for reference in usable]
    precision = max(shared) / len(candidate)
    recall = max(count / len(reference) for count, reference in zip(shared, usable, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
