"""How fast requests may go: a limit of requests and one of tokens a minute, and pauses that a server asks for.

Does not know requests. Clock and sleep are passed in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """Holds every thread back until its request may go. None means no limit."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds_a_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._seconds_a_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, tokens: int = 0) -> None:
        """Return when a request of so many tokens may go; callers are let through in the order they came."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + max(self._seconds_a_request, self._seconds_a_token * tokens)
        if at > now:
            self._sleep(at - now)

    def pause(self, seconds: float) -> None:
        """Let nobody through for so long: the server asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
