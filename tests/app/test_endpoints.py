"""The page over the wire: typed endpoints, streaming, and what is refused to a raw call."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from app.scripted import ScriptedEngine
from app.services import Services
from app.ui import build_ui, launch_options


@pytest.fixture(scope="module")
def address(served: Services) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(served.settings.uploads))
        page = build_ui(served).queue()
        options = {**launch_options(served), "server_port": None}
        _, url, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
        yield url
        page.close()


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "dog.png"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), "teal").save(path)
    return path


def test_a_program_asks_about_a_picture_and_reads_the_answer_as_it_grows(address: str, picture_file: Path) -> None:
    client = Client(address, verbose=False)
    job = client.submit([handle_file(str(picture_file))], "Where is the dog?", api_name="/chat")
    last = job.result(timeout=30)
    assert last["answer"] == "There is a dog at [0.10, 0.20, 0.50, 0.90]; left eye [0.30, 0.40]."
    assert last["boxes"] == [{"label": "dog", "place": [0.1, 0.2, 0.5, 0.9]}]
    assert last["points"] == [{"label": "left eye", "place": [0.3, 0.4]}]
    assert last["finished"] and last["error"] == "" and last["tokens"] == 13 and last["model"] == "tiny"
    assert len(job.outputs()) > 1 and not job.outputs()[0]["finished"]


def test_models_are_listed_with_their_adapters(address: str) -> None:
    assert Client(address, verbose=False).predict(api_name="/models") == [
        {"name": "tiny", "adapters": ["image"], "phase": "ready"},
        # the shipped one is always there
        {"name": "lamm-mini", "adapters": ["image", "pointcloud"], "phase": "not loaded"},
    ]


def test_only_three_endpoints_are_public_and_those_that_answer_are_typed_and_described(address: str) -> None:
    info = json.load(urllib.request.urlopen(f"{address}gradio_api/info"))
    assert set(info["named_endpoints"]) == {"/chat", "/chat3d", "/models"} and not info["unnamed_endpoints"]
    chat = info["named_endpoints"]["/chat"]
    assert [parameter["parameter_name"] for parameter in chat["parameters"]] == [
        "images", "question", "temperature", "top_p", "max_new_tokens", "adapter",
    ]  # fmt: skip
    for name in ("/chat", "/chat3d"):
        asked = info["named_endpoints"][name]
        assert asked["parameters"] and all(parameter["type"] for parameter in asked["parameters"])
        assert "boxes" in json.dumps(asked["returns"]) and asked["description"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], "x", -1.0), "temperature"),
        (([], "x", 0.0, 0.0), "top_p"),
        (([], "x", 0.0, 1.0, 0), "max_new_tokens"),
        (("no list", "x"), "images"),
        (([], ""), "question"),
    ],
)
def test_wrong_arguments_are_answered_in_words(address: str, arguments: tuple[object, ...], words: str) -> None:
    reply = Client(address, verbose=False).predict(*arguments, api_name="/chat")
    assert words in reply["error"] and reply["answer"] == ""


def test_a_raw_call_reaches_no_file_outside_the_uploads(
    address: str, served_engine: ScriptedEngine, picture_file: Path
) -> None:
    for path in (str(picture_file), "/etc/passwd"):
        body = {"data": [[{"path": path, "meta": {"_type": "gradio.FileData"}}], "What is this?", 0, 1, 8, "automatic"]}
        assert "event: error" in call(address, "chat", body)
    assert all("What is this?" not in turn.text for turns in served_engine.asked for turn in turns)


def test_files_of_the_machine_are_not_served(address: str, picture_file: Path) -> None:
    for path in ("/etc/passwd", str(picture_file), str(Path(__file__))):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}gradio_api/file={path}")
        assert refused.value.code == 403


def test_a_call_leaves_no_files_behind(address: str, picture_file: Path, served: Services) -> None:
    Client(address, verbose=False).predict([handle_file(str(picture_file))], "hello", api_name="/chat")
    assert [path for path in served.settings.sessions.glob("*/*") if path.is_dir()] == []


def call(address: str, name: str, body: object) -> str:
    """A plain HTTP call, as anybody may make it."""
    request = urllib.request.Request(
        f"{address}gradio_api/call/{name}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    event = json.load(urllib.request.urlopen(request))["event_id"]
    answered: str = urllib.request.urlopen(f"{address}gradio_api/call/{name}/{event}", timeout=30).read().decode()
    return answered
