"""A server behind an address is measured like a model: pictures arrive, trouble is tried again, failures are told."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import ClientError, ConfigError
from lamm_core.evaluation.endpoint import ATTEMPTS, Endpoint, data_url
from lamm_core.evaluation.modes import ask
from lamm_core.evaluation.records import last_records
from lamm_core.evaluation.runner import Plan, run


class ChatServer(ThreadingHTTPServer):
    """An OpenAI-compatible server that answers with the colour it is shown; ``script`` comes first, an entry a request.

    An entry is a status, (status, headers), a body as it is, or seconds to wait before the answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: ChatServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.requests.append(request)
            self.server.keys.append(self.headers["authorization"])
            step = self.server.script.pop(0) if self.server.script else None
        if isinstance(step, float):
            time.sleep(step)
        elif isinstance(step, str):
            return self.send(200, step.encode())
        elif step is not None:
            status, headers = step if isinstance(step, tuple) else (step, {})
            return self.send(status, json.dumps({"error": {"message": f"status {status}"}}).encode(), headers)
        if request["model"] == "new" and "max_tokens" in request:
            words = "Unsupported parameter: use max_completion_tokens"
            return self.send(400, json.dumps({"error": {"message": words}}).encode())
        message = {"role": "assistant", "content": f"It is {seen(request)}."}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}}  # fmt: skip
        self.send(200, json.dumps(body).encode())

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in {"content-type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except BrokenPipeError:
            self.close_connection = True  # whoever asked did not wait

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def seen(request: dict[str, Any]) -> str:
    """The word for the colour of the last picture, NOTHING without one."""
    parts = [part for message in request["messages"] if isinstance(message["content"], list)
             for part in message["content"] if part["type"] == "image_url"]  # fmt: skip
    if not parts:
        return "NOTHING"
    content = base64.b64decode(parts[-1]["image_url"]["url"].split(",", 1)[1])
    red = Image.open(io.BytesIO(content)).convert("RGB").getpixel((0, 0))[0]  # type: ignore[index]
    return ("CAT", "DOG", "OWL", "BEE")[red // 64]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def shown(tmp_path: Path) -> Callable[[int], list[Sample]]:
    """Samples about pictures whose shade is the right answer."""

    def make(count: int) -> list[Sample]:
        samples = []
        for number in range(count):
            path = tmp_path / f"{number}.png"
            Image.new("RGB", (4, 4), (number % 4 * 64 + 8, 0, number)).save(path)
            turns = (Turn("user", f"Question {number}?", (Media("image", path),)),)
            samples.append(Sample(f"s{number}", turns, target=("CAT", "DOG", "OWL", "BEE")[number % 4]))
        return samples

    return make


def endpoint(server: ChatServer, waits: list[float] | None = None, **options: Any) -> Endpoint:
    sleep = waits.append if waits is not None else lambda seconds: None
    options = {"at_once": 1, "timeout_seconds": 20.0} | options
    return Endpoint(server.address, options.pop("model", "m"), key="secret", sleep=sleep, **options)


def test_a_server_is_measured_with_its_baselines(server: ChatServer, shown: Any, naming: Any, tmp_path: Path) -> None:
    result = run(tmp_path / "run", Plan(naming), shown(8), endpoint(server, at_once=4))
    assert (result["right"], result["blind"]["unparsed"], result["failed"]) == (1.0, 8, 0)
    assert result["shuffled"]["right"] < 1.0 and result["model"] == "m"
    assert server.keys[0] == "Bearer secret" and server.requests[0]["temperature"] == 0
    assert server.requests[0]["max_tokens"] == 7
    record = last_records(tmp_path / "run" / "records.jsonl")[None, "s0"]
    assert record["tokens"] == 4 and record["latency_seconds"] > 0


def test_what_passes_is_tried_again_and_waits_as_long_as_asked(server: ChatServer, shown: Any) -> None:
    waits: list[float] = []
    server.script = [500, (429, {"retry-after": "7"}), "<html>busy</html>"]
    (reply,) = endpoint(server, waits).generate([shown(1)[0].turns], max_new_tokens=5)
    assert reply.text == "It is CAT." and len(server.requests) == 4
    assert waits[1] == 7.0 and len(waits) == 3


def test_what_never_comes_is_failed_and_never_a_zero(
    server: ChatServer, shown: Any, naming: Any, tmp_path: Path
) -> None:
    nonsense = ['{"choices": []}', '{"choices": [{"message": {"content": null}}]}', '"just text"', "[]", "{}"]
    server.script = [*[503] * ATTEMPTS, *nonsense, 400]
    result = run(tmp_path / "run", Plan(naming, kinds=(None,)), shown(8), endpoint(server))
    assert (result["n"], result["failed"], result["right"], result["unparsed"]) == (1, 7, 1.0, 0)
    records = last_records(tmp_path / "run" / "records.jsonl")
    failed = [record for record in records.values() if record["extraction"] == "failed"]
    assert len(failed) == 7 and all(record["score"] is None and record["reason"] for record in failed)
    assert "503" in records[None, "s0"]["reason"] and "400" in records[None, "s6"]["reason"]


def test_a_server_that_does_not_answer_in_time_is_failed(server: ChatServer, shown: Any) -> None:
    server.script = [0.6] * ATTEMPTS
    late, good = endpoint(server, timeout_seconds=0.2).generate([sample.turns for sample in shown(2)], max_new_tokens=5)
    assert "no answer in time" in late.trouble and good.text == "It is DOG."


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_the_run(server: ChatServer, shown: Any, status: int) -> None:
    server.script = [status]
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        endpoint(server).generate([shown(1)[0].turns], max_new_tokens=5)
    assert len(server.requests) == 1


def test_no_server_at_all_is_told_at_once(shown: Any) -> None:
    nobody = Endpoint("http://127.0.0.1:9/v1", "m", key="k", sleep=lambda seconds: None)
    with pytest.raises(ClientError, match="cannot be reached"):
        nobody.generate([sample.turns for sample in shown(2)], max_new_tokens=5)


def test_newer_servers_are_told_the_limit_under_its_new_name(server: ChatServer, shown: Any) -> None:
    asked = endpoint(server, model="new")
    replies = asked.generate([sample.turns for sample in shown(2)], max_new_tokens=5)
    assert [reply.text for reply in replies] == ["It is CAT.", "It is DOG."]
    assert [("max_tokens" in one) for one in server.requests] == [True, False, False]


def test_a_missing_picture_is_broken_and_not_sent(server: ChatServer, tmp_path: Path) -> None:
    turns = [Turn("user", "What?", (Media("image", tmp_path / "none.png"),))]
    (reply,) = endpoint(server).generate([turns], max_new_tokens=5)
    assert reply.broken and "none.png" in reply.trouble and not server.requests


def test_pictures_stand_where_the_text_says(server: ChatServer, shown: Any) -> None:
    media = shown(2)[0].media + shown(2)[1].media
    endpoint(server).generate([[Turn("user", "First <image> then <image> which?", media)]], max_new_tokens=5)
    kinds = [part["type"] for part in server.requests[0]["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text"]


def test_rare_formats_are_sent_as_png(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (9, 0, 0)).save(tmp_path / "a.bmp")
    Image.new("RGB", (4, 4), (9, 0, 0)).save(tmp_path / "a.jpg")
    assert data_url(tmp_path / "a.bmp").startswith("data:image/png;base64,")
    assert data_url(tmp_path / "a.jpg").startswith("data:image/jpeg;base64,")


def test_likelihoods_cannot_be_had_from_a_server_but_thinking_can(server: ChatServer, shown: Any) -> None:
    turns = [shown(1)[0].turns]
    with pytest.raises(ConfigError, match="--mode direct"):
        ask(endpoint(server), turns, mode="ppl", options=[("CAT", "DOG")], max_new_tokens=5)
    (reply,) = ask(endpoint(server), turns, mode="cot", options=[()], max_new_tokens=5)
    assert reply.notes["reasoning"] == "It is CAT." and reply.tokens == 8
    assert [message["role"] for message in server.requests[-1]["messages"]] == ["user", "assistant", "user"]
