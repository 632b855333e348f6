"""A small server that stands for the Hub: repositories of files, commits, secrets of Spaces, and how they stand.

Does not know who asks; the real client of huggingface_hub talks to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.server import ThreadingHTTPServer
from typing import Any

from tests.local_http import NONE, Answering, running

__all__ = ["FakeHub", "running_hub"]


class FakeHub(ThreadingHTTPServer):
    """``files`` by repository and path, ``made`` what was asked for at its making, ``stages`` what a Space says."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, Requests)
        self.made: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.set_later: dict[str, str] = {}
        self.commits: list[str] = []
        self.lock = threading.Lock()
        self.stages = ["BUILDING", "APP_STARTING", "RUNNING"]
        self.log = ["one line", "ModuleNotFoundError: No module named 'nothing'"]
        self.refuses = 0  # the status of every answer to what changes something, where it is not 0

    @property
    def head(self) -> str:
        """The hash of the last commit."""
        return f"{len(self.commits):040x}"

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Requests(Answering):
    """The endpoints that making a repository, committing to it, reading it and watching a Space ask."""

    server: FakeHub

    def do_GET(self) -> None:
        if found := re.fullmatch(r"/api/(?:spaces|datasets)/([^/]+/[^/]+)/tree/main.*", self.path):
            files = self.server.files.get(found[1])
            listed = [
                {"type": "file", "path": path, "size": len(body), "oid": "0"} for path, body in (files or {}).items()
            ]
            self.answer(listed, status=200 if files is not None else 404)
        elif found := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/[0-9a-z]+/(.+)", self.path):
            body = self.server.files.get(found[1], {}).get(found[2].split("?")[0])
            self.send(body or b"", "application/octet-stream", status=404 if body is None else 200)
        elif self.path.endswith("/runtime"):
            stages = self.server.stages
            stage = stages.pop(0) if len(stages) > 1 else stages[0]
            self.answer(
                {"stage": stage, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}, "storage": None}
            )
        elif "/logs/" in self.path:
            said = "".join(f"data: {json.dumps({'data': line + chr(10)})}\n\n" for line in self.server.log)
            self.send(said.encode(), "text/event-stream")
        elif found := re.fullmatch(r"/api/(?:spaces|datasets)/([^/]+/[^/]+)(?:/revision/main)?(?:\?.*)?", self.path):
            files = self.server.files.get(found[1])
            siblings = [{"rfilename": path} for path in files or {}]
            self.answer(
                {"id": found[1], "sha": self.server.head, "siblings": siblings}, status=404 if files is None else 200
            )
        else:
            self.answer({"error": self.path}, status=404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.refuses:
            self.answer({"error": "no"}, status=self.server.refuses)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if name in self.server.made:
                self.answer({"error": "You already created this repo", "url": f"/{name}"}, status=409)
                return
            self.server.made[name] = asked
            self.server.files[name] = {}
            self.answer({"url": f"{self.server.address}/spaces/{name}", "id": name, "name": name})
        elif self.path.endswith(("/secrets", "/variables")):
            asked = json.loads(body)
            self.server.set_later[asked["key"]] = asked["value"]
            self.answer({asked["key"]: {"value": asked["value"]}})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            wanted = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
            self.answer({"files": wanted})
        elif found := re.match(r"/api/(?:spaces|datasets)/([^/]+/[^/]+)/commit/", self.path):
            self._commit(found[1], body)
        else:
            self.answer({"error": self.path}, status=404)

    def _commit(self, name: str, body: bytes) -> None:
        entries = [json.loads(line) for line in body.decode().splitlines()]
        parent = next(entry["value"].get("parentCommit") for entry in entries if entry["key"] == "header")
        with self.server.lock:
            if parent not in (None, self.server.head):
                self.answer({"error": "the parent is not the last commit"}, status=412)
                return
            self._apply(self.server.files.setdefault(name, {}), entries)
        url = f"{self.server.address}/{name}/commit/{self.server.head}"
        self.answer({"success": True, "commitOid": self.server.head, "commitUrl": url, "hookOutput": ""})

    def _apply(self, files: dict[str, bytes], entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["key"] == "header":
                self.server.commits.append(entry["value"]["summary"])
            elif entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "deletedFile":
                files.pop(entry["value"]["path"], None)

    def send(self, body: bytes, kind: str, *, status: int = 200, headers: Mapping[str, str] = NONE) -> None:
        """Bytes of a content type, with their hash and the last commit's."""
        tag = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": self.server.head}
        super().send(body, kind, status=status, headers={**tag, **headers})


def running_hub() -> AbstractContextManager[FakeHub]:
    """The server while the block lasts."""
    return running(FakeHub())
