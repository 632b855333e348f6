"""Batches: sent once, found again after a crash, answers kept, failures told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.fake.server import FakeServer, Faults
from annotation.generation.batch import Batches
from annotation.generation.collecting import missing
from annotation.generation.journal import Journal
from annotation.generation.openai_client import OpenAIClient
from annotation.generation.prices import Budget, BudgetSpent, Price
from annotation.generation.recipe import Recipe, of_sources
from annotation.generation.work import Settings
from annotation.sources import open_source
from lamm_core.errors import ClientError

Start = Callable[..., FakeServer]
ClientOf = Callable[..., OpenAIClient]
SETTINGS = Settings("fake")


@pytest.fixture
def recipe(source: str) -> Recipe:
    return of_sources([open_source(source)], ["C1", "C3"], limit=None)


@pytest.fixture
def batches(journal: Journal) -> Callable[..., Batches]:
    def make(client: OpenAIClient, *, budget: int | None = None, requests: int = 10) -> Batches:
        limits = Budget(budget, spent=journal.spent)
        return Batches(client, journal, limits, Price(1.0, 2.0, 0.5), journal.path.parent, requests,
                       sleep=lambda _: None)  # fmt: skip

    return make


def wanted(recipe: Recipe, journal: Journal) -> list[object]:
    return list(missing(recipe, SETTINGS, journal, data=None, limit=None))


def test_all_requests_are_answered_at_half_the_price(
    recipe: Recipe, journal: Journal, batches: Callable[..., Batches], server: Start, client_of: ClientOf
) -> None:
    running = server()
    one = batches(client_of(running))
    assert one(missing(recipe, SETTINGS, journal, data=None, limit=None)) == {}
    assert len(journal) == 24 and len(journal.batches()) == 3
    assert one.budget.reserved == 0 and 0 < one.budget.spent == journal_cost(journal)
    assert wanted(recipe, journal) == []


def journal_cost(journal: Journal) -> int:
    entries = [json.loads(line) for line in journal.path.read_text().splitlines()]
    return sum(entry["cost"] for entry in entries if entry["type"] == "reply")


def test_what_fails_inside_a_batch_is_told_and_costs_nothing(
    recipe: Recipe, journal: Journal, batches: Callable[..., Batches], server: Start, client_of: ClientOf
) -> None:
    one = batches(client_of(server(Faults(failing=0.4, seed=1))))
    failed = one(missing(recipe, SETTINGS, journal, data=None, limit=None))
    assert failed and len(failed) + len(journal) == 24
    assert "500" in next(iter(failed.values()))
    assert one.budget.reserved == 0
    assert one(missing(recipe, SETTINGS, journal, data=None, limit=None)) == {}
    assert len(journal) == 24


def test_useless_answers_are_asked_of_other_sources(
    recipe: Recipe, journal: Journal, batches: Callable[..., Batches], server: Start, client_of: ClientOf
) -> None:
    one = batches(client_of(server(Faults(malformed=0.5, seed=1))))
    few = list(missing(recipe, SETTINGS, journal, data=None, limit=4))
    one(few)
    again = list(missing(recipe, SETTINGS, journal, data=None, limit=4))
    assert again and not {request.key for request in again} & {request.key for request in few}


@pytest.mark.parametrize("noted", [True, False])
def test_a_run_that_died_finds_its_batch_again(
    noted: bool, recipe: Recipe, tmp_path: Path, server: Start, client_of: ClientOf
) -> None:
    running = server()
    client = client_of(running)
    folder = tmp_path / "other"

    def started() -> tuple[Journal, Batches]:
        journal = Journal(folder / "journal.jsonl")
        limits = Budget(spent=journal.spent)
        return journal, Batches(client, journal, limits, Price(1.0, 2.0), folder, 10, sleep=lambda _: None)

    journal, one = started()
    one._send(missing(recipe, SETTINGS, journal, data=None, limit=None))  # and then the process dies
    journal.close()
    if not noted:  # it died before it could note the number of its batch
        path = folder / "journal.jsonl"
        kept = [line for line in path.read_text().splitlines(keepends=True) if '"number"' not in line]
        path.write_text("".join(kept))
    journal, one = started()
    one(missing(recipe, SETTINGS, journal, data=None, limit=None))
    assert len(journal) == 24 and one.budget.reserved == 0
    journal.close()
    assert len(running.batches._batches) == 3
    assert set(running.billed.values()) == {1}


def test_a_budget_sends_what_fits(
    recipe: Recipe, journal: Journal, batches: Callable[..., Batches], server: Start, client_of: ClientOf
) -> None:
    one = batches(client_of(server()), budget=9_000)
    with pytest.raises(BudgetSpent):
        one(missing(recipe, SETTINGS, journal, data=None, limit=None))
    assert 0 < len(journal) < 24 and one.budget.spent <= 9_000 and one.budget.reserved == 0


def test_a_wrong_key_is_said_at_once(
    recipe: Recipe, journal: Journal, batches: Callable[..., Batches], server: Start
) -> None:
    client = OpenAIClient(api_key="wrong", base_url=server().url)
    with pytest.raises(ClientError, match="OPENAI_API_KEY"):
        batches(client)(missing(recipe, SETTINGS, journal, data=None, limit=None))
    client.close()
