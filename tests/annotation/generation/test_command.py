"""The command line of generating."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.__main__ import app
from annotation.fake.server import FakeServer, Faults
from annotation.review.store import ReviewStore


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["generate", *arguments], env={"OPENAI_API_KEY": "", **environment})
    return done.exit_code, done.output


def test_the_fake_client_fills_a_queue(source: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'reviews.db'}"
    code, said = run("--source", source, "--kind", "C1", "--kind", "C4", "--limit", "5", "--client", "fake",
                     "--out", str(tmp_path / "run"), "--store", store)  # fmt: skip
    assert code == 0, said
    assert "done: 10 drafts" in said and "Added to the queue: 10" in " ".join(said.split())
    queue = ReviewStore(store)
    item = queue.claim("me")
    queue.close()
    assert item and item.media[0].path.is_file() and "objects" in item.annotation
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert state["state"] == "done" and state["drafts"] == 10


def test_a_plan_sends_nothing_and_needs_no_key(source: str, tmp_path: Path) -> None:
    code, said = run("--source", source, "--kind", "C1", "--plan", "--json")
    plan = json.loads(said)
    assert code == 0 and plan["items"] == 12 and plan["cost"] > 0
    assert list(tmp_path.glob("run*")) == []


def test_the_recipes_plan_with_ones_own_prices(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("models: {mine: {input: 1, output: 2}}")
    code, said = run("lamm-186k", "--data", str(tmp_path), "--plan", "--json", "--model", "mine",
                     "--prices", str(tmp_path / "prices.yaml"))  # fmt: skip
    assert code == 0 and json.loads(said)["items"] == 186_098


def test_a_prompt_is_shown_before_it_is_paid(source: str) -> None:
    code, said = run("--source", source, "--kind", "C3", "--show")
    assert code == 0 and "[system]" in said and "at most" in said


def test_batches_fill_every_part(source: str, tmp_path: Path, server: Callable[..., FakeServer]) -> None:
    running = server(Faults(malformed=0.3))
    code, said = run("--source", source, "--kind", "C1", "--kind", "C4", "--limit", "4", "--batch", "--model", "fake",
                     "--base-url", running.url, "--out", str(tmp_path / "run"), OPENAI_API_KEY="key")  # fmt: skip
    assert code == 0, said
    assert json.loads((tmp_path / "run" / "state.json").read_text())["drafts"] == 8
    assert len(running.batches._batches) >= 1


def test_a_spent_budget_has_an_exit_code_of_its_own(source: str, tmp_path: Path) -> None:
    code, said = run("--source", source, "--kind", "C1", "--client", "fake", "--budget", "0.004",
                     "--out", str(tmp_path / "run"))  # fmt: skip
    assert code == 3 and "The budget of 0.0040 is spent" in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "Give either a recipe or at least one --source"),
        (["lamm-186"], "There is no recipe 'lamm-186'"),
        (["--source", "SOURCE", "--kind", "C2"], "None of the sources feeds C2"),
        (["--source", "SOURCE", "--kind", "C1"], "--out"),
        (["--source", "SOURCE", "--kind", "C1", "--out", "OUT"], "OPENAI_API_KEY is not set"),
        (["--source", "SOURCE", "--kind", "C1", "--model", "gpt-99", "--plan"], "price of a model"),
        (["--source", "SOURCE", "--kind", "C1", "--client", "local", "--batch", "--out", "OUT"], "--batch is for"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_what_to_do(
    arguments: list[str], match: str, source: str, tmp_path: Path
) -> None:
    given = [argument.replace("SOURCE", source).replace("OUT", str(tmp_path / "run")) for argument in arguments]
    code, said = run(*given)
    assert code == 1 and match in " ".join(said.split())


def test_the_readers_are_listed() -> None:
    code, said = run("--sources")
    assert code == 0 and "coco-captions" in said
