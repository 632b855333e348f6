"""Small real parts: a folder of pictures with boxes, a client that answers from a list, a server that is none.

Does not know what the tests look at.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from annotation.fake.server import FakeServer, Faults, serving
from annotation.generation.asker import Asker
from annotation.generation.client import Reply, Request
from annotation.generation.journal import Journal
from annotation.generation.openai_client import OpenAIClient
from annotation.generation.prices import Budget, Price

WORDS = ("dog", "cat", "cup", "car", "person", "bench", "kite", "bird")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures in COCO's format, each with two to four boxes of several kinds."""
    folder = tmp_path / "pictures"
    (folder / "images").mkdir(parents=True)
    images, notes = [], []
    for number in range(12):
        Image.new("RGB", (100, 50), (number * 20, 90, 60)).save(folder / "images" / f"{number}.jpg")
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 50})
        for index in range(2 + number % 3):
            box = [5 + 22 * index, 4 + 2 * index, 20, 30]
            label = 1 + (number + index) % len(WORDS)
            notes.append({"id": len(notes), "image_id": number, "category_id": label, "bbox": box, "iscrowd": 0})
    categories = [{"id": index + 1, "name": word} for index, word in enumerate(WORDS)]
    content = {"images": images, "annotations": notes, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture
def source(pictures: Path) -> str:
    """The pictures as ``--source`` takes them."""
    return f"coco-detection={pictures},instances=instances.json,images=images"


class Scripted:
    """A client that gives one reply or error after the other, the last one for ever."""

    name = "scripted"

    def __init__(self, *said: Reply | Exception) -> None:
        self.said = list(said)
        self.asked: list[Request] = []
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        with self._lock:
            self.asked.append(request)
            answer = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "run" / "journal.jsonl")
    yield opened
    opened.close()


@pytest.fixture
def asker(journal: Journal) -> Callable[..., Asker]:
    """An asker that does not sleep, at a price of a millionth a token."""

    def make(client: object, *, budget: int | None = None, attempts: int = 6) -> Asker:
        limits = Budget(budget, spent=journal.spent)
        price = Price(1.0, 1.0)
        return Asker(client, journal, limits, price, attempts=attempts, sleep=lambda _: None)  # type: ignore[arg-type]

    return make


@pytest.fixture
def server() -> Iterator[Callable[..., FakeServer]]:
    """Starts fake servers; all are stopped at the end."""
    running = []

    def start(faults: Faults | None = None, *, idempotent: bool = True) -> FakeServer:
        block = serving(faults, idempotent=idempotent)
        running.append(block)
        return block.__enter__()

    yield start
    for block in running:
        block.__exit__(None, None, None)


@pytest.fixture
def client_of() -> Iterator[Callable[..., OpenAIClient]]:
    """The real openai client of a server."""
    made: list[OpenAIClient] = []

    def make(server: FakeServer, **options: object) -> OpenAIClient:
        made.append(OpenAIClient(api_key="key", base_url=server.url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
