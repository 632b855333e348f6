"""Asking: the journal, the budget, retries; every reply is paid once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.generation.asker import GIVE_UP_AFTER, Asker, most
from annotation.generation.client import Busy, ItemFailed, Reply, Request
from annotation.generation.journal import Journal
from annotation.generation.pace import Pace
from annotation.generation.prices import Budget, BudgetSpent, Price, load_prices, money, price_of
from annotation.generation.prompt import Message
from lamm_core.errors import AnnotationError, ClientError, ConfigError

Make = Callable[..., Asker]
GOOD = Reply("{}", "stop", 10, 5, "m")


def request(text: str = "hello", **more: object) -> Request:
    return Request((Message("user", text),), "Dialogue", {}, model="m", **more)  # type: ignore[arg-type]


def test_a_second_ask_comes_from_the_journal(asker: Make, scripted: type) -> None:
    client = scripted(GOOD)
    one = asker(client)
    assert one.ask(request()) == one.ask(request()) == GOOD
    assert (len(client.asked), one.paid, one.reused) == (1, 1, 1)


@pytest.mark.parametrize("change", [{"seed": 1}, {"temperature": 0.1}, {"max_tokens": 7}, {"questions": ("What?",)}])
def test_another_request_has_another_key(change: dict[str, object]) -> None:
    assert request(**change).key != request().key


def test_a_reply_is_on_disk_before_it_is_handed_on(asker: Make, scripted: type, journal: Journal) -> None:
    asker(scripted(GOOD)).ask(request())
    kinds = [json.loads(line)["type"] for line in journal.path.read_text().splitlines()]
    assert kinds == ["asked", "reply"]


def test_busy_is_tried_again_after_the_time_the_server_asks_for(asker: Make, scripted: type) -> None:
    slept: list[float] = []
    one = asker(scripted(Busy("wait", retry_after=7.0), GOOD))
    one.sleep = slept.append
    one.pace = Pace(clock=lambda: 0.0, sleep=lambda _: None)
    assert one.ask(request()) == GOOD
    assert slept == [7.0] and one.retried == 1


def test_pauses_grow_where_the_server_names_none(asker: Make, scripted: type) -> None:
    slept: list[float] = []
    one = asker(scripted(Busy("wait")), attempts=6)
    one.sleep = slept.append
    with pytest.raises(Busy):
        one.ask(request())
    assert len(slept) == 5 and all(0 <= pause <= 2.0**attempt for attempt, pause in enumerate(slept))


def test_a_failed_request_costs_nothing_and_is_asked_again_later(asker: Make, scripted: type) -> None:
    one = asker(scripted(ItemFailed("no"), GOOD))
    with pytest.raises(ItemFailed):
        one.ask(request())
    assert (one.budget.spent, one.budget.reserved) == (0, 0)
    assert one.ask(request()) == GOOD


def test_an_attempt_that_may_have_been_paid_is_counted_at_its_most(
    asker: Make, scripted: type, journal: Journal
) -> None:
    one = asker(scripted(ItemFailed("line dead", doubtful=True)))
    with pytest.raises(ItemFailed):
        one.ask(request())
    assert one.budget.spent == most(request(), Price(1.0, 1.0)) == journal.lost


def test_many_failures_in_a_row_stop_the_run(asker: Make, scripted: type) -> None:
    one = asker(scripted(ItemFailed("no")))
    for number in range(GIVE_UP_AFTER - 1):
        with pytest.raises(ItemFailed):
            one.ask(request(str(number)))
    with pytest.raises(ClientError, match="one after the other"):
        one.ask(request("last"))


def test_a_request_that_might_overdraw_is_not_sent(asker: Make, scripted: type) -> None:
    client = scripted(GOOD)
    one = asker(client, budget=most(request(), Price(1.0, 1.0)) - 1)
    with pytest.raises(BudgetSpent, match="The budget"):
        one.ask(request())
    assert client.asked == []


def test_what_is_under_way_counts_against_the_budget() -> None:
    budget = Budget(10)
    budget.reserve(6)
    with pytest.raises(BudgetSpent):
        budget.reserve(5)
    budget.settle(6, 2)
    budget.reserve(8)
    assert (budget.spent, budget.reserved) == (2, 8)


def test_a_reopened_journal_knows_what_was_paid(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.jsonl")
    first.asked("a", 100)
    first.replied("a", GOOD, 40)
    first.asked("b", 70)
    first.close()
    second = Journal(tmp_path / "j.jsonl")
    assert second.find("a") == GOOD and second.find("b") is None
    assert (second.spent, second.lost) == (110, 70)
    second.replied("b", GOOD, 30)
    second.close()
    third = Journal(tmp_path / "j.jsonl")
    assert (third.spent, third.lost) == (140, 70)  # what may have been lost stays counted
    third.close()


def test_a_line_that_was_being_written_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    first = Journal(path)
    first.replied("a", GOOD, 40)
    first.close()
    with path.open("ab") as file:
        file.write(b'{"type": "reply", "key": "b", "te')
    second = Journal(path)
    assert second.torn > 0 and "a" in second and "b" not in second
    second.replied("c", GOOD, 1)
    assert second.find("c") == GOOD
    second.close()


def test_a_damaged_line_is_no_guess(tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_text("not json\n")
    with pytest.raises(AnnotationError, match="damaged at byte 0"):
        Journal(tmp_path / "j.jsonl")


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.jsonl")
    with pytest.raises(AnnotationError, match="Another process"):
        Journal(tmp_path / "j.jsonl")
    first.close()


def test_text_that_utf8_has_no_bytes_for_is_kept_as_a_mark(journal: Journal) -> None:
    journal.replied("a", Reply("\ud800", "stop", 1, 1, "m"), 1)
    assert journal.find("a") is not None


def test_the_pace_spreads_requests_and_tokens() -> None:
    now, slept = [0.0], []
    pace = Pace(60, 6000, clock=lambda: now[0], sleep=slept.append)
    for _ in range(3):
        pace.wait(300)
    assert slept == [3.0, 6.0]


def test_prices_are_rounded_up_and_batches_cheaper() -> None:
    price = Price(0.15, 0.6, 0.5)
    assert price.micros(1, 1) == 1
    assert price.micros(1_000_000, 1_000_000, batched=True) == 375_000
    assert money(375_000) == "0.3750" and money(12_500_000) == "12.50"


def test_a_dated_model_has_the_price_of_its_family() -> None:
    prices = load_prices()
    assert price_of("gpt-4o-mini-2024-07-18", prices) == prices["gpt-4o-mini"]
    with pytest.raises(ConfigError, match="price of a model"):
        price_of("gpt-9", prices)


@pytest.mark.parametrize(
    "text", ["models: {m: {input: 1}}", "models: {m: {input: -1, output: 2}}", "m: 1", "models: ["]
)
def test_a_wrong_price_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_prices(tmp_path / "p.yaml")
