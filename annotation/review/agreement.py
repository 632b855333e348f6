"""How far people agree and how often the generator erred, each with an interval.

Does not know the store. Kappa and alpha are over pairs of opinions about the same item, each given without knowledge
of the other; both are 1 for full agreement and 0 for what chance alone would give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Agreement",
    "ErrorRate",
    "Interval",
    "Share",
    "agreement",
    "cohen_kappa",
    "error_rates",
    "krippendorff_alpha",
    "wilson",
]

RESAMPLES = 2000
LEVEL = 0.95
NORMAL = 1.959963984540054  # the quantile of the normal distribution that LEVEL wants
Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval over items; None where it is not defined, as when all said the same."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "not defined: everybody always said the same"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Agreement:
    """Of ``pairs`` items with two opinions: the share that got the same one, and what is left of it beyond chance."""

    pairs: int
    same: float
    kappa: Interval
    alpha: Interval


@dataclass(frozen=True)
class Share:
    """A share of items with its 95 % Wilson interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorRate:
    """Of the ``decided`` drafts of a kind: how many were rejected, and how many could not stay as they came."""

    decided: int
    rejected: Share
    changed: Share


def agreement(pairs: Sequence[tuple[str, str]], *, seed: int = 0) -> Agreement | None:
    """Both coefficients with their intervals; None where there is no pair. The same seed gives the same interval."""
    if not pairs:
        return None
    table = _table(pairs)
    count = len(pairs)
    # Drawing items with replacement is drawing how often each cell of their table comes.
    drawn = np.random.default_rng(seed).multinomial(count, (table / count).ravel(), size=RESAMPLES)
    tables = drawn.reshape(RESAMPLES, *table.shape).astype(np.float64)
    return Agreement(
        count,
        float(np.trace(table) / count),
        _interval(_kappa(table[None]), _kappa(tables)),
        _interval(_alpha(table[None]), _alpha(tables)),
    )


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of first and second opinions; None where it is not defined."""
    return _defined(_kappa(_table(pairs)[None]))


def krippendorff_alpha(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Krippendorff's alpha for nominal values, two a unit; None where it is not defined."""
    return _defined(_alpha(_table(pairs)[None]))


def error_rates(outcomes: Mapping[str, Mapping[str, int]]) -> dict[str, ErrorRate]:
    """By kind, from how many items of each status it has; undecided ones do not count."""
    rates = {}
    for kind, counts in sorted(outcomes.items()):
        accepted, edited, rejected = (counts.get(status, 0) for status in ("accepted", "edited", "rejected"))
        decided = accepted + edited + rejected
        if decided:
            rates[kind] = ErrorRate(decided, wilson(rejected, decided), wilson(rejected + edited, decided))
    return rates


def wilson(hits: int, total: int) -> Share:
    """The share with Wilson's interval, which stays within 0 and 1 and is not empty for 0 hits."""
    share = hits / total
    weight = NORMAL**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = NORMAL * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return Share(share, max(0.0, middle - half), min(1.0, middle + half))


def _table(pairs: Sequence[tuple[str, str]]) -> Table:
    """How often each first opinion (row) met each second one (column)."""
    names = sorted({opinion for pair in pairs for opinion in pair})
    table = np.zeros((len(names), len(names)))
    for first, second in pairs:
        table[names.index(first), names.index(second)] += 1
    return table


def _kappa(tables: Table) -> Table:
    """Of each table; NaN where chance alone would agree always."""
    count = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / count
    expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / count**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)


def _alpha(tables: Table) -> Table:
    """Of each table; NaN where only one value was ever given."""
    coincidences = tables + tables.transpose(0, 2, 1)
    given = coincidences.sum(axis=2)  # how often each value was given, by anybody
    total = given.sum(axis=1)
    differ = total - np.trace(coincidences, axis1=1, axis2=2)
    by_chance = (total**2 - (given**2).sum(axis=1)) / (total - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance > 0, 1 - differ / by_chance, np.nan)


def _interval(value: Table, drawn: Table) -> Interval:
    known = drawn[~np.isnan(drawn)]
    figure = _defined(value)
    if figure is None or not len(known):
        return Interval(figure, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(figure, float(low), float(high))


def _defined(value: Table) -> float | None:
    return None if np.isnan(value[0]) else float(value[0])
