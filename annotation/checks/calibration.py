"""From findings to the chance that a draft is wrong: a logistic model of the worst score of each check.

Does not know drafts. The shipped weights were fitted on drafts of the fake writer with known errors, by
``benchmarks/checks.py --fit``; they order a queue, and say little about how often another model errs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from annotation.review.items import Check

__all__ = ["Calibration", "shipped", "worst"]

UNKNOWN = 4.0  # weight of a check that was not there when the weights were fitted


@dataclass(frozen=True)
class Calibration:
    """``base`` is the log-odds of a draft without findings, ``weights`` what a score of 1 adds to it."""

    base: float
    weights: Mapping[str, float]

    def expected_error(self, checks: Iterable[Check]) -> float:
        """The chance that something is wrong."""
        total = self.base
        for name, score in worst(checks).items():
            total += self.weights.get(name, UNKNOWN) * score
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def worst(checks: Iterable[Check]) -> dict[str, float]:
    """The highest score of each check that found something."""
    scores: dict[str, float] = {}
    for check in checks:
        scores[check.name] = max(check.score, scores.get(check.name, 0.0))
    return scores


@cache
def shipped() -> Calibration:
    """The weights that come with the package."""
    values = json.loads((resources.files("annotation.checks") / "weights.json").read_text(encoding="utf-8"))
    return Calibration(values["base"], values["weights"])
