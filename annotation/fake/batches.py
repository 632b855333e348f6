"""Files and batches of the fake server.

Does not know HTTP beyond the form of an upload. A batch is worked off when it is looked at for the second time: in
between it is under way, as a real one is for hours.
"""

from __future__ import annotations

import json
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

from annotation.fake.completions import Completions, Mishap

__all__ = ["Batches"]

PAGE = 20


class Batches:
    """Keeps uploads in memory and works batches off by the server's completions."""

    def __init__(self, completions: Completions) -> None:
        self._completions = completions
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._looks: dict[str, int] = {}
        self._lock = threading.Lock()

    def upload(self, kind: str, content: bytes) -> dict[str, Any]:
        """Take a multipart upload."""
        message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
        fields = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        file = fields["file"]
        return self._store(bytes(file.get_payload(decode=True)), str(file.get_filename()), "batch")

    def _store(self, content: bytes, name: str, purpose: str) -> dict[str, Any]:
        with self._lock:
            identity = f"file-{len(self._files) + 1}"
            entry = {
                "id": identity, "object": "file", "bytes": len(content), "created_at": int(time.time()),
                "filename": name, "purpose": purpose, "status": "processed",
            }  # fmt: skip
            self._files[identity] = (entry, content)
        return entry

    def file(self, identity: str) -> dict[str, Any]:
        """What is known of a file."""
        return self._found(self._files, identity)[0]

    def content(self, identity: str) -> bytes:
        """The bytes of a file."""
        return self._found(self._files, identity)[1]

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a batch on."""
        self._found(self._files, body["input_file_id"])
        with self._lock:
            identity = f"batch_{len(self._batches) + 1}"
            self._batches[identity] = {
                "id": identity, "object": "batch", "endpoint": body["endpoint"], "errors": None,
                "input_file_id": body["input_file_id"], "completion_window": body["completion_window"],
                "status": "validating", "output_file_id": None, "error_file_id": None,
                "created_at": int(time.time()), "request_counts": {"total": 0, "completed": 0, "failed": 0},
                "metadata": body.get("metadata"),
            }  # fmt: skip
        return self._batches[identity]

    def retrieve(self, identity: str) -> dict[str, Any]:
        """How a batch stands."""
        batch = self._found(self._batches, identity)
        with self._lock:
            self._looks[identity] = self._looks.get(identity, 0) + 1
            due = self._looks[identity] >= 2 and batch["status"] in ("validating", "in_progress")
            batch["status"] = "in_progress" if batch["status"] == "validating" else batch["status"]
        if due:
            self._work(batch)
        return batch

    def listed(self, query: str) -> dict[str, Any]:
        """A page of batches, the newest first."""
        after = parse_qs(query).get("after", [""])[0]
        newest = list(reversed(self._batches.values()))
        start = next((index + 1 for index, one in enumerate(newest) if one["id"] == after), 0)
        page = newest[start : start + PAGE]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return {"object": "list", "data": page, "has_more": start + PAGE < len(newest), **ends}

    def _work(self, batch: dict[str, Any]) -> None:
        done: list[str] = []
        failed: list[str] = []
        for line in self.content(batch["input_file_id"]).decode().splitlines():
            entry = json.loads(line)
            name = entry["custom_id"]
            try:
                body: Any = self._completions.answer(entry["body"], key=name)
                status, kept = 200, done
            except Mishap as mishap:
                body, status, kept = mishap.body, mishap.status, failed
            response = {"status_code": status, "request_id": f"req-{name}", "body": body}
            kept.append(json.dumps({"id": f"r-{name}", "custom_id": name, "response": response, "error": None}))
        for field, lines in (("output_file_id", done), ("error_file_id", failed)):
            if lines:
                batch[field] = self._store("\n".join(lines).encode() + b"\n", f"{field}.jsonl", "batch_output")["id"]
        counts = {"total": len(done) + len(failed), "completed": len(done), "failed": len(failed)}
        batch.update(status="completed", request_counts=counts, completed_at=int(time.time()))

    @staticmethod
    def _found(entries: dict[str, Any], identity: str) -> Any:
        if identity not in entries:
            raise Mishap(404, f"There is no {identity}.", code="not_found")
        return entries[identity]
