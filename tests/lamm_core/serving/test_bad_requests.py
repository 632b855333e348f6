"""Every request that cannot be answered is refused in OpenAI's shape, says what to do, and leaves the server well."""

from __future__ import annotations

import io
import json
import socket
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from lamm_core.errors import ConfigError, MediaError, PromptTooLongError
from lamm_core.serving import gate
from lamm_core.serving.gate import Rules

from .conftest import HeldEngine, data_url, served

PLAIN: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "Hello?"}]}
HELLO = PLAIN["messages"]


def png_bomb() -> bytes:
    """A PNG of 250 bytes that promises 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def npz_bomb() -> bytes:
    """An NPZ of a few kilobytes whose array says that it holds eight billion points."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (8_000_000_000, 3)}
    )  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", head.getvalue() + bytes(1_000_000))
    return packed.getvalue()


def pickled_npy() -> bytes:
    """An NPY of Python objects, which NumPy would unpickle where it is told to."""
    packed = io.BytesIO()
    np.save(packed, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return packed.getvalue()


def post(address: str, body: Any = None, *, content: bytes | None = None, **headers: str) -> httpx.Response:
    sent = json.dumps(body).encode() if content is None else content
    return httpx.post(
        f"{address}/v1/chat/completions",
        content=sent,
        headers={"Content-Type": "application/json", **headers},
        timeout=60,
    )


def refused(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error of a response, looked at."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and len(error["message"]) > 15
    assert "Traceback" not in error["message"] and "/tmp" not in error["message"]
    return error


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello?"}, "messages"),
        ({"messages": [{"role": "robot", "content": "Hello?"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, "image_url"),
        ({"model": 5}, "model"),
        ({"model": None}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, None),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"seed": 2**70}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, None),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"max_token": 5}, "max_token"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_named(
    address: str, engine: HeldEngine, change: dict[str, Any], param: str | None
) -> None:
    error = refused(post(address, PLAIN | change))
    assert param is None or param in (error["param"] or "")
    assert engine.asked == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"model": ' + b"9" * 5000 + b"}",
     json.dumps(PLAIN).replace("Hello?", "\\ud800").encode()],
    ids=["empty", "half", "list", "null", "text", "binary", "deep", "long number", "surrogate"],
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(address: str, engine: HeldEngine, content: bytes) -> None:
    refused(post(address, content=content))


def test_not_a_number_is_refused(address: str, engine: HeldEngine) -> None:
    for number in (float("nan"), float("inf")):
        refused(post(address, PLAIN | {"temperature": number}))


def test_an_unknown_model_is_404_with_the_nearest_name(address: str, engine: HeldEngine) -> None:
    error = refused(post(address, PLAIN | {"model": "tinny"}), 404)
    assert error["code"] == "model_not_found" and "'tiny'" in error["message"]
    refused(httpx.get(f"{address}/v1/models/tiny:nothing"), 404)
    refused(httpx.get(f"{address}/v1/chat"), 404)
    refused(httpx.get(f"{address}/v1/chat/completions"), 405)


def picture(url: str) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


def cloud(url: str, **more: str) -> Any:
    return {"type": "pointcloud_url", "pointcloud_url": {"url": url, **more}}


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (picture("data:image/png;base64,iVBORw0KGg"), "base64"),
        (picture("data:image/png;base64,%%%%"), "base64"),
        (picture("data:image/png,abc"), "data URL"),
        (picture("data:"), "data URL"),
        (picture(data_url(b"hello", "text/plain")), "image/"),
        (picture(data_url(b"hello", "image/png")), "not a picture but text"),
        (picture(data_url(b"", "image/png")), "empty"),
        (picture(data_url(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml")), "text"),
        (picture(data_url(png_bomb())), "pixels"),
        (picture(data_url(png_bomb()[:30])), "unknown"),
        (cloud(data_url(b"hello", "image/png")), "pointcloud_url takes"),
        (cloud(data_url(b"ply\nformat ascii 1.0\n", "application/octet-stream")), "cut short"),
        (cloud(data_url(b"x y z", "application/octet-stream")), "pointcloud-1"),
        (cloud(data_url(npz_bomb(), "application/octet-stream")), "pointcloud-1"),
        (cloud(data_url(pickled_npy(), "application/octet-stream")), "never unpickled"),
        (cloud(data_url(b"0 0 0", "application/octet-stream"), format="findings"), "format"),
        (cloud(data_url(b"0 0 0", "application/octet-stream"), format="../../x"), "format"),
        (picture("https://images.example.org/cat.png"), "fetches nothing"),
        (picture("file:///etc/passwd"), "fetches nothing"),
        (picture("/etc/passwd"), "fetches nothing"),
    ],
)
def test_a_medium_that_cannot_be_used_is_named_with_its_place(
    address: str, engine: HeldEngine, part: Any, told: str
) -> None:
    error = refused(post(address, PLAIN | {"messages": [{"role": "user", "content": [part]}]}))
    assert told in error["message"], error
    assert error["param"].startswith("messages[0].content[0]") and engine.asked == []


def test_media_of_others_than_the_user_and_marks_of_ours_are_refused(
    address: str, engine: HeldEngine, picture_url: str
) -> None:
    shown = [{"role": "system", "content": [picture(picture_url)]}, *HELLO]
    assert "only a user" in refused(post(address, PLAIN | {"messages": shown}))["message"]
    marked = [{"role": "user", "content": [{"type": "text", "text": "<image>"}, picture(picture_url)]}]
    assert "<image>" in refused(post(address, PLAIN | {"messages": marked}))["message"]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (PromptTooLongError(900, 512), "context_length_exceeded"),
        (MediaError("image-1 is no picture; send one."), "invalid_media"),
        (ConfigError("There is no adapter 'x'. Name another."), "invalid_request"),
    ],
)
def test_what_the_engine_refuses_is_told_in_its_words(
    address: str, engine: HeldEngine, broken: Exception, code: str
) -> None:
    engine.broken = broken
    for stream in (False, True):
        error = refused(post(address, PLAIN | {"stream": stream}))
        assert (error["code"], error["message"]) == (code, str(broken))


def test_a_huge_body_is_refused_by_its_promise_and_by_its_bytes(engine: HeldEngine) -> None:
    def endless() -> Any:
        for _ in range(40):
            yield b" " * 100_000

    with served(HeldEngine(), rules=Rules(body_bytes=1_000_000)) as address:
        assert "1 MB" in refused(post(address, content=b" " * 1_000_001), 413)["message"]
        try:
            response = httpx.post(
                f"{address}/v1/chat/completions", content=endless(), headers={"Content-Type": "application/json"}
            )
        except (httpx.WriteError, httpx.ReadError):  # hung up on while still sending
            pass
        else:
            refused(response, 413)
        assert post(address, PLAIN).status_code == 200


def test_a_body_that_does_not_end_is_given_up(
    address: str, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.2)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        slow.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")


def test_only_plain_json_is_read(address: str, engine: HeldEngine) -> None:
    refused(httpx.post(f"{address}/v1/chat/completions", content=b"{}"), 415)
    refused(post(address, content=zlib.compress(b"{}"), **{"Content-Encoding": "deflate"}), 415)


def test_the_server_is_well_afterwards(address: str, engine: HeldEngine, picture_url: str) -> None:
    content = [picture(picture_url), {"type": "text", "text": "What?"}]
    assert post(address, PLAIN | {"messages": [{"role": "user", "content": content}]}).status_code == 200
    left = list(Path(engine.asked[0][0][0].media[0].path).parent.parent.iterdir())
    assert left == [] or not engine.asked[0][0][0].media[0].path.exists()
