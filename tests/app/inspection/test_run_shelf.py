"""Which runs there are and how they stand."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from app.inspection.board import board_value
from app.inspection.run_shelf import RunShelf, Series, read_key
from app.inspection.view import View
from tests.app.inspection.made_runs import figures, record, write_run


def alive() -> dict[str, object]:
    return {
        "state": "running",
        "done": 20,
        "total": 80,
        "rate": 2.0,
        "eta_seconds": 30,
        "pid": os.getpid(),
        "pid_started": psutil.Process().create_time(),
    }


@pytest.mark.parametrize(
    "series", [Series("a"), Series("deep/er", "blind"), Series("a", "shuffled"), Series("with:colon")]
)
def test_a_key_names_its_series(series: Series) -> None:
    assert read_key(series.key) == series


def test_runs_are_found_in_folders_and_a_shipped_one_comes_last(tmp_path: Path) -> None:
    write_run(tmp_path / "own" / "first", [], created="2026-01-01")
    write_run(tmp_path / "own" / "group" / "second", [], created="2026-01-02")
    write_run(tmp_path / "shipped" / "example", [], created="2026-01-03")
    shelf = RunShelf([tmp_path / "own", tmp_path / "missing"], shipped=tmp_path / "shipped")
    assert [(run.name, run.shipped) for run in shelf.runs()] == [
        ("group/second", False),
        ("first", False),
        ("example", True),
    ]


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 99, "task": "t"}', '{"format": 1}'])
def test_a_folder_that_cannot_be_read_is_listed_with_its_reason(tmp_path: Path, content: str) -> None:
    write_run(tmp_path / "good", [])
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text(content)
    runs = RunShelf([tmp_path]).runs()
    assert {run.name: bool(run.problem) for run in runs} == {"good": False, "bad": True}
    value = board_value(runs, View())
    assert [one["name"] for one in value["problems"]] == ["bad"] and "run.json" in value["problems"][0]["text"]


def test_a_run_is_read_again_when_its_files_change(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], state=alive())
    shelf = RunShelf([tmp_path])
    assert shelf.runs()[0].live
    write_run(tmp_path / "run", [], summary=figures(0.5))
    run = shelf.run("run")
    assert run is not None and run.phase == "completed" and run.summary is not None


def test_a_run_whose_process_is_gone_does_not_seem_to_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], state=alive() | {"pid_started": 1.0})
    run = RunShelf([tmp_path]).runs()[0]
    assert run.phase == "stopped" and "process ended" in run.state["reason"]


def test_the_board_tells_score_interval_and_what_was_not_parsed(tmp_path: Path) -> None:
    summary = figures(0.5, n=200, unparsed=3) | {"blind": figures(0.1, n=200)}
    write_run(tmp_path / "run", [record("a", 1.0)], summary=summary)
    value = board_value(RunShelf([tmp_path]).runs(), View("animals", ("run:blind",)))
    assert [(row["kind"], row["score"], row["unparsed"], row["letter"]) for row in value["rows"]] == [
        ("run", "50.0 (40.0–60.0)", "1.5%", ""),
        ("baseline", "10.0 (0.0–20.0)", "0", "A"),
    ]


def test_the_papers_rows_are_there_and_cannot_be_picked(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], task="cifar10", summary=figures(0.5))
    quoted = [row for row in board_value(RunShelf([tmp_path]).runs(), View())["rows"] if row["kind"] == "quoted"]
    assert quoted and all("key" not in row and row["score"] for row in quoted)
    assert "another metric: lamm_accuracy" in quoted[0]["sub"]


def test_a_metric_of_which_less_is_better_is_told_as_it_is(tmp_path: Path) -> None:
    metrics = [{"name": "mae", "higher_is_better": False}]
    write_run(
        tmp_path / "run", [], metrics=metrics, summary={"n": 9, "mae": 3.456, "unparsed": 0, "intervals": {"mae": None}}
    )
    value = board_value(RunShelf([tmp_path]).runs(), View())
    assert (value["rows"][0]["score"], value["unit"], value["better"]) == ("3.46", "", "lower is better")


def test_a_live_run_tells_how_far_it_is(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], state=alive())
    (live,) = board_value(RunShelf([tmp_path]).runs(), View())["live"]
    assert live["words"] == "20 of 80 · 2.0 a second · 30 s left" and live["share"] == 0.25 and live["live"]


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], state={"state": "failed", "done": 3, "total": 9, "reason": "the disk is full"})
    (live,) = board_value(RunShelf([tmp_path]).runs(), View())["live"]
    assert live["reason"] == "the disk is full" and not live["live"]
