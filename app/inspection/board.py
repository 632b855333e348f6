"""The leaderboard as a value of the page: for each task our runs, their baselines and the figures quoted from papers.

Does not know how it is drawn; all words in it are shown as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.inspection.figures import Figure, figure_of, share, time_left, told
from app.inspection.run_shelf import Run, tasks_of
from app.inspection.view import View
from lamm_core.errors import LammError

__all__ = ["board_value", "is_percent", "quoted", "task_choices", "title_of"]

_WORDS = {
    "preparing": "preparing",
    "running": "running",
    "completed": "done",
    "stopped": "stopped",
    "failed": "failed",
    "": "not begun",
}


def board_value(runs: Sequence[Run], view: View, unheard: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """All that stands in the left column."""
    readable = [run for run in runs if not run.problem]
    grouped = tasks_of(readable)
    task = view.task if view.task in grouped else next(iter(grouped), "")
    metrics = _metrics(grouped.get(task, []))
    metric = view.metric if view.metric in metrics else next(iter(metrics))
    higher = metrics[metric]
    rows = [row for run in grouped.get(task, []) for row in _rows(run, view, metric, higher=higher)]
    rows += quoted(task, metric)
    return {
        "tasks": [
            {"name": name, "title": title_of(name, group), "count": len(group)} for name, group in grouped.items()
        ],
        "task": task,
        "metric": metric,
        "metrics": list(metrics),
        "unit": "%" if is_percent(metric, higher) else "",
        "better": "higher is better" if higher else "lower is better",
        "rows": rows,
        "live": [_progress(run) for run in readable if run.live or run.phase == "failed"],
        "problems": [{"name": run.name, "text": run.problem} for run in runs if run.problem]
        + [{"name": name, "text": text or "started; nothing heard of it yet"} for name, text in unheard],
        "own": sum(not run.shipped for run in runs),
        "example": any(run.shipped for run in readable),
    }


def task_choices() -> list[tuple[str, str]]:
    """Title and name of every task that can be measured."""
    from lamm_core.evaluation.tasks import TASKS

    return [(task.title or task.name, task.name) for task in TASKS]


def title_of(task: str, runs: Sequence[Run]) -> str:
    """The task's name for people."""
    return next((str(run.manifest["title"]) for run in runs if run.manifest.get("title")), task)


def quoted(task: str, metric: str) -> list[dict[str, Any]]:
    """Rows of the paper, marked as what they are; in another metric where the paper has not this one, which is said."""
    rows = []
    for name, values in _paper(task).items():
        for own, value in ({metric: values[metric]} if metric in values else values).items():
            score = told(value, percent=is_percent(own, higher="mae" not in own))
            sub = "quoted, not measured here" if own == metric else f"quoted, and another metric: {own}"
            rows.append({"kind": "quoted", "title": name, "score": score, "sub": sub})
    return rows


def is_percent(metric: str, higher: bool) -> bool:
    """Shares of right answers are told in percent, errors and the like as they are."""
    return higher and metric not in ("cider", "cider_d")


def _paper(task: str) -> Mapping[str, Mapping[str, float]]:
    from lamm_core.evaluation.tasks import task as find_task

    try:
        return find_task(task).paper
    except LammError:  # a task of another version, or an example's: nothing is quoted for it
        return {}


def _metrics(runs: Sequence[Run]) -> dict[str, bool]:
    """The metrics of the task, its main one first, and whether more of each is better."""
    found: dict[str, bool] = {}
    for run in runs:
        found |= {name: higher for name, higher in run.metrics.items() if name not in found}
    return found or {"score": True}


def _rows(run: Run, view: View, metric: str, *, higher: bool) -> list[dict[str, Any]]:
    rows = []
    for series in run.series:
        figure = figure_of(run.summary or {}, metric, series.baseline) or Figure(metric, None)
        percent = is_percent(metric, higher)
        place = view.picked.index(series.key) if series.key in view.picked else None
        rows.append(
            {
                "kind": "run" if series.baseline is None else "baseline",
                "key": series.key,
                "letter": "" if place is None else chr(ord("A") + place),
                "title": run.title if series.baseline is None else _BASELINE[series.baseline],
                "sub": _sub(run) if series.baseline is None else "",
                "score": told(figure.value, figure.low, figure.high, percent=percent),
                "count": f"{figure.count:,}" if figure.count else "",
                "unparsed": share(figure.unparsed),
                "failed": share(figure.failed) if figure.failed else "",
                "phase": run.phase if series.baseline is None and run.phase != "completed" else "",
                "shipped": run.shipped,
            }
        )
    return rows


_BASELINE = {"blind": "blind: no picture", "shuffled": "shuffled: another picture"}


def _sub(run: Run) -> str:
    model = run.manifest.get("model")
    bits = [] if run.name == run.title else [run.name]
    bits += [str(run.manifest["setting"])] if run.manifest.get("setting") else []
    if isinstance(model, Mapping) and model.get("quantize"):
        bits.append(str(model["quantize"]))
    inference = run.manifest.get("inference")
    if isinstance(inference, Mapping) and inference.get("mode") not in (None, "direct"):
        bits.append(str(inference["mode"]))
    created = str(run.manifest.get("created", ""))[:16].replace("T", " ")
    return " · ".join([*bits, "shipped example" if run.shipped else created])


def _progress(run: Run) -> dict[str, Any]:
    done, total = run.state.get("done") or 0, run.state.get("total") or 0
    rate = run.state.get("rate")
    words = [_WORDS.get(run.phase, run.phase)]
    if run.live and total:
        words = [f"{done:,} of {total:,}"]
        words += [f"{rate:.1f} a second"] if isinstance(rate, int | float) and rate else []
        words += [time_left(run.state.get("eta_seconds"))] if time_left(run.state.get("eta_seconds")) else []
    return {
        "name": run.name,
        "title": f"{run.title}, {run.task}",
        "words": " · ".join(words),
        "share": min(1.0, done / total) if total else None,
        "live": run.live,
        "reason": str(run.state.get("reason") or ""),
    }
