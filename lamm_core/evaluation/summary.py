"""The figures of a run: every metric with its interval, and what could not be counted beside them.

Does not know how answers came about: it reads records and nothing else, so a run that was resumed has the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamm_core.evaluation.desiderata import calibration
from lamm_core.evaluation.records import BROKEN, FAILED
from lamm_core.evaluation.statistics import Record, counted, interval, metric_value
from lamm_core.evaluation.task import CorpusMetric, Task

__all__ = ["corpus_metric", "higher_is_better", "metric_names", "summarise"]


def metric_names(task: Task) -> tuple[str, ...]:
    """All metrics of a task in the order they are shown; the first is the one that is quoted."""
    return (*task.metrics, *(one.name for one in task.corpus if one.name not in task.metrics))


def corpus_metric(task: Task, name: str) -> CorpusMetric | None:
    """What computes a metric that is no sum of parts; None for one that is."""
    return next((one for one in task.corpus if one.name == name), None)


def higher_is_better(task: Task, name: str) -> bool:
    """The direction of a metric."""
    corpus = corpus_metric(task, name)
    return name not in task.lower_is_better and (corpus is None or corpus.higher_is_better)


def summarise(task: Task, records: Sequence[Record], *, seed: int = 0) -> dict[str, Any]:
    """The figures of one run or one of its baselines.

    ``n`` counts the answers that the metrics are computed from. ``unparsed`` of them could not be read and gained
    nothing; ``failed`` (no answer came) and ``broken`` (the picture does not open) are not among them.
    """
    answers = counted(records)
    names = metric_names(task)
    fresh = [record for record in answers if record["metadata"].get("unseen_wording")]
    values = {name: _rounded(metric_value(answers, name, corpus_metric(task, name))) for name in names}
    intervals = {
        name: _pair(interval(answers, name, corpus_metric(task, name), seed=seed, share=higher_is_better(task, name)))
        for name in names
    }
    main = names[0]
    return {
        "n": len(answers),
        **values,
        "interval": intervals[main],
        "intervals": intervals,
        "unparsed": sum(record["score"] is None for record in answers),
        "failed": sum(record["extraction"] == FAILED for record in records),
        "broken": sum(record["extraction"] == BROKEN for record in records),
        f"{main}_unseen_wordings": _rounded(metric_value(fresh, main, corpus_metric(task, main))),
        **{name: _rounded(value) for name, value in calibration(answers).items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [round(value, 4) for value in pair]
