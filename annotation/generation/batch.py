"""The Batch API: requests in files of thousands, at half the price, answered within a day; nothing is sent twice.

Does not know prompts or drafts. Every step is in the journal before the next one: the file is written, the batch has a
number, its answers are kept. A run that was killed between sending a batch and noting its number finds it on the server
by the hash of its file.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import openai

from annotation.generation.asker import most
from annotation.generation.client import ItemFailed, Request
from annotation.generation.journal import Journal
from annotation.generation.openai_client import OpenAIClient, body, reply_of, translated
from annotation.generation.prices import Budget, BudgetSpent, Price
from lamm_core.errors import ClientError

__all__ = ["Batches"]

ENDPOINT = "/v1/chat/completions"
REQUESTS = 5_000  # of one batch; servers take 50,000, and a smaller one is sooner done
BYTES = 90_000_000  # servers take 200 MB
FIRST_POLL_SECONDS = 0.5  # a handful of requests is soon done; the pauses double
ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass
class Batches:
    """Sends requests as batches and waits for them. ``told`` hears how many of how many requests are answered."""

    client: OpenAIClient
    journal: Journal
    budget: Budget
    price: Price
    folder: Path
    requests: int = REQUESTS
    poll_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    told: Callable[[int, int], None] = lambda done, total: None
    _reserved: set[str] = field(default_factory=set)

    def __call__(self, requests: Iterable[Request]) -> dict[str, str]:
        """Answer all requests; those that failed, by key, with the reason. Raises BudgetSpent after those that fit."""
        failed: dict[str, str] = {}
        self._finish(failed)  # what an earlier run sent
        spent: BudgetSpent | None = None
        try:
            self._send(request for request in requests if request.key not in self.journal)
        except BudgetSpent as error:
            spent = error
        self._finish(failed)
        if spent:
            raise spent
        return failed

    def _send(self, requests: Iterable[Request]) -> None:
        lines: list[str] = []
        keys: dict[str, int] = {}
        size = 0
        try:
            for request in requests:
                if request.key in keys:
                    continue
                cost = most(request, self.price, batched=True)
                self.budget.reserve(cost)
                entry = {"custom_id": request.key, "method": "POST", "url": ENDPOINT}
                line = json.dumps({**entry, "body": body(request, self.client.structure)})
                lines.append(line)
                keys[request.key] = cost
                size += len(line)
                if len(lines) >= self.requests or size >= BYTES:
                    self._submit(lines, keys)
                    lines, keys, size = [], {}, 0
        finally:
            if lines:
                self._submit(lines, keys)

    def _submit(self, lines: list[str], keys: dict[str, int]) -> None:
        content = ("\n".join(lines) + "\n").encode()
        part = hashlib.sha256(content).hexdigest()[:24]
        (self.folder / "batches").mkdir(exist_ok=True)
        (self.folder / "batches" / f"{part}.jsonl").write_bytes(content)
        self._reserved.add(part)
        self.journal.batch(part, keys=keys)
        self._create(part)

    def _create(self, part: str) -> None:
        path = self.folder / "batches" / f"{part}.jsonl"
        try:
            with path.open("rb") as file:
                uploaded = self.client.api.files.create(file=file, purpose="batch")
            created = self.client.api.batches.create(
                input_file_id=uploaded.id, endpoint=ENDPOINT, completion_window="24h", metadata={"part": part}
            )
        except openai.APIError as error:
            raise translated(error) from error
        self.journal.batch(part, number=created.id)

    def _finish(self, failed: dict[str, str]) -> None:
        """Wait for every batch that is sent and take its answers."""
        open_ = {part: what for part, what in self.journal.batches().items() if not what.get("taken")}
        for part, what in open_.items():
            if part not in self._reserved:  # of an earlier run: what it may cost is set aside again
                self._reserved.add(part)
                for cost in what["keys"].values():
                    self.budget.settle(-cost, 0)
            if "number" not in what:
                self._find_or_create(part)
        open_ = {part: what for part, what in self.journal.batches().items() if part in open_}
        total = sum(len(what["keys"]) for what in open_.values())
        done, pause = 0, FIRST_POLL_SECONDS
        while open_:
            for part, what in list(open_.items()):
                batch = self._call(partial(self.client.api.batches.retrieve, what["number"]))
                if batch.status in ENDED:
                    failed.update(self._take(part, what["keys"], batch))
                    done += len(what["keys"])
                    del open_[part]
            self.told(done, total)
            if open_:
                self.sleep(pause)
                pause = min(2 * pause, self.poll_seconds)

    def _find_or_create(self, part: str) -> None:
        for batch in self._call(lambda: list(self.client.api.batches.list(limit=100))):
            if (batch.metadata or {}).get("part") == part:
                self.journal.batch(part, number=batch.id)
                return
        self._create(part)

    def _take(self, part: str, keys: dict[str, int], batch: Any) -> dict[str, str]:
        """Keep the answers of a batch that ended; why the others have none."""
        failed: dict[str, str] = {}
        waiting = dict(keys)
        for file in (batch.output_file_id, batch.error_file_id):
            if not file:
                continue
            content = self._call(partial(self.client.api.files.content, file))
            for line in content.text.splitlines():
                entry = json.loads(line)
                key = entry["custom_id"]
                if key not in waiting:
                    continue
                reserved = waiting.pop(key)
                cost, reason = self._keep(key, entry)
                self.budget.settle(reserved, cost)
                if reason:
                    failed[key] = reason
        for key, reserved in waiting.items():
            self.budget.settle(reserved, 0)
            failed[key] = f"the batch ended as {batch.status} without an answer to it"
        self.journal.batch(part, taken=True, status=batch.status)
        return failed

    def _keep(self, key: str, entry: dict[str, Any]) -> tuple[int, str]:
        response = entry.get("response") or {}
        answer = response.get("body") or {}
        if response.get("status_code") != 200:
            said = (answer.get("error") or entry.get("error") or {}).get("message", "no reason given")
            return 0, f"the server answered {response.get('status_code')}: {said}"
        if key in self.journal:
            return 0, ""
        try:
            reply = reply_of(answer, Request((), "", {}))
        except ItemFailed as error:
            return 0, str(error)
        cost = self.price.micros(reply.input_tokens, reply.output_tokens, batched=True)
        self.journal.replied(key, reply, cost)
        return cost, ""

    def _call(self, call: Callable[[], Any]) -> Any:
        """A call that costs nothing, tried again for a while: a batch runs for hours and must outlast a broken line."""
        for attempt in range(8):
            try:
                return call()
            except openai.APIError as error:
                meant = translated(error)
                if not isinstance(meant, ItemFailed) or attempt == 7:
                    raise meant from error
                self.sleep(min(60.0, 2.0**attempt))
        raise ClientError("The server did not answer.")
