"""Our runs and their baselines beside the figures that papers report, as rows.

Does not know how rows are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamm_core.errors import TaskError
from lamm_core.evaluation.run_folder import read_manifest, read_summary
from lamm_core.evaluation.tasks import TASKS

__all__ = ["Row", "leaderboard", "readable"]


@dataclass(frozen=True)
class Row:
    """One line of a leaderboard.

    ``kind``: "zero-shot", "fine-tuned" or "ours" for a run, "blind" or "shuffled" for a baseline, "quoted" for a figure
    that somebody else reports. ``unparsed`` is the share of answers that could not be read; None is unknown.
    """

    task: str
    name: str
    kind: str
    values: Mapping[str, float | None]
    intervals: Mapping[str, Any] = field(default_factory=dict)
    n: int | None = None
    unparsed: float | None = None
    folder: str = ""


def readable(folders: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The folders whose run.json and summary.json can be read, and what is wrong with the others."""
    fine, troubles = [], []
    for folder in folders:
        try:
            read_manifest(folder), read_summary(folder)
        except TaskError as error:
            troubles.append(str(error))
        else:
            fine.append(folder)
    return fine, troubles


def leaderboard(folders: Sequence[Path], *, task: str | None = None) -> list[Row]:
    """Rows of all finished runs, task by task in the order of the tasks' list, the quoted ones last.

    A task of which there is no run has no rows, unless it is asked for by name.
    """
    ours: dict[str, list[Row]] = {task: []} if task is not None else {}
    for folder in folders:
        manifest, summary = read_manifest(folder), read_summary(folder)
        if summary is not None and task in (None, manifest["task"]):
            ours.setdefault(manifest["task"], []).extend(_rows(folder, manifest, summary))
    quoted = {one.name: one.paper for one in TASKS}
    order = [one.name for one in TASKS if one.name in ours] + [name for name in ours if name not in quoted]
    return [
        row
        for name in order
        for row in (
            *sorted(ours[name], key=lambda row: row.name),
            *(Row(name, label, "quoted", values) for label, values in quoted.get(name, {}).items()),
        )
    ]


def _rows(folder: Path, manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Row]:
    metrics = [metric["name"] for metric in manifest["metrics"]]
    label = f"{manifest['model'].get('name')} · {manifest['name']}"
    columns = {manifest.get("setting") or "ours": summary}
    columns |= {kind: summary[kind] for kind in ("blind", "shuffled") if kind in summary}
    return [
        Row(
            manifest["task"], label, kind, {name: values[name] for name in metrics if name in values},
            values.get("intervals", {}), values["n"], values["unparsed"] / values["n"] if values["n"] else None,
            str(folder),
        )
        for kind, values in columns.items()
    ]  # fmt: skip
