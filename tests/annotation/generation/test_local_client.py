"""Our own model in a process of its own: what is asked of it, and what becomes of its answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotation.generation.answers import SHAPES, parse
from annotation.generation.client import ItemFailed
from annotation.generation.local_client import LocalClient
from annotation.generation.slotting import TASKS, require_slots
from annotation.generation.work import Settings, Work, pool_request, request_for
from annotation.sources import Reading, open_source
from lamm_core.errors import ClientError

STUB = Path(__file__).with_name("stub_model.py")
SEEING = Settings("stub", seeing=True)


@pytest.fixture
def local() -> Iterator[Callable[..., LocalClient]]:
    made: list[LocalClient] = []

    def make(*options: str) -> LocalClient:
        made.append(LocalClient("stub", command=[sys.executable, str(STUB), *options]))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def work(source: str) -> Work:
    return Work(next(iter(Reading(open_source(source).items(), name="made"))), "C1")


def test_each_question_is_asked_with_the_medium(local: Callable[..., LocalClient], work: Work) -> None:
    reply = local().complete(request_for(work, SEEING))
    rounds = json.loads(reply.text)["rounds"]
    assert rounds[0] == {"question": "What is in the picture?", "answer": "What is in the picture? image"}
    assert parse(reply.text, reply.finish, SHAPES["C1"]) and reply.input_tokens == 7 * len(rounds)


def test_a_description_is_its_answer(local: Callable[..., LocalClient], work: Work) -> None:
    reply = local().complete(request_for(Work(work.source, "C3"), SEEING))
    assert json.loads(reply.text)["description"].endswith("image")


def test_templates_are_our_own(local: Callable[..., LocalClient]) -> None:
    reply = local().complete(pool_request(TASKS["counting"], SEEING))
    require_slots(TASKS["counting"], parse(reply.text, "stop", SHAPES["C4"]))  # type: ignore[arg-type]


def test_a_medium_it_cannot_open_fails_alone(local: Callable[..., LocalClient], work: Work) -> None:
    with pytest.raises(ItemFailed, match="no picture"):
        local("--blind").complete(request_for(work, SEEING))


def test_a_model_that_dies_ends_the_run(local: Callable[..., LocalClient], work: Work) -> None:
    with pytest.raises(ClientError, match="stopped answering"):
        local("--die").complete(request_for(work, SEEING))


def test_a_program_that_is_not_there_is_named(work: Work) -> None:
    with pytest.raises(ClientError, match="cannot be started"):
        LocalClient("stub", command=["/nowhere/at-all"]).complete(request_for(work, SEEING))
