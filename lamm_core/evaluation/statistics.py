"""Figures of a run with their uncertainty, and the difference of two runs on the same items.

Does not know files or tasks: it is given records. Records of one group (one picture, one scan) stand or fall together,
so what is drawn again, or turned round in a test, is always a whole group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamm_core.evaluation.records import BROKEN, FAILED
from lamm_core.evaluation.task import CorpusMetric

__all__ = [
    "CORPUS_ROUNDS",
    "ROUNDS",
    "Difference",
    "clustered_mcnemar",
    "corpus_rounds",
    "counted",
    "difference",
    "interval",
    "is_right",
    "mcnemar",
    "metric_value",
]  # fmt: skip

Record = Mapping[str, Any]
ROUNDS = 2000
# Each computes the whole metric again, so there are fewer of a large run: about so many records in all.
CORPUS_ROUNDS, FEWEST_CORPUS_ROUNDS, CORPUS_RECORDS = 300, 40, 90_000
AT_ONCE = 1 << 22  # numbers drawn in one array
RIGHT = 0.5  # the score from which an answer counts as right in a two-by-two table


@dataclass(frozen=True)
class Difference:
    """A minus B in one metric on the same items, with its 95 % interval; None where there is nothing to resample."""

    value: float
    low: float | None
    high: float | None


def counted(records: Sequence[Record]) -> list[Record]:
    """The records that hold an answer: not those that failed or whose picture is broken."""
    return [record for record in records if record["extraction"] not in (FAILED, BROKEN)]


def is_right(record: Record) -> bool:
    """Whether an answer counts as right in a two-by-two table: at least half of what could be scored."""
    return record["score"] is not None and record["score"] >= RIGHT


def metric_value(records: Sequence[Record], name: str, corpus: CorpusMetric | None = None) -> float | None:
    """A metric over records; None where nothing was possible. ``corpus`` computes it where it is no sum of parts."""
    if corpus is not None:
        return corpus.compute([record["detail"] for record in records]) if records else None
    parts = [record["parts"][name] for record in records if name in record["parts"]]
    possible = sum(part[1] for part in parts)
    return sum(part[0] for part in parts) / possible if possible else None


def interval(
    records: Sequence[Record],
    name: str,
    corpus: CorpusMetric | None = None,
    *,
    seed: int = 0,
    rounds: int | None = None,
    share: bool = False,
) -> tuple[float, float] | None:
    """95 % interval of a metric: groups drawn again with replacement, 2.5th and 97.5th percentile.

    Where nothing at all or everything was gained, drawing again tells nothing: of a metric that is a ``share`` of what
    was possible, the interval is then the exact one of so many groups (Clopper and Pearson).

    A metric that is no sum of parts is drawn less often of a large run; its interval is then 1.96 standard deviations
    of the draws to either side. None where there are fewer than two groups to draw.
    """
    if corpus is not None:
        draw = _corpus_draws(records, corpus)
        value = metric_value(records, name, corpus)
        return _ends(draw(_rng(seed), rounds or corpus_rounds(len(records))), value) if draw else None
    values = _part_draws([records], name, seed=seed, rounds=rounds or ROUNDS)
    ends = _ends(values[0]) if values is not None else None
    if share and ends in ((0.0, 0.0), (1.0, 1.0)):
        groups = len({record["group"] for record in records if record["parts"].get(name, (0, 0))[1] > 0})
        least = 0.025 ** (1 / groups)
        return (0.0, 1 - least) if ends == (0.0, 0.0) else (least, 1.0)
    return ends


def corpus_rounds(records: int) -> int:
    """How often a metric of so many records is computed again."""
    return min(CORPUS_ROUNDS, max(FEWEST_CORPUS_ROUNDS, CORPUS_RECORDS // max(1, records)))


def difference(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    name: str,
    corpus: CorpusMetric | None = None,
    *,
    seed: int = 0,
    rounds: int | None = None,
) -> Difference | None:
    """A minus B in a metric. Both hold the same items in the same order; the same groups are drawn of both.

    None where one of them has no value.
    """
    first, second = metric_value(ours, name, corpus), metric_value(theirs, name, corpus)
    if first is None or second is None:
        return None
    drawn: NDArray[np.float64] | None = None
    if corpus is not None:
        draws = [_corpus_draws(records, corpus, groups=ours) for records in (ours, theirs)]
        if draws[0] and draws[1]:
            count = rounds or corpus_rounds(len(ours))
            drawn = draws[0](_rng(seed), count) - draws[1](_rng(seed), count)
    else:
        both = _part_draws([ours, theirs], name, seed=seed, rounds=rounds or ROUNDS)
        drawn = both[0] - both[1] if both is not None else None
    ends = _ends(drawn, first - second)
    return Difference(first - second, *(ends or (None, None)))


def _part_draws(runs: Sequence[Sequence[Record]], name: str, *, seed: int, rounds: int) -> NDArray[np.float64] | None:
    """The metric of each run on each draw (runs, rounds), not-a-number where nothing was possible in a draw."""
    rows = list(zip(*runs, strict=True))
    rows = [row for row in rows if any(name in record["parts"] for record in row)]
    places = {group: place for place, group in enumerate(dict.fromkeys(row[0]["group"] for row in rows))}
    if len(places) < 2:
        return None
    sums = np.zeros((len(places), 2 * len(runs)))
    for row in rows:
        for run, record in enumerate(row):
            if name in record["parts"]:
                sums[places[row[0]["group"]], 2 * run : 2 * run + 2] += record["parts"][name]
    # Groups that add the same are alike: how often each kind is drawn follows a multinomial distribution.
    kinds, counts = np.unique(sums, axis=0, return_counts=True)
    rng, found, left = _rng(seed), [], rounds
    while left:
        now = min(left, max(1, AT_ONCE // len(kinds)))
        found.append(rng.multinomial(len(places), counts / len(places), now) @ kinds)  # (now, 2 * runs)
        left -= now
    drawn = np.concatenate(found)
    gained, possible = drawn[:, 0::2].T, drawn[:, 1::2].T  # (runs, rounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        return gained / np.where(possible > 0, possible, np.nan)


def _corpus_draws(
    records: Sequence[Record], corpus: CorpusMetric, *, groups: Sequence[Record] | None = None
) -> Callable[[np.random.Generator, int], NDArray[np.float64]] | None:
    by_group: dict[str, list[Mapping[str, Any]]] = {}
    for model, record in zip(groups or records, records, strict=True):
        by_group.setdefault(model["group"], []).append(record["detail"])
    every = list(by_group.values())
    if len(every) < 2:
        return None

    def draw(rng: np.random.Generator, rounds: int) -> NDArray[np.float64]:
        values = []
        for _ in range(rounds):
            details = [detail for place in rng.integers(0, len(every), len(every)) for detail in every[place]]
            value = corpus.compute(details)
            values.append(np.nan if value is None else value)
        return np.array(values, dtype=float)

    return draw


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _ends(values: NDArray[np.float64] | None, value: float | None = None) -> tuple[float, float] | None:
    """The interval that draws tell; few draws have no useful percentiles, but a standard deviation around ``value``."""
    if values is None or np.isnan(values).all():
        return None
    if value is not None and len(values) < CORPUS_ROUNDS:
        spread = 1.96 * float(np.nanstd(values, ddof=1))
        return value - spread, value + spread
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: each disagreement falls to either side with probability one half."""
    return clustered_mcnemar([1] * only_a + [-1] * only_b)


def clustered_mcnemar(nets: Sequence[int]) -> float:
    """Exact two-sided p where disagreements come in groups.

    ``nets`` holds for each group how many more times A alone is right than B alone. Under no difference each group is
    as likely to have gone the other way round, all of it: the exact distribution of the sum over all such turns is
    computed by convolution. With one sample a group this is McNemar's exact test.
    """
    from scipy.special import bdtr

    steps = [abs(net) for net in nets if net]
    seen = abs(sum(nets))
    if not steps:
        return 1.0
    if len(set(steps)) == 1:
        # All of one size, as where every sample is a group of its own: a binomial distribution.
        fewer = (len(steps) - seen // steps[0]) // 2
        return min(1.0, 2 * float(bdtr(fewer, len(steps), 0.5)))
    reach = sum(steps)
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for step in steps:
        turned = np.zeros_like(chances)
        turned[step:] += chances[: len(chances) - step]
        turned[: len(chances) - step] += chances[step:]
        chances = turned / 2
    totals = np.abs(np.arange(-reach, reach + 1))
    return float(min(1.0, chances[totals >= seen].sum()))
