"""Chat completions as OpenAI's own client and curl ask for them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, get_args

import httpx
import openai
import pytest

from lamm_core.errors import EngineStoppedError
from lamm_core.pointclouds.read import SUFFIXES
from lamm_core.serving.conversation import MOST_MEDIA
from lamm_core.serving.gate import Rules
from lamm_core.serving.keys import Keys
from lamm_core.serving.requests import CloudFormat

from .conftest import HeldEngine, data_url, served, until

HELLO: Any = [{"role": "user", "content": "Hello?"}]
CLOUD = b"0 0 0\n1 0 0\n0 1 0\n1 1 0.5\n"


def picture_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def cloud_part(url: str, **more: str) -> dict[str, Any]:
    return {"type": "pointcloud_url", "pointcloud_url": {"url": url, **more}}


def ask(client: openai.OpenAI, content: Any = "Hello?", **settings: Any) -> Any:
    return client.chat.completions.create(
        model=settings.pop("model", "tiny"), messages=[{"role": "user", "content": content}], **settings
    )


def test_a_plain_answer_has_text_usage_and_the_reason_it_ended(client: openai.OpenAI) -> None:
    answer = ask(client)
    assert answer.choices[0].message.content == "There is a dog."
    assert (answer.choices[0].finish_reason, answer.object, answer.model) == ("stop", "chat.completion", "tiny")
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
    }


def test_a_stream_gives_the_same_text_then_the_reason_then_the_usage(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "There is a dog."
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1] if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 15
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in ask(client, stream=True))


def test_each_piece_is_sent_as_soon_as_it_is_there(client: openai.OpenAI, engine: HeldEngine) -> None:
    engine.held = 1
    stream = ask(client, stream=True)
    assert next(stream).choices[0].delta.role == "assistant"
    assert next(stream).choices[0].delta.content == "There"
    engine.go.set()
    assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "stop"


def test_settings_reach_the_engine(client: openai.OpenAI, engine: HeldEngine) -> None:
    ask(client, max_tokens=3, temperature=0.5, top_p=0.9, seed=7, user="anna", n=1)
    _, settings, adapter, who = engine.asked[0]
    assert (settings.max_new_tokens, settings.temperature, settings.top_p, settings.seed) == (3, 0.5, 0.9, 7)
    assert (adapter, who) == (None, "anna")


def test_an_answer_cut_at_the_longest_allowed_says_so(client: openai.OpenAI) -> None:
    answer = ask(client, max_completion_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("There is", "length")


@pytest.mark.parametrize(("stop", "text"), [("a d", "There is "), (["zebra", "dog"], "There is a "), (".x", None)])
def test_a_stop_text_ends_the_answer_even_across_pieces(
    client: openai.OpenAI, engine: HeldEngine, stop: Any, text: str | None
) -> None:
    for stream in (False, True):
        answer = ask(client, stop=stop, stream=stream)
        if stream:
            chunks = list(answer)
            said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert chunks[-1].choices[0].finish_reason == "stop"
        else:
            said = answer.choices[0].message.content
        assert said == (text or "There is a dog.")


@pytest.mark.parametrize(
    ("model", "adapter"),
    [("tiny", None), ("tiny:none", ""), ("tiny:image", "image"), ("tiny:pointcloud", "pointcloud")],
)
def test_the_model_names_the_adapter(
    client: openai.OpenAI, engine: HeldEngine, model: str, adapter: str | None
) -> None:
    assert model in [one.id for one in client.models.list()]
    assert client.models.retrieve(model).id == model
    assert ask(client, model=model).model == model
    assert engine.asked[0][2] == adapter


def test_a_conversation_keeps_its_turns_and_an_answer_can_be_sent_back_as_it_came(
    client: openai.OpenAI, engine: HeldEngine
) -> None:
    first = ask(client).choices[0].message
    client.chat.completions.create(
        model="tiny",
        messages=[{"role": "developer", "content": "Be brief."}, *HELLO, first, {"role": "user", "content": "And?"}],
    )
    assert [(turn.role, turn.text) for turn in engine.asked[1][0]] == [
        ("system", "Be brief."),
        ("user", "Hello?"),
        ("assistant", "There is a dog."),
        ("user", "And?"),
    ]


def test_pictures_and_clouds_arrive_byte_for_byte_and_are_gone_afterwards(
    client: openai.OpenAI, engine: HeldEngine, picture: Path, picture_url: str
) -> None:
    cloud = cloud_part(data_url(CLOUD, "application/octet-stream"), format="xyz")
    ask(client, [{"type": "text", "text": "What?"}, picture_part(picture_url), cloud])
    (turn,) = engine.asked[0][0]
    assert [medium.modality for medium in turn.media] == ["image", "pointcloud"]
    assert turn.media[1].path.suffix == ".xyz" and turn.text == "What?"
    assert engine.shown == [picture.read_bytes(), CLOUD]
    until(lambda: not any(medium.path.exists() for medium in turn.media))


def test_media_between_words_stay_where_they_are(client: openai.OpenAI, engine: HeldEngine, picture_url: str) -> None:
    text = lambda words: {"type": "text", "text": words}  # noqa: E731
    ask(client, [text("Before:"), picture_part(picture_url), text("After:"), picture_part(picture_url), text("Same?")])
    assert engine.asked[0][0][0].text == "Before:\n<image>\nAfter:\n<image>\nSame?"


def test_every_format_the_readers_know_can_be_named() -> None:
    assert sorted(get_args(CloudFormat)) == sorted(suffix[1:] for suffix in SUFFIXES)


def test_a_client_that_goes_away_ends_its_answer(client: openai.OpenAI, engine: HeldEngine, address: str) -> None:
    engine.held = 1
    stream = ask(client, stream=True)
    next(stream)
    stream.close()
    until(lambda: engine.ended == ["cancelled"])
    engine.held = 0
    with pytest.raises(httpx.ReadTimeout):  # before the first word, and where nothing is streamed
        httpx.post(f"{address}/v1/chat/completions", json={"model": "tiny", "messages": HELLO}, timeout=0.5)
    until(lambda: engine.ended == ["cancelled", "cancelled"])


def test_a_full_queue_is_429_and_says_when_to_come_back(client: openai.OpenAI, engine: HeldEngine) -> None:
    engine.busy = True
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after"] == "3"
    assert caught.value.code == "rate_limit_exceeded" and "again" in str(caught.value)


def test_more_requests_than_there_is_room_for_are_refused_before_they_are_read(
    client: openai.OpenAI, engine: HeldEngine, address: str
) -> None:
    engine.most_waiting, engine.held = 0, 1
    stream = ask(client, stream=True)
    next(stream)
    refused = httpx.post(f"{address}/v1/chat/completions", json={})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    engine.go.set()
    assert list(stream)


def test_an_error_in_the_middle_of_a_stream_is_told_in_the_stream(client: openai.OpenAI, engine: HeldEngine) -> None:
    engine.held = 1
    stream = ask(client, stream=True)
    next(stream)
    engine.broken = RuntimeError("secret words")
    engine.go.set()
    with pytest.raises(openai.APIError, match="log says why") as caught:
        list(stream)
    assert "secret" not in str(caught.value.body)


def test_what_fails_for_no_known_reason_is_500_without_its_words(client: openai.OpenAI, engine: HeldEngine) -> None:
    engine.broken = RuntimeError("secret words")
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client)
    assert "secret" not in caught.value.response.text


def test_health_and_metrics_tell_what_happened(client: openai.OpenAI, engine: HeldEngine, address: str) -> None:
    ask(client, max_tokens=2)
    health = httpx.get(f"{address}/health").json()
    assert health == {"status": "ok", "running": 0, "waiting": 0}
    httpx.get(f"{address}/nowhere/<script>")
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values["lamm_completion_tokens_total"]) >= 2
    assert float(values['lamm_answers_total{ended="length"}']) >= 1
    assert float(values['lamm_requests_total{route="/v1/chat/completions",status="200"}']) >= 1
    assert float(values['lamm_requests_total{route="other",status="404"}']) >= 1
    assert not any("script" in name for name in values)


def test_an_engine_that_ended_is_told_by_health_and_by_answers(
    client: openai.OpenAI, engine: HeldEngine, address: str
) -> None:
    engine.stopped = "vLLM ended. Start the server again."
    engine.broken = EngineStoppedError(engine.stopped)
    health = httpx.get(f"{address}/health")
    assert health.status_code == 503 and health.json()["error"]["message"] == engine.stopped
    with pytest.raises(openai.InternalServerError, match="Start the server again") as caught:
        ask(client)
    assert caught.value.status_code == 503


def test_curl_streams_events_up_to_done(address: str, engine: HeldEngine) -> None:
    body = json.dumps({"model": "tiny", "messages": HELLO, "stream": True})
    command = ["curl", "-sN", f"{address}/v1/chat/completions", "-H", "Content-Type: application/json", "-d", body]
    lines = [line for line in subprocess.check_output(command, text=True, timeout=60).splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    texts = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"].get("content", "") for line in lines[:-1]]
    assert "".join(texts) == "There is a dog."


def test_only_the_key_opens_the_server_and_health_needs_none(engine: HeldEngine) -> None:
    with served(HeldEngine(), rules=Rules(keys=Keys(("the-right-key", "another-key")))) as address:
        for path in ("/v1/models", "/metrics", "/openapi.json"):
            assert httpx.get(address + path).status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200
        for key in ("a-wrong-key", "the-right-kez", "the-right-key2"):
            headers = {"Authorization": f"Bearer {key}"}
            refused = httpx.get(f"{address}/v1/models", headers=headers)
            assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
            assert key not in refused.text
        for key in ("the-right-key", "another-key"):
            assert ask(openai.OpenAI(base_url=f"{address}/v1", api_key=key)).choices


def test_no_other_site_may_read_or_post(address: str, engine: HeldEngine) -> None:
    origin = {"Origin": "https://evil.example"}
    answer = httpx.get(f"{address}/v1/models", headers=origin)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    body = json.dumps({"model": "tiny", "messages": HELLO})
    posted = httpx.post(
        f"{address}/v1/chat/completions", content=body, headers={**origin, "Content-Type": "text/plain"}
    )
    assert posted.status_code == 415 and engine.asked == []
    assert httpx.options(f"{address}/v1/chat/completions", headers=origin).status_code == 405


def test_a_server_without_a_key_answers_to_its_own_names_only() -> None:
    with served(HeldEngine(), rules=Rules(hosts=("127.0.0.1", "localhost"))) as address:
        assert httpx.get(f"{address}/health").status_code == 200
        assert httpx.get(f"{address}/health", headers={"Host": "rebound.example"}).status_code == 421


def test_too_many_media_are_refused(client: openai.OpenAI, picture_url: str) -> None:
    with pytest.raises(openai.BadRequestError, match="at most 16"):
        ask(client, [picture_part(picture_url)] * (MOST_MEDIA + 1))
