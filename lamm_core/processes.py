"""Which process is meant: its number, when it began and on which machine, so that a number used again fools nobody.

Does not know what the process does. Where there is /proc, the beginning is told in ticks of this boot, which a clock
that is put right does not move.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["ProcessMark", "is_alive", "mark_of"]

BOOT = Path("/proc/sys/kernel/random/boot_id")
STARTED_FIELD = 22 - 3  # of /proc/PID/stat, counted from the state, which follows the name in brackets
CLOCK_SECONDS = 5.0  # where there is no /proc, beginnings are told by the clock


@dataclass(frozen=True)
class ProcessMark:
    """One process, for good: ``began`` is its boot and tick, or a time where there is no /proc (or was told by one)."""

    pid: int
    began: str
    host: str

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> ProcessMark | None:
        """The mark that `to_dict` wrote; None for none."""
        return cls(int(values["pid"]), str(values["began"]), str(values["host"])) if values else None

    @classmethod
    def by_clock(cls, pid: int, began: float, host: str | None = None) -> ProcessMark:
        """A process of which a file says only its number and the time when it began, in seconds since 1970."""
        return cls(pid, f"{began:.2f}", host or socket.gethostname())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def mark_of(pid: int | None = None) -> ProcessMark | None:
    """The mark of a process, by default this one; None where it is gone, or dead and only not yet counted."""
    pid = os.getpid() if pid is None else pid
    stat = Path(f"/proc/{pid}/stat")
    if BOOT.exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if fields[0] in "ZX":
            return None
        began = f"{BOOT.read_text(encoding='ascii').strip()} {fields[STARTED_FIELD]}"
    else:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            began = f"{process.create_time():.0f}"
        except psutil.NoSuchProcess:
            return None
    return ProcessMark(pid, began, socket.gethostname())


def is_alive(mark: ProcessMark | None) -> bool:
    """Whether that very process runs on this machine now."""
    if mark is None or mark.host != socket.gethostname():
        return False
    now = mark_of(mark.pid)
    if now is None:
        return False
    if " " in mark.began:
        return now.began == mark.began
    try:
        return abs(psutil.Process(mark.pid).create_time() - float(mark.began)) < CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return False
