"""The queue's command line: data in, a pinned version out, figures in between, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.__main__ import app
from annotation.review.manifest import Manifest
from annotation.review.store import ReviewStore

runner = CliRunner()


@pytest.fixture
def queue(tmp_path: Path) -> str:
    """The URL of a queue with three imported items, of which two are accepted and one is rejected."""
    url = f"sqlite:///{tmp_path}/reviews.db"
    talks = [
        [{"from": "human", "value": f"{number}?"}, {"from": "gpt", "value": "Yes, <b>it</b> is."}]
        for number in range(3)
    ]
    records = [{"conversations": talk, "src_image": "coco", "kind": "C1"} for talk in talks]
    (tmp_path / "old.json").write_text(json.dumps([*records, {"conversations": []}]))
    done = runner.invoke(app, ["review", "import", "lamm", str(tmp_path / "old.json"), "--store", url, "--blind", "1"])
    assert done.exit_code == 0, done.output
    assert "3 added, 0 there already, 1 broken" in done.stderr
    assert "old.json, record 3" in done.stderr
    store = ReviewStore(url)
    for number, item in enumerate(store.search().items):
        if number:
            store.accept("ann", item.seen)
        else:
            store.reject("ann", item.seen, reason="style")
        second = store.claim("bob")
        assert second is not None
        store.accept("bob", second.seen)
    store.close()
    return url


def test_an_export_prints_the_hash_that_a_recipe_names(queue: str, tmp_path: Path) -> None:
    done = runner.invoke(app, ["review", "export", str(tmp_path / "out"), "--store", queue])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == Manifest.read(tmp_path / "out").content_hash


def test_stats_show_counts_agreement_and_error_rates(queue: str) -> None:
    done = runner.invoke(app, ["review", "stats", "--store", queue])
    assert done.exit_code == 0, done.output
    for part in ("accepted", "ann", "33.3%", "3 items with two opinions, 66.7% the same", "Cohen's kappa"):
        assert part in done.stdout


def test_check_finds_states_and_events_in_agreement(queue: str) -> None:
    done = runner.invoke(app, ["review", "check", "--store", queue])
    assert (done.exit_code, done.stderr.strip()) == (0, "0 states differ from their events")


def test_an_error_is_a_line_that_says_what_to_do(queue: str, tmp_path: Path) -> None:
    done = runner.invoke(app, ["review", "export", str(tmp_path), "--store", queue])
    assert done.exit_code == 1
    assert "give the folder another name" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["import", "export", "push", "stats", "check"])
def test_every_command_explains_itself(command: str) -> None:
    done = runner.invoke(app, ["review", command, "--help"])
    assert done.exit_code == 0 and "Usage" in done.stdout
