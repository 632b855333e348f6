"""Whole runs: drafts, refused answers, stopping, being killed, going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.fake.server import FakeServer, Faults
from annotation.generation.asker import Asker
from annotation.generation.drafts import read_drafts, source_of
from annotation.generation.journal import Journal
from annotation.generation.openai_client import OpenAIClient
from annotation.generation.prices import Budget, Price
from annotation.generation.recipe import of_sources
from annotation.generation.run import Run
from annotation.generation.run_files import RunFiles, read_state
from annotation.generation.work import Settings
from annotation.review.forms import require_conversation
from annotation.sources import open_source
from lamm_core.errors import ClientError

Start = Callable[..., FakeServer]
ClientOf = Callable[..., OpenAIClient]
ROOT = Path(__file__).resolve().parents[3]


class Runs:
    """Runs of the made pictures into one folder."""

    def __init__(self, folder: Path, source: str, client: OpenAIClient) -> None:
        self.folder, self.source, self.client = folder, source, client

    def __call__(self, *kinds: str, limit: int | None = None, budget: int | None = None, **more: object) -> str:
        journal = Journal(self.folder / "journal.jsonl")
        limits = Budget(budget, spent=journal.spent)
        self.asker = Asker(self.client, journal, limits, Price(1.0, 2.0), sleep=lambda _: None)
        recipe = of_sources([open_source(self.source)], list(kinds), limit=limit)
        run = Run(recipe, self.asker, Settings("fake"), RunFiles(self.folder), limit=limit, **more)  # type: ignore[arg-type]
        try:
            return run()
        finally:
            journal.close()

    def lines(self, name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def runs(tmp_path: Path, source: str, server: Start, client_of: ClientOf) -> Callable[..., Runs]:
    def make(faults: Faults | None = None, **options: object) -> Runs:
        return Runs(tmp_path / "run", source, client_of(server(faults), **options))

    return make


def test_every_source_gives_a_draft_of_each_kind(runs: Callable[..., Runs]) -> None:
    one = runs()
    assert one("C1", "C3", "C4") == "done"
    drafts = list(read_drafts(one.folder / "drafts.jsonl"))
    assert Counter(draft.kind for draft in drafts) == {"C1": 12, "C3": 12, "C4": 12}
    for draft in drafts:
        require_conversation(draft.turns, where="draft")
        assert draft.turns[0].media[0].path.is_file()
        assert len(draft.prompt_hash) == 12 and draft.generator == "fake"
        assert source_of(draft.annotation) is not None
        assert draft.expected_error is not None


def test_slotted_labels_are_exact(runs: Callable[..., Runs]) -> None:
    one = runs()
    one("C4")
    for draft in read_drafts(one.folder / "drafts.jsonl"):
        assert [check for check in draft.checks if check.name in ("coordinates", "count")] == []


def test_c4_pays_for_templates_only(runs: Callable[..., Runs]) -> None:
    one = runs()
    one("C4")
    assert one.asker.paid <= 3


def test_broken_answers_are_listed_and_made_up_for(runs: Callable[..., Runs]) -> None:
    one = runs(Faults(malformed=0.3, truncated=0.2, refused=0.2, seed=1))
    assert one("C1", limit=5) == "done"
    state = read_state(one.folder)
    assert state["drafts"] == 5 and set(state["rejected"]) == {"malformed", "truncated", "refused"}
    assert len(one.lines("rejected")) == sum(state["rejected"].values())
    assert all(row["detail"] and row["source_id"] for row in one.lines("rejected"))


def test_errors_of_the_server_are_retried(runs: Callable[..., Runs]) -> None:
    one = runs(Faults(busy=0.4, failing=0.3, dropped=0.2, retry_after=0.01, seed=2))
    assert one("C1", "C3") == "done"
    assert read_state(one.folder)["drafts"] == 24 and one.asker.retried > 3


def test_the_same_run_again_pays_nothing_and_gives_the_same(runs: Callable[..., Runs]) -> None:
    one = runs(Faults(errors=0.5))
    one("C1", "C4")
    before = (one.folder / "drafts.jsonl").read_text()
    one("C1", "C4")
    assert (one.folder / "drafts.jsonl").read_text() == before
    assert one.asker.paid == 0 and one.asker.reused > 12


def test_a_spent_budget_stops_and_a_larger_one_goes_on(runs: Callable[..., Runs]) -> None:
    one = runs()
    assert one("C1", budget=7_000, concurrency=1) == "budget"
    state = read_state(one.folder)
    assert 0 < state["drafts"] < 12 and state["spent"] <= 7_000 and "larger --budget" in state["message"]
    paid = one.asker.paid
    assert one("C1", budget=10_000_000) == "done"
    assert one.asker.paid == 12 - paid


def test_a_wrong_key_ends_the_run_with_the_reason(tmp_path: Path, source: str, server: Start) -> None:
    client = OpenAIClient(api_key="wrong", base_url=server().url)
    one = Runs(tmp_path / "run", source, client)
    with pytest.raises(ClientError, match="OPENAI_API_KEY"):
        one("C1")
    assert read_state(one.folder)["state"] == "failed"
    client.close()


def test_one_source_may_give_several(tmp_path: Path, source: str, server: Start, client_of: ClientOf) -> None:
    journal = Journal(tmp_path / "run" / "journal.jsonl")
    asker = Asker(client_of(server()), journal, Budget(), Price(0, 0))
    recipe = of_sources([open_source(source)], ["C1"], limit=None, each=2)
    assert Run(recipe, asker, Settings("fake"), RunFiles(tmp_path / "run"))() == "done"
    journal.close()
    drafts = list(read_drafts(tmp_path / "run" / "drafts.jsonl"))
    assert len(drafts) == 24 and asker.paid == 24


@pytest.mark.slow
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_killed_run_goes_on_without_paying_twice(
    idempotent: bool, tmp_path: Path, source: str, server: Start
) -> None:
    running = server(Faults(seconds=0.15), idempotent=idempotent)
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "annotation", "generate", "--source", source, "--kind", "C1", "--kind", "C3",
               "--out", str(folder), "--model", "fake", "--base-url", running.url, "--concurrency", "3"]  # fmt: skip
    environment = {**os.environ, "OPENAI_API_KEY": "key"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = folder / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.read_text().count('"reply"') >= 5):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = journal.read_text().count('"reply"')
    assert kept < 24
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert read_state(folder)["drafts"] == 24 and read_state(folder)["reused"] == kept
    twice = sum(count - 1 for count in running.billed.values())
    # A reply that was under way when the process died never arrived. A server that knows the key of the request does
    # not bill it again; with another at most the requests under way at once are.
    assert twice == 0 if idempotent else twice <= 3
