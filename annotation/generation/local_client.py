"""The client of our own model: a process of its own (``lamm answer``) that looks at each picture or scan and is asked.

Does not know models; nothing here imports torch. A small model cannot write conversations about notes it is given, but
it can answer questions about what it sees. So each request's questions are put to it with the medium, and what it says
is put into the shape. The templates of C4 are our own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from annotation.generation.client import ItemFailed, Reply, Request, rough_tokens
from annotation.generation.own_templates import own_templates
from lamm_core.errors import ClientError

__all__ = ["LocalClient"]

MOST_TOKENS = 120  # of one answer


class LocalClient:
    """Starts the process at the first request; requests are answered one at a time, as there is one model."""

    def __init__(self, model: str, *, command: Sequence[str] | None = None) -> None:
        self.name = f"local {model}"
        self.model = model
        self._command = [*(command or (sys.executable, "-m", "lamm_core", "answer")), "--model", model]
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """The reply. Raises ItemFailed where the medium cannot be used, ClientError where the process ended."""
        if request.shape == "Templates":
            return self._reply(json.dumps(own_templates(request.messages[-1].content)), request, 0)
        if not request.questions or not request.media:
            raise ItemFailed("A model that sees needs a medium and questions, and this request has none.")
        media = [{"modality": medium.modality, "path": str(medium.path)} for medium in request.media]
        rounds: list[dict[str, str]] = []
        tokens = 0
        for question in request.questions:
            # Each question is a conversation of its own: what a small model said before leads it astray.
            turn = {"role": "user", "text": question, "media": media}
            said = self._ask({"turns": [turn], "max_tokens": MOST_TOKENS})
            tokens += int(said["prompt_tokens"])
            rounds.append({"question": question, "answer": said["answer"]})
        if request.shape == "Description":
            value: dict[str, Any] = {"instruction": rounds[0]["question"], "description": rounds[0]["answer"]}
        else:
            value = {"rounds": rounds}
        return self._reply(json.dumps(value), request, tokens)

    def _reply(self, text: str, request: Request, tokens: int) -> Reply:
        return Reply(text, "stop", tokens or request.rough_input, rough_tokens(text), self.model, fingerprint="local")

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            process = self._running()
            assert process.stdin and process.stdout
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError):
                line = ""
            if not line:
                self.close()
                raise ClientError(f"The model {self.model} stopped answering; its messages are above.")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise ItemFailed(said["error"])
        return said

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            try:
                # Its messages go where ours go: loading weights takes a while and says so.
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
                )
            except OSError as error:
                raise ClientError(f"{self._command[0]} cannot be started: {error}.") from error
        return self._process

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            try:
                process.stdin.close()
            except OSError:
                process.kill()  # it is gone, with our last words unread
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
