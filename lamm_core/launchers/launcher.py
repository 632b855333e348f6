"""What a launcher is: it carries out the run of a folder somewhere, and stops it.

Does not know any launcher; how a run stands is read from its folder, whoever carries it out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lamm_core.launchers.status import RunStatus

__all__ = ["Launcher"]


class Launcher(Protocol):
    """Carries runs out. Every call may be made again, from any process: nothing is kept in memory."""

    name: str

    def submit(self, run: Path) -> RunStatus:
        """Have it carried out, from its newest checkpoint; one that is queued or running already is left alone.

        Raises ConfigError saying why it cannot go on.
        """
        ...

    def status(self, run: Path) -> RunStatus:
        """How it stands now."""
        ...

    def logs(self, run: Path, offset: int = 0) -> tuple[str, int]:
        """What it wrote from ``offset`` on, and the offset to ask with next time."""
        ...

    def cancel(self, run: Path) -> RunStatus:
        """Stop it: taken out of the queue, or asked to save a checkpoint and end."""
        ...

    def advance(self) -> list[Path]:
        """Start what waits, as far as there is room, and return it."""
        ...
