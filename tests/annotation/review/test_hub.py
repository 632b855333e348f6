"""Pushing an export: real requests of the real client to a small server that stands for the Hub."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from annotation.review.export import export
from annotation.review.filters import Filter
from annotation.review.hub import push
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.errors import AnnotationError


class Hub(ThreadingHTTPServer):
    """Takes data sets: what was created, and the files of the last commit."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.created: list[dict[str, object]] = []
        self.files: dict[str, bytes] = {}
        self.message = ""
        self.refuses = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Requests(BaseHTTPRequestHandler):
    """The endpoints that creating a data set and committing to it ask."""

    server: Hub

    def do_GET(self) -> None:
        """What is there: nothing yet."""
        self._answer(
            {"siblings": [], "id": "team/dogs", "sha": "0" * 40}, status=200 if "/revision/" in self.path else 404
        )

    def do_POST(self) -> None:
        """Create, say how files are wanted, take a commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.refuses:
            self._answer({"error": "no"}, status=403)
        elif self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self._answer({"url": f"{self.server.address}/datasets/team/dogs", "id": "team/dogs"})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self._answer(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
            )
        elif "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "header":
                    self.server.message = entry["value"]["summary"]
                elif entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"{self.server.address}/datasets/team/dogs/commit/{'1' * 40}"
            self._answer({"success": True, "commitOid": "1" * 40, "commitUrl": url, "hookOutput": ""})
        else:
            self._answer({"error": self.path}, status=404)

    def _answer(self, value: object, *, status: int = 200) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # The suite switches the hub off; this one is on this machine.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["sqlite"])
def url(tmp_path: Path) -> str:
    """What is pushed does not depend on the database."""
    return f"sqlite:///{tmp_path}/reviews.db"


@pytest.fixture
def exported(new_store: Callable[..., ReviewStore], draft: Callable[..., Draft], tmp_path: Path) -> Path:
    """A small data set of conversations without media."""
    store = new_store()
    bare = (Draft("C1", "coco", tuple(type(turn)(turn.role, turn.text) for turn in draft(n).turns)) for n in range(4))
    store.add_drafts(bare, actor="generator")
    store.accept_all("ann", Filter(), event=store.head())
    export(store, tmp_path / "out", form="datasets", held_apart=0.0)
    return tmp_path / "out"


def test_every_file_of_the_export_arrives(hub: Hub, exported: Path) -> None:
    address = push(exported, "team/dogs", endpoint=hub.address, token="hf_test")
    assert address.endswith("1" * 40)
    there = {path.relative_to(exported).as_posix(): path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    assert hub.files == there
    assert "manifest.json" in there and "data/train-00000.parquet" in there


def test_a_new_data_set_is_private(hub: Hub, exported: Path) -> None:
    push(exported, "team/dogs", endpoint=hub.address, token="hf_test")
    (made,) = hub.created
    assert (made["type"], made.get("visibility", "private" if made.get("private") else "public")) == (
        "dataset",
        "private",
    )


def test_a_refusal_says_what_to_do(hub: Hub, exported: Path) -> None:
    hub.refuses = True
    with pytest.raises(AnnotationError, match="hf auth login"):
        push(exported, "team/dogs", endpoint=hub.address, token="hf_test")


def test_a_hub_that_is_not_there_is_said(hub: Hub, exported: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(AnnotationError, match="could not be reached"):
        push(exported, "team/dogs", endpoint=hub.address, token="hf_test")
