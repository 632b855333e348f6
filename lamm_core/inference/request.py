"""One request to an engine: what was asked, the channel its pieces come through, and the line it waits in.

Does not know models.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from lamm_core.conversation import Turn
from lamm_core.errors import EngineBusyError
from lamm_core.inference.protocol import Piece
from lamm_core.inference.sampling import Generation

__all__ = ["FairQueue", "Pieces", "Request"]

POLL_SECONDS = 0.05  # how long a stop may go unnoticed by a request that waits


class Request:
    """A conversation to answer; it is its own stop signal."""

    def __init__(
        self,
        turns: Sequence[Turn],
        settings: Generation | None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> None:
        self.turns = tuple(turns)
        self.settings = settings or Generation()
        self.adapter = adapter
        self.client = client
        self.asked = time.perf_counter()
        self.channel: SimpleQueue[Piece | BaseException] = SimpleQueue()
        self._stop = stop or threading.Event()
        self._abandoned = threading.Event()

    def is_set(self) -> bool:
        """Whether nobody wants the rest."""
        return self._stop.is_set() or self._abandoned.is_set()

    def abandon(self) -> None:
        """Nobody wants the rest."""
        self._abandoned.set()

    def cancelled(self) -> None:
        """Say that it ended before anything was computed."""
        self.channel.put(Piece("", done=True, tokens=0, prompt_tokens=0, ended="cancelled"))


class Pieces:
    """The answer to a request as its reader sees it. ``withdraw`` takes a request out of the line, if it is there."""

    def __init__(self, request: Request, withdraw: Callable[[Request], bool]) -> None:
        self._request = request
        self._withdraw = withdraw
        self._over = False

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> Piece:
        while not self._over:
            try:
                piece = self._request.channel.get(timeout=POLL_SECONDS)
            except Empty:
                if self._request.is_set() and self._withdraw(self._request):
                    self._request.cancelled()
                continue
            if isinstance(piece, BaseException):
                self._over = True
                raise piece
            self._over = piece.done
            return piece
        raise StopIteration

    def close(self) -> None:
        """Nobody wants the rest."""
        self._over = True
        self._request.abandon()
        self._withdraw(self._request)

    def __del__(self) -> None:
        self.close()


class FairQueue:
    """Requests that wait, first come first served for each client, and the clients in turn. Not locked."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lines: OrderedDict[str, deque[Request]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, request: Request, *, retry_seconds: float) -> None:
        """Let a request wait. Raises EngineBusyError, which carries ``retry_seconds``, where ``most`` do already."""
        if len(self) >= self.most:
            raise EngineBusyError(len(self), retry_seconds=retry_seconds)
        self._lines.setdefault(request.client, deque()).append(request)

    def take(self) -> Request:
        """The next one. Raises KeyError where none waits."""
        client, line = self._lines.popitem(last=False)
        request = line.popleft()
        if line:
            self._lines[client] = line
        return request

    def withdraw(self, request: Request) -> bool:
        """Take this one out; False where it does not wait (any more)."""
        line = self._lines.get(request.client, ())
        if request not in line:
            return False
        self._lines[request.client].remove(request)
        if not line:
            del self._lines[request.client]
        return True
