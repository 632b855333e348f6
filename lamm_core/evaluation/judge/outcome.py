"""What verdicts amount to: win rate and ratings with intervals, and whether the judge agrees with the metric.

Does not know who judged. A sample counts once both orders of it were judged; a verdict that turns with the order is
half a win for each, and such samples are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamm_core.evaluation.judge.judging import Judgement
from lamm_core.evaluation.statistics import interval

__all__ = ["agreement", "outcome", "wins"]

WIN = {"a": 1.0, "tie": 0.5, "b": 0.0}


def wins(judgements: Sequence[Judgement]) -> dict[str, float]:
    """For each sample judged in both orders how much A wins: 1, 0, or between where ties or the order decide."""
    return {id: (WIN[ab] + WIN[ba]) / 2 for id, (ab, ba) in _both_orders(judgements).items()}


def _both_orders(judgements: Sequence[Judgement]) -> dict[str, tuple[str, str]]:
    verdicts: dict[str, dict[str, str]] = {}
    for one in judgements:
        if one.question in ("ab", "ba") and isinstance(one.verdict, str):
            verdicts.setdefault(one.id, {})[one.question] = one.verdict
    return {id: (of["ab"], of["ba"]) for id, of in verdicts.items() if len(of) == 2}


def agreement(judged: Mapping[str, float], scores: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """How often judge and metric prefer the same run, on samples that both speak of.

    ``agreement``: of those where both prefer one. ``agreement_with_ties``: of all, "no preference" being a third
    answer; ``kappa`` is that beyond chance (Cohen), None where one of the two always says the same.
    """
    pairs = [(_side(judged[id] - 0.5), _side(scores[id][0] - scores[id][1])) for id in judged if id in scores]
    decided = [(judge, metric) for judge, metric in pairs if judge and metric]
    same = sum(judge == metric for judge, metric in pairs) / len(pairs) if pairs else None
    return {
        "n": len(pairs),
        "decided_by_both": len(decided),
        "agreement": sum(judge == metric for judge, metric in decided) / len(decided) if decided else None,
        "agreement_with_ties": same,
        "kappa": _kappa(pairs),
    }


def _side(value: float) -> int:
    return (value > 1e-9) - (value < -1e-9)


def _kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    if not pairs:
        return None
    shares = [[sum(pair[who] == side for pair in pairs) / len(pairs) for side in (-1, 0, 1)] for who in (0, 1)]
    chance = sum(one * other for one, other in zip(*shares, strict=True))
    same = sum(judge == metric for judge, metric in pairs) / len(pairs)
    return None if chance > 1 - 1e-12 else (same - chance) / (1 - chance)


def outcome(
    judgements: Sequence[Judgement], scores: Mapping[str, tuple[float, float]], *, seed: int = 0
) -> dict[str, Any]:
    """The figures of a judging. ``scores`` are those of A and B by the task's metric, for the agreement.

    ``failed`` counts questions that the judge did not answer in a way that can be read, ``unjudged`` the samples that
    drop out for it.
    """
    groups = {one.id: one.group for one in judgements}
    won = wins(judgements)
    turned = sum(sorted(both) == ["a", "b"] for both in _both_orders(judgements).values())
    pairwise = [one for one in judgements if one.question in ("ab", "ba") and one.verdict is not None]
    first = [one.verdict == one.question[0] for one in pairwise if one.verdict != "tie"]
    return {
        "n": len(groups),
        "judged": len(won),
        "unjudged": len(groups) - len(won),
        "failed": sum(one.verdict is None for one in judgements),
        "win_rate": _mean(list(won.values())),
        "interval": _interval(won, groups, seed),
        "wins": sum(value > 0.5 for value in won.values()),
        "ties": sum(value == 0.5 for value in won.values()),
        "losses": sum(value < 0.5 for value in won.values()),
        "turned_by_order": turned,
        "first_shown_preferred": _mean([float(one) for one in first]),
        "metric_agreement": agreement(won, scores),
    } | _ratings(judgements, groups, seed)


def _ratings(judgements: Sequence[Judgement], groups: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Mean rating of each run, each with its interval; empty where none was asked for."""
    found: dict[str, Any] = {}
    for run in ("a", "b"):
        asked = [one for one in judgements if one.question == run]
        values = {one.id: float(one.verdict) for one in asked if one.verdict is not None}
        if asked:
            found[f"rating_{run}"] = _mean(list(values.values()))
            found[f"rating_{run}_interval"] = _interval(values, groups, seed)
            found[f"rating_{run}_failed"] = len(asked) - len(values)
    return found


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _interval(values: Mapping[str, float], groups: Mapping[str, str], seed: int) -> list[float] | None:
    records = [
        {"group": groups[id], "parts": {"value": [value, 1]}, "detail": {}, "extraction": ""}
        for id, value in values.items()
    ]
    ends = interval(records, "value", seed=seed) if records else None
    return None if ends is None else [round(end, 4) for end in ends]
