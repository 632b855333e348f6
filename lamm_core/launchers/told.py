"""Carries a recipe out where only what is printed can be seen from outside, and prints the run's files as they grow.

Does not know who listens. ``python -m lamm_core.launchers.told FOLDER RECIPE``, the recipe as text. Lines that begin
with a mark are news of state.json and events.jsonl, which `hear` puts back together; all others are the run's log. A
folder that holds checkpoints goes on from the newest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

from lamm_core.launchers.run import LOG, RECIPE
from lamm_core.run_files import replace_text
from lamm_core.training.progress import EVENTS, STATE

__all__ = ["hear", "main", "tell"]

SECONDS = 2.0


def tell(folder: Path, command: list[str], *, say: Callable[[str], None], seconds: float = SECONDS) -> int:
    """Run the command and say what it prints and what it writes into the folder; its exit code."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def pass_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    news = _News(folder, say)
    printed = threading.Thread(target=_repeat, args=(process.stdout, say), daemon=True)
    printed.start()
    while True:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            news.look()
            continue
        printed.join()
        news.look()
        return code


def _repeat(lines: Iterable[str], say: Callable[[str], None]) -> None:
    for line in lines:
        say(line.rstrip("\n"))


class _News:
    """What was added to a run's files since the last look."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.state, self.told = "", 0

    def look(self) -> None:
        events = self.folder / EVENTS
        if events.exists():
            with events.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(self.told if self.told <= size else 0)  # shorter: it goes on from an earlier checkpoint
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self.say("@event " + line.decode().rstrip("\n"))
                    self.told = file.tell()
        if (self.folder / STATE).exists():
            state = (self.folder / STATE).read_text(encoding="utf-8").strip()
            if state != self.state:
                self.state = state
                self.say("@state " + state)


def hear(lines: Iterable[str], folder: Path) -> None:
    """Put the files of a run together from all that was said so far: state.json, events.jsonl and log.txt."""
    events: dict[int, str] = {}
    state, log = "", []
    for line in lines:
        if line.startswith("@state "):
            state = line.removeprefix("@state ")
        elif line.startswith("@event "):
            text = line.removeprefix("@event ")
            events[int(json.loads(text)["step"])] = text  # a step that was repeated counts once
        else:
            log.append(line)
    for name, text in ((STATE, state), (EVENTS, "\n".join(events[step] for step in sorted(events)))):
        if text:
            replace_text(folder / name, text + "\n")
    if log:
        (folder / LOG).write_text("\n".join(log) + "\n", encoding="utf-8")


def main() -> None:
    """Carry out the recipe that is given as text."""
    folder, recipe = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / RECIPE, recipe)
    command = [sys.executable, "-m", "lamm_core", "train", str(folder / RECIPE), "--run", str(folder), "--resume"]
    sys.exit(tell(folder, command, say=lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
