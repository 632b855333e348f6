"""What a run tells the outside: state.json, events.jsonl, answers.jsonl and dropped.jsonl, and its checkpoints.

Does not know who reads them. `state.json` is replaced whole, and a failed run's says why and of which kind the failure
is; `events.jsonl` has one line for each step with step, loss, learning_rate, grad_norm, tokens_per_second,
samples_per_second, data_wait_share, seconds and, where it was measured, eval_loss; `dropped.jsonl` lists each sample
that was left out and why. ``answers.jsonl`` holds answers to the same few samples at each evaluation. The numbers of
`events.jsonl` also stand in a file that TensorBoard reads.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from lamm_core.errors import LammError
from lamm_core.processes import mark_of
from lamm_core.run_files import STATE, json_lines, replace_text
from lamm_core.training.failures import kind_of
from lamm_core.training.tensorboard import EventFile

__all__ = [
    "ANSWERS",
    "BOARD",
    "CHECKPOINTS",
    "DROPPED",
    "EVENTS",
    "STATE",
    "TRAINING",
    "RunFiles",
    "State",
    "list_checkpoints",
    "newest_step",
    "read_answers",
    "read_dropped",
    "read_events",
    "read_state",
    "reset_state",
]

EVENTS = "events.jsonl"
ANSWERS = "answers.jsonl"
DROPPED = "dropped.jsonl"
CHECKPOINTS = "checkpoints"
BOARD = "tensorboard"  # folder in a run's, for `tensorboard --logdir`
TRAINING = "training.pt"  # in the folder of a checkpoint that is whole
State = Literal["preparing", "running", "stopped", "failed", "done"]


class RunFiles:
    """Writes a run's files. Only one process of a run may have one with ``active`` set."""

    def __init__(self, folder: Path, *, active: bool = True, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.active = active
        self._clock = clock
        self._board: EventFile | None = None
        mark = mark_of()
        self._process = {} if mark is None else {"process": mark.to_dict()}
        if active:
            folder.mkdir(parents=True, exist_ok=True)

    def state(
        self,
        state: State,
        *,
        step: int = 0,
        total_steps: int = 0,
        reason: str = "",
        kind: str = "",
        doing: str = "",
    ) -> None:
        """Say how the run stands; ``reason`` and ``kind`` belong to a failure, ``doing`` to the time before step 1."""
        values: dict[str, Any] = {"state": state, "pid": os.getpid(), "step": step, "total_steps": total_steps}
        if reason:
            values |= {"reason": reason, "kind": kind}
        if doing:
            values |= {"doing": doing}
        self._replace(STATE, json.dumps(values | self._process | {"updated": self._clock()}) + "\n")

    def failed(self, error: BaseException) -> None:
        """Say that the run failed, how far it had come, and why; where the disk refuses that too, the error says so."""
        reason = str(error) if isinstance(error, LammError) else f"{type(error).__name__}: {error}"
        if isinstance(error, KeyboardInterrupt):
            reason = "It was interrupted before it had saved."
        try:
            before = read_state(self.folder)
            step, total = int(before.get("step", 0)), int(before.get("total_steps", 0))
            self.state("failed", step=step, total_steps=total, reason=reason, kind=kind_of(error))
        except OSError as refused:
            error.add_note(f"{self.folder / STATE} could not be written: {refused.strerror}")

    def event(self, values: Mapping[str, Any]) -> None:
        """Append one line about a step, and its numbers to the file for TensorBoard."""
        if not self.active:
            return
        if self._board is None:
            self._board = EventFile(self.folder / BOARD, read_events(self.folder), clock=self._clock)
        self._append(EVENTS, values)
        self._board.add(values)

    def rewind(self, step: int, *, stream: str | None = None) -> None:
        """Forget the events after ``step``: the run goes on from a checkpoint and writes them again.

        Where a run trains several streams one after the other, those of ``stream`` alone.
        """
        self._board = None  # begun anew with what is kept
        for name, read in ((EVENTS, read_events), (ANSWERS, read_answers)):
            if name == EVENTS or (self.folder / name).exists():
                kept = [one for one in read(self.folder) if one["step"] <= step or one.get("stream") != stream]
                self._replace(name, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept))

    def dropped(self, reasons: Mapping[str, str]) -> None:
        """List the samples that are left out, by id."""
        lines = (json.dumps({"id": identity, "reason": reason}) + "\n" for identity, reason in reasons.items())
        self._replace(DROPPED, "".join(lines))

    def _append(self, name: str, values: Mapping[str, Any]) -> None:
        if self.active:
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")

    def _replace(self, name: str, text: str) -> None:
        if self.active:
            replace_text(self.folder / name, text)


def read_answers(folder: Path) -> Iterator[dict[str, Any]]:
    """Sample answers so far, by step: what was asked, what is right, what was answered, and the loss."""
    return json_lines(folder / ANSWERS)


def read_dropped(folder: Path) -> Iterator[dict[str, str]]:
    """The samples that the run left out: ``id`` and ``reason``; none before they are known."""
    return json_lines(folder / DROPPED)


def reset_state(folder: Path) -> None:
    """Before another attempt: what the last one said must not be taken for what this one says."""
    before = read_state(folder)
    values = {"state": "preparing"} | {name: int(before.get(name, 0)) for name in ("step", "total_steps")}
    replace_text(folder / STATE, json.dumps(values) + "\n")


def list_checkpoints(run: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    return sorted(path for path in (run / CHECKPOINTS).glob("step-*") if (path / TRAINING).is_file())


def newest_step(run: Path) -> int:
    """The step of the newest whole checkpoint; 0 where there is none."""
    found = list_checkpoints(run)
    return int(found[-1].name.removeprefix("step-")) if found else 0


def read_state(folder: Path) -> dict[str, Any]:
    """What state.json says; empty before the run has begun."""
    path = folder / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events so far; a last line that is still being written is left out."""
    return json_lines(folder / EVENTS)
