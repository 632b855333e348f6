"""Asking: each request looked up in the journal, paid within the budget, paced, retried with growing pauses, kept.

Does not know what is asked. The order is what makes it safe: reserve money, note the request, send it, write the reply
to the journal, and only then hand it on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import tenacity

from annotation.generation.client import Busy, ChatClient, ItemFailed, Reply, Request
from annotation.generation.journal import Journal
from annotation.generation.pace import Pace
from annotation.generation.prices import Budget, Price
from lamm_core.errors import ClientError

__all__ = ["Asker", "most"]

INPUT_MARGIN = 2  # what a request may cost at most counts its rough input so many times: estimates err
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
GIVE_UP_AFTER = 12  # requests failing one after the other: then it is the server and not the request


def most(request: Request, price: Price, *, batched: bool = False) -> int:
    """What a request may cost at most, in millionths."""
    return price.micros(INPUT_MARGIN * request.rough_input, request.max_tokens, batched=batched)


@dataclass
class Asker:
    """Answers requests from the journal or by the client. Usable from any number of threads.

    ``paid`` counts replies paid for in this run, ``reused`` those found in the journal, ``retried`` repeated attempts.
    """

    client: ChatClient
    journal: Journal
    budget: Budget
    price: Price
    pace: Pace = field(default_factory=Pace)
    attempts: int = ATTEMPTS
    first_pause: float = FIRST_PAUSE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    paid: int = 0
    reused: int = 0
    retried: int = 0
    _failing: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: Request) -> Reply:
        """The reply. Raises ItemFailed for this request, BudgetSpent, and ClientError where asking on is of no use."""
        found = self.journal.find(request.key)
        if found is not None:
            self._count("reused")
            return found
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Busy),
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=self._pause,
            sleep=self.sleep,
            before_sleep=lambda _: self._count("retried"),
            reraise=True,
        )
        try:
            reply = retrying(self._attempt, request)
        except ItemFailed as error:
            with self._lock:
                self._failing += 1
                failing = self._failing
            if failing >= GIVE_UP_AFTER:
                raise ClientError(f"{failing} requests failed one after the other; the last: {error}") from error
            raise
        with self._lock:
            self._failing = 0
        return reply

    def _attempt(self, request: Request) -> Reply:
        self.pace.wait(request.rough_input + request.max_tokens)
        reserved = most(request, self.price)
        self.budget.reserve(reserved)
        self.journal.asked(request.key, reserved)
        try:
            reply = self.client.complete(request)
        except ClientError as error:
            doubtful = isinstance(error, ItemFailed) and error.doubtful
            if doubtful:
                self.journal.lose(request.key, reserved)
            else:
                self.journal.unpaid(request.key, str(error))
            self.budget.settle(reserved, reserved if doubtful else 0)
            if isinstance(error, Busy) and error.retry_after:
                self.pace.pause(error.retry_after)
            raise
        cost = self.price.micros(reply.input_tokens, reply.output_tokens)
        self.journal.replied(request.key, reply, cost)
        self.budget.settle(reserved, cost)
        self._count("paid")
        return reply

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        growing = tenacity.wait_random_exponential(multiplier=self.first_pause, max=LONGEST_PAUSE_SECONDS)(state)
        asked = error.retry_after if isinstance(error, Busy) and error.retry_after is not None else 0.0
        return max(asked, growing if not asked else 0.0)

    def _count(self, name: str) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)
