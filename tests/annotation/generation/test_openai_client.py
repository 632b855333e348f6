"""The real openai client against the fake server, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from annotation.fake.server import FakeServer, Faults
from annotation.generation.answers import SHAPES, parse, schema
from annotation.generation.client import Busy, Request
from annotation.generation.openai_client import OpenAIClient
from annotation.generation.prompt import Message, prompt_for
from annotation.generation.slotting import TASKS, require_slots
from lamm_core.errors import ClientError, DraftRejected

Start = Callable[..., FakeServer]
ClientOf = Callable[..., OpenAIClient]
FACTS = """Captions:
- A brown dog runs on a lawn.

Objects (label [left, top, right, bottom] as shares of the picture):
- dog [0.10, 0.20, 0.30, 0.80]
- person [0.70, 0.10, 0.90, 0.95]
- person [0.50, 0.10, 0.60, 0.95]"""


def request(kind: str = "C1", text: str = FACTS, **more: object) -> Request:
    shape = SHAPES[kind]
    messages = prompt_for(kind, "image").messages(text)
    return Request(messages, shape.__name__, schema(shape), model="fake", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("structure", ["schema", "object", "none"])
@pytest.mark.parametrize("kind", ["C1", "C3"])
def test_answers_have_the_shape_asked_for(
    kind: str, structure: str, stream: bool, server: Start, client_of: ClientOf
) -> None:
    reply = client_of(server(), structure=structure, stream=stream).complete(request(kind))
    assert parse(reply.text, reply.finish, SHAPES[kind])
    assert reply.input_tokens > 100 and reply.output_tokens > 10 and reply.fingerprint == "fake-clean"


def test_streaming_gives_the_same_answer(server: Start, client_of: ClientOf) -> None:
    running = server()
    assert client_of(running, stream=True).complete(request()) == client_of(running).complete(request())


@pytest.mark.parametrize("task", sorted(TASKS))
def test_templates_fit_their_task(task: str, server: Start, client_of: ClientOf) -> None:
    reply = client_of(server()).complete(request("C4", TASKS[task].query))
    require_slots(TASKS[task], parse(reply.text, reply.finish, SHAPES["C4"]))  # type: ignore[arg-type]


def test_429_is_busy_with_the_servers_pause(server: Start, client_of: ClientOf) -> None:
    client = client_of(server(Faults(busy=1.0, retry_after=3.5)))
    with pytest.raises(Busy, match="asks to wait") as caught:
        client.complete(request())
    assert caught.value.retry_after == 3.5 and not caught.value.doubtful
    assert client.complete(request()).finish == "stop"


def test_500_is_busy_and_may_have_been_paid(server: Start, client_of: ClientOf) -> None:
    with pytest.raises(Busy) as caught:
        client_of(server(Faults(failing=1.0))).complete(request())
    assert caught.value.doubtful


def test_a_dead_line_is_busy_and_the_second_try_is_not_billed_again(server: Start, client_of: ClientOf) -> None:
    running = server(Faults(dropped=1.0))
    client = client_of(running)
    with pytest.raises(Busy) as caught:
        client.complete(request())
    assert caught.value.doubtful
    assert client.complete(request()).finish == "stop"
    assert list(running.billed.values()) == [1]


def test_a_stream_that_ends_early_is_no_answer(server: Start, client_of: ClientOf) -> None:
    with pytest.raises(Busy, match="ended the stream"):
        client_of(server(Faults(cut=1.0)), stream=True).complete(request())


def test_a_slow_server_is_not_waited_for_longer_than_allowed(server: Start, client_of: ClientOf) -> None:
    with pytest.raises(Busy, match="in time"):
        client_of(server(Faults(seconds=2.0)), timeout_seconds=0.2).complete(request())


@pytest.mark.parametrize(
    ("fault", "reason"), [("truncated", "truncated"), ("malformed", "malformed"), ("refused", "refused")]
)
@pytest.mark.parametrize("stream", [False, True])
def test_broken_answers_are_told_apart(
    fault: str, reason: str, stream: bool, server: Start, client_of: ClientOf
) -> None:
    reply = client_of(server(Faults(**{fault: 1.0})), stream=stream).complete(request())
    with pytest.raises(DraftRejected) as caught:
        parse(reply.text, reply.finish, SHAPES["C1"], refusal=reply.refusal)
    assert caught.value.reason == reason  # type: ignore[attr-defined]


def test_a_token_limit_truncates(server: Start, client_of: ClientOf) -> None:
    assert client_of(server()).complete(request(max_tokens=5)).finish == "length"


def test_a_missing_key_and_a_wrong_address_say_what_to_do(server: Start) -> None:
    running = server()
    wrong = OpenAIClient(api_key="key", base_url=f"{running.url}/nowhere")
    with pytest.raises(ClientError, match="--base-url"):
        wrong.complete(request())
    wrong.close()
    nameless = OpenAIClient(api_key="wrong", base_url=running.url)
    with pytest.raises(ClientError, match="OPENAI_API_KEY"):
        nameless.complete(request())
    nameless.close()


def test_nobody_listening_is_busy() -> None:
    client = OpenAIClient(api_key="key", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(Busy, match="cannot be reached"):
        client.complete(request())
    client.close()


def test_the_schema_is_strict(server: Start) -> None:
    for shape in SHAPES.values():
        content = json.dumps(schema(shape))
        assert '"additionalProperties": false' in content and "minItems" not in content


def test_the_same_seed_gives_the_same_errors(server: Start, client_of: ClientOf) -> None:
    faults = Faults(errors=0.5, seed=3)
    texts = [Request((Message("user", f"{FACTS}\n- kite [0.{n}0, 0.10, 0.95, 0.20]"),), "Dialogue", {}, model="fake")
             for n in range(1, 9)]  # fmt: skip
    first, second = (client_of(server(faults)) for _ in range(2))
    replies = [first.complete(one) for one in texts]
    assert replies == [second.complete(one) for one in texts]
    assert len({reply.fingerprint for reply in replies}) > 1
