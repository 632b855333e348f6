"""The page's services over an engine that speaks from a script.

Does not know what is tested.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.chat import ChatService
from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.settings import Settings

SCRIPTS = {
    "Where": "There is a dog at [0.10, 0.20, 0.50, 0.90]; left eye [0.30, 0.40].",
    "left?": "It is the orange cup [obj3].",
    "long": " ".join(f"word{number}" for number in range(500)),
}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(SCRIPTS, context_tokens=600)


@pytest.fixture
def services(tmp_path: Path, engine: ScriptedEngine) -> Services:
    return scripted_services(tmp_path, engine)


@pytest.fixture
def settings(services: Services) -> Settings:
    return services.settings


@pytest.fixture(scope="module")
def served_engine() -> ScriptedEngine:
    return ScriptedEngine(SCRIPTS, context_tokens=600)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, served_engine: ScriptedEngine) -> Services:
    """As `services`, for the tests of one module that share a running page."""
    return scripted_services(tmp_path_factory.mktemp("served"), served_engine)


@pytest.fixture
def chat(services: Services) -> ChatService:
    return services.chat


@pytest.fixture
def uploaded(tmp_path: Path) -> Callable[..., Path]:
    """Puts a file where Gradio would put an upload."""

    def put(name: str, picture: Image.Image | None = None, *, content: bytes | None = None, **options: object) -> Path:
        path = tmp_path / "uploads" / "0123" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
        else:
            (picture or Image.new("RGB", (40, 30), "teal")).save(path, **options)
        return path

    return put


@pytest.fixture
def bomb() -> bytes:
    """A PNG of 250 bytes that promises 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
