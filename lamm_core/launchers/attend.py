"""Attends one run: starts its process, passes on the wish to stop, writes down how it ended, then starts the next.

Does not know training. It is small and has no part in what can fail there, so that a process which is killed does not
vanish without a word. ``python -m lamm_core.launchers.attend RUN``.

The next run of the queue is started by whoever sees that a place is free: this process when its run ends, which is what
goes on overnight, and the page or `lamm runs` whenever they look, which is what survives a restart of the machine. A
scheduler that runs all the time would be one more process to lose.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from lamm_core.launchers.run import ATTEMPT, HEARTBEAT, LOG, Launch, locked, read_launch, write_launch
from lamm_core.processes import mark_of
from lamm_core.training.progress import reset_state

__all__ = ["attend", "main"]

POLL_SECONDS = 0.2
SIGN_SECONDS = 5.0


def attend(folder: Path) -> bool:
    """Carry the run out. Returns whether the next one may start: not where this process was asked to end."""
    asked = _AskedToEnd()
    with locked(folder.parent):
        launch = _known(folder)
        if launch.stop_requested is not None:
            write_launch(folder, replace(launch, attendant=None, queued=None))
            return True
        reset_state(folder)
        with (folder / LOG).open("ab") as log:
            log.write(f"\n{ATTEMPT} {launch.attempt}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            log.flush()
            process = subprocess.Popen(
                launch.command,
                cwd=launch.cwd,
                env={**os.environ, **launch.environment, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        write_launch(folder, replace(launch, attendant=mark_of(), process=mark_of(process.pid)))
    code = _wait(process, folder, asked)
    with locked(folder.parent):
        if not folder.exists():
            return not asked.to_end
        ended = replace(_known(folder), attendant=None, process=None, queued=None)
        if code < 0:
            write_launch(folder, replace(ended, exit_signal=-code))
        else:
            write_launch(folder, replace(ended, exit_code=code))
    return not asked.to_end


def _wait(process: subprocess.Popen[bytes], folder: Path, asked: _AskedToEnd) -> int:
    told, signed = False, 0.0
    while (code := process.poll()) is None:
        if time.monotonic() - signed > SIGN_SECONDS and folder.exists():
            (folder / HEARTBEAT).touch()
            signed = time.monotonic()
            # Read now and then only: who stops a run on this machine sends the signal as well.
            wish = _known(folder).stop_requested is not None
        else:
            wish = False
        if (asked.to_end or wish) and not told:
            told = True
            process.send_signal(signal.SIGTERM)
        time.sleep(POLL_SECONDS)
    return code


def _known(folder: Path) -> Launch:
    launch = read_launch(folder)
    assert launch is not None, "a run that is attended was launched"
    return launch


class _AskedToEnd:
    """SIGTERM, as a machine that shuts down sends it: the run is stopped, and no other one started."""

    def __init__(self) -> None:
        self.to_end = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.to_end = True


def main() -> None:
    """Attend the run that is named, then start the next of the queue."""
    folder = Path(sys.argv[1]).absolute()
    slots = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if attend(folder):
        from lamm_core.launchers.local import LocalLauncher

        LocalLauncher(folder.parent, slots=slots).advance()


if __name__ == "__main__":
    main()
