"""The example that is shipped: it opens, its pictures are there, and it says what it is."""

from __future__ import annotations

from pathlib import Path

from app.inspection.comparison import missing_media
from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import RunStarter
from app.inspection.service import Inspection
from app.inspection.view import View
from app.marks import MarkBook
from app.settings import REPOSITORY
from app.viewer.shelf import CloudShelf

RUNS = REPOSITORY / "assets" / "demo" / "runs"


def test_the_shipped_example_opens_with_all_its_pictures(tmp_path: Path) -> None:
    shelf = RunShelf([tmp_path], shipped=RUNS)
    inspection = Inspection(shelf, RunStarter(tmp_path), marks=MarkBook(tmp_path), clouds=CloudShelf())
    look = inspection.look(inspection.act(View(), {"do": "example"}))
    assert look.comparison is not None and len(look.chosen) == 30 and look.comparison.notes == ()
    assert missing_media(look.comparison) == 0
    board = inspection.board(look.view)
    assert [row["letter"] for row in board["rows"] if row["kind"] == "run"].count("A") == 1
    assert all("shipped example" in row["sub"] for row in board["rows"] if row["kind"] == "run")


def test_the_example_is_small_and_names_no_machine() -> None:
    files = [path for path in RUNS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 200_000
    assert all(
        '"path": "../../' in line for path in RUNS.rglob("records.jsonl") for line in path.open() if '"path"' in line
    )
