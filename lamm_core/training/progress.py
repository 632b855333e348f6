"""What a run tells the outside: state.json, events.jsonl and dropped.jsonl in its folder.

Does not know who reads them. `state.json` is replaced whole; `events.jsonl` has one line for each step with step, loss,
learning_rate, grad_norm, tokens_per_second, samples_per_second, data_wait_share, seconds and, where it was measured,
eval_loss; `dropped.jsonl` lists each sample that was left out and why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

__all__ = ["DROPPED", "EVENTS", "STATE", "RunFiles", "State", "read_events", "read_state"]

STATE = "state.json"
EVENTS = "events.jsonl"
DROPPED = "dropped.jsonl"
State = Literal["preparing", "running", "stopped", "failed", "done"]


class RunFiles:
    """Writes a run's files. Only one process of a run may have one with ``active`` set."""

    def __init__(self, folder: Path, *, active: bool = True, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.active = active
        self._clock = clock
        if active:
            folder.mkdir(parents=True, exist_ok=True)

    def state(self, state: State, *, step: int = 0, total_steps: int = 0, reason: str = "") -> None:
        """Say how the run stands; ``reason`` belongs to a failure."""
        values: dict[str, Any] = {"state": state, "pid": os.getpid(), "step": step, "total_steps": total_steps}
        if reason:
            values["reason"] = reason
        self._replace(STATE, json.dumps(values | {"updated": self._clock()}) + "\n")

    def event(self, values: Mapping[str, Any]) -> None:
        """Append one line about a step."""
        self._append(EVENTS, values)

    def rewind(self, step: int, *, stream: str | None = None) -> None:
        """Forget the events after ``step``: the run goes on from a checkpoint and writes them again.

        Where a run trains several streams one after the other, those of ``stream`` alone.
        """
        kept = [event for event in read_events(self.folder) if event["step"] <= step or event.get("stream") != stream]
        self._replace(EVENTS, "".join(json.dumps(event) + "\n" for event in kept))

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
            partial = self.folder / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, self.folder / name)


def read_state(folder: Path) -> dict[str, Any]:
    """What state.json says; empty before the run has begun."""
    path = folder / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events so far; a last line that is still being written is left out."""
    path = folder / EVENTS
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
