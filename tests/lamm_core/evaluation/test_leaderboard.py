"""Finished runs, their baselines and quoted figures stand in one table, each said to be what it is."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from lamm_core.evaluation.leaderboard import leaderboard, readable
from lamm_core.evaluation.report import leaderboard_tables, run_table
from lamm_core.evaluation.run_folder import run_folders
from lamm_core.evaluation.tasks import task


def write(folder: Path, *, summary: bool = True, setting: str | None = None) -> None:
    metric = task("cifar10").metrics[0]
    folder.mkdir(parents=True)
    manifest = {"format": 1, "name": folder.name, "task": "cifar10", "task_version": 1, "setting": setting,
                "metrics": [{"name": metric, "higher_is_better": True}], "model": {"name": "[mini]"}}  # fmt: skip
    (folder / "run.json").write_text(json.dumps(manifest))
    figures = {"n": 50, metric: 0.9, "intervals": {metric: [0.8, 1.0]}, "unparsed": 5}
    if summary:
        (folder / "summary.json").write_text(json.dumps(figures | {"blind": figures | {metric: 0.1, "intervals": {}}}))


def test_rows_are_ours_then_baselines_then_quoted(tmp_path: Path) -> None:
    write(tmp_path / "a", setting="zero-shot")
    write(tmp_path / "deep" / "b", setting="fine-tuned")
    write(tmp_path / "unfinished", summary=False)
    rows = leaderboard(run_folders(tmp_path))
    assert [row.kind for row in rows[:4]] == ["zero-shot", "blind", "fine-tuned", "blind"]
    quoted = rows[4:]
    assert quoted and {row.kind for row in quoted} == {"quoted"}
    assert {row.name: dict(row.values) for row in quoted} == {
        name: dict(values) for name, values in task("cifar10").paper.items()
    }
    assert rows[0].unparsed == 0.1 and rows[0].n == 50 and quoted[0].n is None


def test_tables_show_names_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "a")
    console = Console(width=240, record=True, file=(tmp_path / "out").open("w"))
    for table in leaderboard_tables(leaderboard(run_folders(tmp_path))):
        console.print(table)
    console.print(run_table(run_folders(tmp_path)))
    text = console.export_text()
    assert "[mini] · a" in text and "0.900 (0.800 to 1.000)" in text and "10.0%" in text and "quoted" in text


def test_a_task_without_runs_has_quoted_rows_when_asked_for(tmp_path: Path) -> None:
    assert leaderboard([]) == []
    assert {row.kind for row in leaderboard([], task="cifar10")} == {"quoted"}


def test_a_run_that_cannot_be_read_is_told_and_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.json").write_text("{")
    write(tmp_path / "c")
    (tmp_path / "c" / "run.json").write_text('{"format": 99}')
    fine, troubles = readable(run_folders(tmp_path))
    assert fine == [tmp_path / "a"] and len(troubles) == 2
    console = Console(width=300, record=True, file=(tmp_path / "out").open("w"))
    console.print(run_table(run_folders(tmp_path)))
    text = console.export_text()
    assert text.count("unreadable") == 2 and "is not JSON" in text and "format 99" in text and "0.900" in text
