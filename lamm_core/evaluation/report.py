"""Figures as tables for a terminal.

Does not know how figures come about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from lamm_core.errors import TaskError
from lamm_core.evaluation.compare import Comparison
from lamm_core.evaluation.leaderboard import Row
from lamm_core.evaluation.run_folder import read_manifest, read_state, read_summary
from lamm_core.evaluation.summary import metric_names
from lamm_core.evaluation.task import Task

__all__ = ["comparison_tables", "leaderboard_tables", "result_table", "run_table", "task_table"]

COUNTS = ("unparsed", "failed", "broken")


def result_table(task: Task, result: Mapping[str, Any]) -> Table:
    """The metrics of the model and its baselines side by side, each with its 95 % interval."""
    columns = {"model": result} | {kind: result[kind] for kind in ("blind", "shuffled") if kind in result}
    view = Table(title=f"{task.title or task.name}, {result['n']} samples")
    view.add_column("metric")
    for name in columns:
        view.add_column(name, justify="right")
    extra = [name for name in result if name.startswith("ece_")]
    for metric in [*metric_names(task), *extra]:
        view.add_row(metric, *(cell(values, metric) for values in columns.values()))
    for count in COUNTS:
        view.add_row(count, *(str(values[count]) for values in columns.values()))
    return view


def cell(values: Mapping[str, Any], metric: str) -> str:
    """One figure with its interval, as far as there is one."""
    value, ends = values.get(metric), values.get("intervals", {}).get(metric)
    if value is None:
        return "none"
    return f"{value:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")


def task_table(tasks: Iterable[Task]) -> Table:
    """All tasks."""
    view = Table("name", "what", "shows", "metrics", box=None, header_style="bold")
    for task in tasks:
        view.add_row(task.name, task.title, task.modality, ", ".join(metric_names(task)))
    return view


def run_table(folders: Sequence[Path]) -> Table:
    """Runs with their state and main figure; one that cannot be read says why."""
    view = Table("run", "task", "model", "state", "done", "main figure", "unparsed", box=None, header_style="bold")
    for folder in folders:
        try:
            manifest, state, summary = read_manifest(folder), read_state(folder), read_summary(folder)
        except TaskError as error:
            view.add_row(Text(str(folder)), "", "", "unreadable", "", Text(str(error)), "")
            continue
        main = manifest["metrics"][0]["name"]
        figure = f"{main} {cell(summary, main)}" if summary else ""
        unparsed = str(summary["unparsed"]) if summary else ""
        done = f"{state.get('done', 0)}/{state.get('total', 0)}"
        parts = (str(folder), manifest["task"], str(manifest["model"].get("name")), state.get("state", "unknown"))
        view.add_row(*map(Text, (*parts, done, figure, unparsed)))
    return view


def leaderboard_tables(rows: Sequence[Row]) -> Iterator[Table]:
    """One table for each task, ours above what is quoted."""
    for task in dict.fromkeys(row.task for row in rows):
        chosen = [row for row in rows if row.task == task]
        metrics = list(dict.fromkeys(name for row in chosen for name in row.values))
        view = Table("model", "how", "n", *metrics, "unparsed", title=task)
        for row in chosen:
            figures = ({**row.values, "intervals": row.intervals}, metrics)
            cells = [cell(figures[0], name) if name in row.values else "–" for name in metrics]
            share = "–" if row.unparsed is None else f"{row.unparsed:.1%}"
            style = "italic dim" if row.kind == "quoted" else "dim" if row.kind in ("blind", "shuffled") else ""
            view.add_row(Text(row.name), row.kind, "–" if row.n is None else str(row.n), *cells, share, style=style)
        yield view


def comparison_tables(found: Comparison) -> Iterator[Table]:
    """The two figures with their difference, then the two-by-two table."""
    figures = Table(title=f"{found.task}, {found.metric}, {found.n} samples in {found.groups} groups")
    for name in ("A", "B", "A - B", "95 % interval", "p"):
        figures.add_column(name, justify="right")
    ends = "none" if found.low is None else f"{found.low:+.4f} to {found.high:+.4f}"
    figures.add_row(f"{found.a:.4f}", f"{found.b:.4f}", f"{found.difference:+.4f}", ends, f"{found.p:.4g}")
    yield figures
    square = Table("", "B right", "B wrong")
    square.add_row("A right", str(found.both), str(found.only_a))
    square.add_row("A wrong", str(found.only_b), str(found.neither))
    yield square
