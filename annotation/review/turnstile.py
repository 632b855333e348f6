"""Whose turn it is to write a SQLite file: processes queue in the kernel.

Does not know SQLite. Its own lock makes waiters poll at growing intervals, so that under fifty writers some wait for
many seconds while others go first again and again. Here nobody polls, and nobody goes twice while others wait: whoever
wants to go takes the place at the front first, then waits there for the lock, and the one who has just gone finds that
place taken. A killed process leaves nothing behind: the kernel opens its locks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock has to do
    fcntl = None  # type: ignore[assignment]

__all__ = ["Turnstile"]


class Turnstile:
    """One at a time, among all threads and processes that use the same ``path``."""

    def __init__(self, path: Path) -> None:
        self.front = path.with_name(path.name + ".front")
        self.path = path
        self._threads = threading.Lock()

    @contextmanager
    def through(self, patience: float) -> Iterator[None]:
        """Raises TimeoutError after ``patience`` seconds, and OSError where the files cannot be made."""
        if not self._threads.acquire(timeout=patience):
            raise TimeoutError
        try:
            if fcntl is None:
                yield
                return
            turn = _Turn(self.front, self.path)
            turn.take(patience)
            try:
                yield
            finally:
                turn.end()
        finally:
            self._threads.release()


class _Turn:
    """One wait for the lock. The kernel knows no time limit, so a thread of its own waits where it takes long."""

    def __init__(self, front: Path, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._front = os.open(front, flags, 0o666)
        self._lock = os.open(path, flags, 0o666)
        self._state = threading.Lock()
        self._had = threading.Event()
        self._given_up = False

    def take(self, patience: float) -> None:
        """Raises TimeoutError; then the waiting thread closes the files when its turn comes."""
        try:
            fcntl.flock(self._front, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(self._front, fcntl.LOCK_UN)
            return
        except BlockingIOError:
            threading.Thread(target=self._wait, daemon=True).start()
        if self._had.wait(patience):
            return
        with self._state:
            if self._had.is_set():
                return
            self._given_up = True
            raise TimeoutError

    def end(self) -> None:
        """Let the next one go."""
        os.close(self._lock)
        os.close(self._front)

    def _wait(self) -> None:
        fcntl.flock(self._front, fcntl.LOCK_EX)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fcntl.flock(self._front, fcntl.LOCK_UN)
        with self._state:
            if self._given_up:
                self.end()
            else:
                self._had.set()
