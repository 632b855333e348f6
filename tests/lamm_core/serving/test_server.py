"""Keys and who may come in; and `lamm serve` as a process of its own with a real model, asked, left and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.errors import ConfigError
from lamm_core.model.lamm import LammModel
from lamm_core.serving.keys import Keys, read_keys
from lamm_core.serving.server import rules_for

from .conftest import data_url, until

KEY = "key-of-the-process-1"


def test_keys_come_from_the_variable_and_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# who\nfirst-key-1\n\nsecond-key-2\n")
    with pytest.raises(ConfigError, match="chmod 600"):
        file.chmod(0o644)
        read_keys("", file)
    file.chmod(0o600)
    keys = read_keys("third-key-3", file)
    assert all(keys.admit(key) for key in ("first-key-1", "second-key-2", "third-key-3"))
    assert not any(keys.admit(key) for key in ("", "# who", "first-key-", "first-key-12", "\ud800"))
    assert "first" not in repr(keys) + str(vars(keys))


@pytest.mark.parametrize(
    ("variable", "content", "told"), [("short", None, "8"), ("", "\n", "none"), ("", None, "read")]
)
def test_a_key_that_is_none_is_refused(tmp_path: Path, variable: str, content: str | None, told: str) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    with pytest.raises(ConfigError, match=told):
        read_keys(variable, None if variable else file)


def test_a_server_that_others_can_reach_has_a_key_or_says_that_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    options: Any = {"key_file": None, "request_mb": 1}
    monkeypatch.delenv("LAMM_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="no key"):
        rules_for("0.0.0.0", open_to_all=False, **options)
    assert not rules_for("0.0.0.0", open_to_all=True, **options).keys
    assert "localhost" in rules_for("127.0.0.1", open_to_all=False, **options).hosts
    monkeypatch.setenv("LAMM_API_KEY", KEY)
    assert rules_for("0.0.0.0", open_to_all=False, **options).keys.admit(KEY)


def test_knowing_no_key_lets_nobody_pass_for_one() -> None:
    assert not Keys() and not Keys().admit("")


class Process:
    """``lamm serve`` over a folder, with what it said."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "lamm_core", "serve", "--model", str(folder), "--name", "tiny", "--port", "0"]
        environment = {**os.environ, "LAMM_API_KEY": KEY, "LAMM_CACHE": str(log.parent / "cache")}
        with log.open("wb") as file:
            self.running = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        until(lambda: self._started() is not None or self.running.poll() is not None, seconds=240)
        started = self._started()
        assert started, log.read_text()
        self.address = started[1]

    def _started(self) -> re.Match[str] | None:
        return re.search(r"running on (http://127\.0\.0\.1:\d+)", self.log.read_text())

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key=KEY, max_retries=0, timeout=120)

    def load(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.address}/health", timeout=60).json()
        return found


@pytest.fixture(scope="module")
def process(
    tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("served")
    config = LammConfig(
        language_model=str(tiny_lm_folder),
        modalities={
            "image": ModalitySettings(f"hub:{tiny_clip_folder}", lora=LoraSettings(r=4)),
            "pointcloud": ModalitySettings("scene", lora=LoraSettings(r=4)),
        },
    )
    LammModel.build(config, cache=folder / "cache").save_pretrained(folder / "model")
    process = Process(folder / "model", folder / "log.txt")
    yield process
    process.running.kill()
    process.running.wait()


def ask(process: Process, content: Any, **settings: Any) -> Any:
    return process.client().chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": content}], max_tokens=8, **settings
    )


def test_a_real_model_answers_in_a_stream_as_it_does_whole(process: Process, picture: Path) -> None:
    content = [
        {"type": "image_url", "image_url": {"url": data_url(picture.read_bytes())}},
        {"type": "text", "text": "What is in the picture?"},
    ]
    whole = ask(process, content)
    assert whole.usage.completion_tokens == 8 and whole.choices[0].finish_reason == "length"
    chunks = list(ask(process, content, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    # Sixteen patches of the picture are among the tokens read.
    assert whole.usage.prompt_tokens > ask(process, "What is in the picture?").usage.prompt_tokens + 15


def test_a_cloud_in_any_format_is_read(process: Process) -> None:
    points = "\n".join(f"{x / 10} {y / 10} {z / 10}" for x in range(8) for y in range(8) for z in range(4)).encode()
    part = {"url": data_url(points, "text/plain"), "format": "xyz"}
    answer = ask(process, [{"type": "pointcloud_url", "pointcloud_url": part}, {"type": "text", "text": "How many?"}])
    assert answer.usage.prompt_tokens > 20 and answer.usage.completion_tokens >= 1


def test_a_seed_gives_the_same_answer_again_and_a_prompt_too_long_is_told(process: Process) -> None:
    first, second = (ask(process, "Hello?", temperature=1.0, seed=3).choices[0].message.content for _ in range(2))
    assert first == second
    with pytest.raises(openai.BadRequestError) as caught:
        ask(process, "word " * 2000)
    assert caught.value.code == "context_length_exceeded"


def test_what_nobody_waits_for_any_more_leaves_the_engine(process: Process) -> None:
    for _ in range(3):
        stream = process.client().chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "Hello?"}], max_tokens=400, stream=True
        )
        next(stream)
        stream.close()
    until(lambda: process.load()["running"] == process.load()["waiting"] == 0, seconds=120)


def test_curl_asks_with_the_key_and_without_it(process: Process) -> None:
    def curl(*more: str) -> str:
        return subprocess.check_output(["curl", "-s", f"{process.address}/v1/models", *more], text=True, timeout=60)

    assert '"id":"tiny:pointcloud"' in curl("-H", f"Authorization: Bearer {KEY}")
    assert "invalid_api_key" in curl() and "invalid_api_key" in curl("-H", "Authorization: Bearer 12345678")


def test_told_to_end_it_finishes_what_is_under_way_and_its_log_holds_no_key_and_no_words(process: Process) -> None:
    httpx.get(f"{process.address}/v1/models?api_key={KEY}", timeout=60)
    with ThreadPoolExecutor(1) as pool:
        client = process.client()
        stream = client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "Secretword?"}], max_tokens=60, stream=True
        )
        next(stream)
        rest = pool.submit(list, stream)
        process.running.send_signal(signal.SIGTERM)
        chunks = rest.result(timeout=120)
    assert chunks[-1].choices[0].finish_reason in ("length", "stop")
    process.running.wait(timeout=120)
    log = process.log.read_text()
    assert "POST /v1/chat/completions 200" in log and "GET /v1/models 401" in log
    assert KEY not in log and "Secretword" not in log and "Traceback" not in log
