"""Runs of ``python -m annotation generate`` from the page: what they would ask and cost, starting, following, stopping.

Does not know how drafts are generated: every run is a process of its own, which goes on when the page closes, and a
folder, which both sides read.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.sources import READERS
from app.reviews.asked import Asked
from app.reviews.desk import Act, Answer
from app.reviews.exchange import Exchange, read_lines
from app.reviews.jobs import Jobs
from app.settings import REPOSITORY
from lamm_core.errors import AnnotationError
from lamm_core.processes import ProcessMark, is_alive, mark_of
from lamm_core.run_files import replace_text

__all__ = ["Generating"]

CLIENTS = {
    "fake": "Stand-in writer: no key, no cost, with mistakes made on purpose",
    "local": "lamm-mini, which looks at the pictures and scans itself: no key, slow",
    "openai": "An OpenAI-compatible server: OPENAI_API_KEY and OPENAI_BASE_URL of this program",
}
_KINDS = {"C1": "daily dialogue", "C2": "factual knowledge", "C3": "detailed description", "C4": "visual tasks"}
_ANSWER_SECONDS = 120
_MOST_LETTERS = 40_000
_WORD = re.compile(r"[A-Za-z0-9._:/-]{1,120}")


class Generating:
    """The acts of generation. ``folder`` keeps the runs."""

    def __init__(self, exchange: Exchange, jobs: Jobs, folder: Path) -> None:
        self._exchange = exchange
        self._jobs = jobs
        self._folder = folder

    @property
    def acts(self) -> Mapping[str, Act]:
        """By name."""
        return {
            "generation": self._generation,
            "plan": self._plan,
            "generate": self._generate,
            "stop_run": self._stop,
            "add_run": self._add,
        }

    def _generation(self, who: str, asked: Asked) -> Answer:
        readers = [
            {
                "name": name,
                "about": reader.about,
                "kinds": list(reader.kinds),
                "files": [f"{one.default}: {one.about}" for one in reader.files],
            }
            for name, reader in READERS.items()
        ]
        folders = sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
        runs = [_run_view(folder) for folder in folders[:30] if folder.is_dir()]
        about = {"readers": readers, "kinds": _KINDS, "clients": CLIENTS, "example": self._exchange.example}
        return {**about, "runs": runs, "jobs": self._jobs.views()}

    def _plan(self, who: str, asked: Asked) -> Answer:
        words = self._words(asked)
        shown = _asked_of_program([*words, "--show"])
        plan = _asked_of_program([*words, "--plan", "--json"])
        try:
            figures = json.loads(plan)
        except ValueError as error:
            raise AnnotationError("The plan could not be read. Try the same on the command line.") from error
        return {"prompt": shown[:_MOST_LETTERS], "plan": figures, "command": _command(words)}

    def _generate(self, who: str, asked: Asked) -> Answer:
        words = self._words(asked)
        folder = self._folder / time.strftime("%Y%m%d-%H%M%S")
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            raise AnnotationError("A run was started this very second. Wait a moment, then start again.") from error
        arguments = [*words, "--out", str(folder)]
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "annotation", "generate", *arguments],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Somebody has to take its end in, or it would seem to run for ever.
        threading.Thread(target=process.wait, daemon=True).start()
        mark = mark_of(process.pid)
        about = {"command": _command(arguments), "process": mark.to_dict() if mark else None, "began_by": who}
        replace_text(folder / "run.json", json.dumps(about))
        return {"run": _run_view(folder)}

    def _stop(self, who: str, asked: Asked) -> Answer:
        folder = self._run(asked)
        mark = _process(folder)
        if mark is None or not is_alive(mark):
            raise AnnotationError("This run is not running any more.")
        os.kill(mark.pid, signal.SIGINT)
        return {"run": _run_view(folder)}

    def _add(self, who: str, asked: Asked) -> Answer:
        folder = self._run(asked)
        file = folder / "drafts.jsonl"
        job = self._jobs.begin(
            f"Adding run {folder.name}", lambda job: self._exchange.add(job, read_lines(file), f"generate, {who}")
        )
        return {"job": job.view()}

    def _run(self, asked: Asked) -> Path:
        name = asked.text("run", most=40)
        folder = self._folder / name
        if not re.fullmatch(r"[0-9-]+", name) or not folder.is_dir():
            raise AnnotationError(f"There is no run {name!r}.")
        return folder

    def _words(self, asked: Asked) -> list[str]:
        """The arguments that a form of the page stands for."""
        reader, client = asked.text("reader", most=60), asked.text("client", most=20)
        kinds = asked.texts("kinds", most=4)
        if reader not in READERS or client not in CLIENTS or not kinds or any(kind not in _KINDS for kind in kinds):
            raise AnnotationError("Choose a source, at least one kind, and who writes.")
        folder = self._exchange.admitted(asked.text("folder"))
        if "," in str(folder):
            raise AnnotationError(f"{folder} has a comma in its name, which the command line cannot read. Rename it.")
        words = ["--source", f"{reader}={folder}", "--client", client]
        for kind in kinds:
            words += ["--kind", kind]
        words += ["--limit", str(asked.whole("limit", low=1, high=1_000_000))]
        words += ["--each", str(asked.whole("each", low=1, high=1_000))]
        model = asked.text("model", most=120).strip()
        if model:
            if not _WORD.fullmatch(model):
                raise AnnotationError(f"{model!r} is no name of a model.")
            words += ["--model", model]
        budget = asked.amount("budget")
        if budget:
            words += ["--budget", f"{budget:g}"]
        return words


def _asked_of_program(words: Sequence[str]) -> str:
    command = [sys.executable, "-m", "annotation", "generate", *words]
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AnnotationError("Looking at the source took over two minutes. Try a smaller folder.") from error
    if done.returncode:
        raise AnnotationError(done.stderr.strip()[-2000:] or f"The command ended with {done.returncode}.")
    return done.stdout


def _command(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(["python", "-m", "annotation", "generate", *words])


def _run_view(folder: Path) -> dict[str, Any]:
    state = _read(folder / "state.json")
    about = _read(folder / "run.json")
    running = is_alive(_process(folder))
    word = state.get("state", "starting" if running else "failed")
    if word in ("running", "waiting", "starting") and not running:
        word = "ended"
    figures = {key: state.get(key) for key in ("drafts", "rejected", "broken", "failed", "spent", "message", "planned")}
    last = "" if word not in ("failed", "ended") else _last_words(folder / "log.txt")
    return {"name": folder.name, "state": word, "running": running, "command": about.get("command", ""), "last": last,
            **figures}  # fmt: skip


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # not written yet
    return values if isinstance(values, dict) else {}


def _last_words(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[-600:]
    except OSError:
        return ""  # the run was started by hand and has no log


def _process(folder: Path) -> ProcessMark | None:
    """The run's process."""
    file = folder / "run.json"
    about = _read(file)
    if isinstance(pid := about.get("pid"), int):  # older versions wrote the number alone, as soon as it had begun
        return ProcessMark.by_clock(pid, file.stat().st_mtime)
    return ProcessMark.from_dict(about.get("process"))
