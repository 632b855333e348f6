"""Being asked to stop: SIGTERM and Ctrl-C as a wish that the loop sees at the end of a step.

Does not know what is stopped or saved.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["StopSignal"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """While entered, the first signal sets ``requested``; Ctrl-C after it interrupts at once.

    SIGTERM may come again and means the same: who stops a run sends it, its attendant passes the wish on, and a cluster
    sends its own; while a step is long, saving must not be cut off by that.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> StopSignal:
        # Only the main thread may listen to signals; elsewhere whoever started the thread stops it.
        self._listens = threading.current_thread() is threading.main_thread()
        if self._listens:
            self._before = [signal.signal(number, self._request) for number in SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        if self._listens:
            for number, handler in zip(SIGNALS, self._before, strict=True):
                signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
