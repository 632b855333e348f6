"""Runs of generation from the page: what a form stands for on the command line, and runs that are over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.marks import MarkBook
from app.reviews.desk import Desk
from app.reviews.exchange import Exchange
from app.reviews.generating import Generating
from app.reviews.jobs import Jobs
from app.reviews.media import ReviewMedia
from app.reviews.service import Reviews

Ask = Callable[..., dict[str, Any]]
FORM = {"reader": "csv", "client": "fake", "kinds": ["C1"], "limit": 3, "each": 1}


@pytest.fixture
def ask(reviews: Reviews, media: ReviewMedia, tmp_path: Path) -> Ask:
    jobs = Jobs()
    marks = MarkBook(tmp_path / "marks")
    exchange = Exchange(reviews, jobs, marks, roots=(tmp_path,), exports=tmp_path / "exports", demo=tmp_path)
    desk = Desk(reviews, media, Generating(exchange, jobs, tmp_path / "runs").acts)
    return lambda act, **values: desk.answer({"act": act, "who": "ann", **values})


def test_every_reader_is_offered_with_what_it_needs(ask: Ask) -> None:
    told = ask("generation")
    assert any(one["name"] == "csv" and "sources.csv" in one["files"][0] for one in told["readers"])
    assert told["runs"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"reader": "--out"},
        {"client": "other"},
        {"kinds": []},
        {"kinds": ["C9"]},
        {"limit": 0},
        {"each": 0},
        {"folder": "/etc"},
        {"model": "a b; rm"},
    ],
)
def test_what_the_form_cannot_mean_is_refused(ask: Ask, tmp_path: Path, values: dict[str, Any]) -> None:
    answer = ask("generate", **{**FORM, "folder": str(tmp_path), **values})
    assert set(answer) == {"error"}
    assert not (tmp_path / "runs").exists()


def test_a_run_whose_process_is_gone_is_not_said_to_run(ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "20260101-000000"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"pid": 1, "command": "python -m annotation generate"}))
    (folder / "state.json").write_text(json.dumps({"state": "running", "drafts": 7}))
    (folder / "log.txt").write_text("killed")
    (run,) = ask("generation")["runs"]
    assert (run["state"], run["running"], run["drafts"], run["last"]) == ("ended", False, 7, "killed")
    assert "not running any more" in ask("stop_run", run=folder.name)["error"]["text"]


@pytest.mark.parametrize("name", ["..", "", "20260101-000001", "../runs"])
def test_runs_are_found_by_their_name_only(ask: Ask, name: str) -> None:
    assert "There is no run" in ask("add_run", run=name)["error"]["text"]
