"""A small server that stands for the Hugging Face Hub: takes what is pushed, and gives it back.

Does not know tokens; `refuses` makes it say no. Requests are those that the real client makes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from contextlib import AbstractContextManager
from http.server import ThreadingHTTPServer
from urllib.parse import unquote

from tests.local_http import Answering, running

__all__ = ["Hub", "serving"]

COMMIT = "1" * 40


class Hub(ThreadingHTTPServer):
    """One repository, team/dogs: what was created, the files of the last commit, and what was asked for by bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.created: list[dict[str, object]] = []
        self.files: dict[str, bytes] = {}
        self.message = ""
        self.tokens: set[str] = set()
        self.bytes_given = 0
        self.refuses = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Requests(Answering):
    """The endpoints that creating a data set and committing to it ask."""

    server: Hub

    def do_GET(self) -> None:
        """What is there, and files as a whole or a range of them."""
        files = self.server.files
        if "/resolve/" in self.path:
            return self._file(unquote(self.path.split("?")[0].split("/resolve/")[1].split("/", 1)[1]))
        if not files:
            return self.answer(
                {"siblings": [], "id": "team/dogs", "sha": "0" * 40}, status=200 if "/revision/" in self.path else 404
            )
        if "/tree/" in self.path:
            return self.answer(self._tree(unquote(self.path.split("?")[0].split("/tree/")[1]).partition("/")[2]))
        names = [{"rfilename": name} for name in files]
        return self.answer({"siblings": names, "id": "team/dogs", "sha": COMMIT, "private": False, "gated": False})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Create, say how files are wanted, take a commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.tokens.add((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        if self.server.refuses:
            self.answer({"error": "no"}, status=403)
        elif self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.server.address}/datasets/team/dogs", "id": "team/dogs"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/paths-info/" in self.path:
            asked = re.findall(r"paths=([^&]*)", body.decode()) or json.loads(body).get("paths", [])
            self.answer([self._entry(unquote(name)) for name in asked if unquote(name) in self.server.files])
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self.answer(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
            )
        elif "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "header":
                    self.server.message = entry["value"]["summary"]
                elif entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"{self.server.address}/datasets/team/dogs/commit/{COMMIT}"
            self.answer({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})
        else:
            self.answer({"error": self.path}, status=404)

    def _tree(self, folder: str) -> list[dict[str, object]]:
        """What lies in a folder, or anywhere below it where that is asked for."""
        below = {name: name.removeprefix(f"{folder}/" if folder else "") for name in self.server.files}
        below = {name: rest for name, rest in below.items() if not folder or rest != name}
        if "recursive=true" in self.path.lower():
            return [self._entry(name) for name in below]
        folders = {name[: len(name) - len(rest)] + rest.split("/")[0] for name, rest in below.items() if "/" in rest}
        inside = [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in sorted(folders)]
        return inside + [self._entry(name) for name, rest in below.items() if "/" not in rest]

    def _entry(self, name: str) -> dict[str, object]:
        content = self.server.files[name]
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _file(self, name: str) -> None:
        content = self.server.files.get(name)
        if content is None:
            return self.answer({"error": "Entry not found"}, status=404, headers={"X-Error-Code": "EntryNotFound"})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first, last = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
        piece = content[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.server.bytes_given += len(piece)
            self.wfile.write(piece)


def serving() -> AbstractContextManager[Hub]:
    """The hub, until the block ends."""
    return running(Hub())
