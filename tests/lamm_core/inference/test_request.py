"""The line requests wait in."""

from __future__ import annotations

import pytest

from lamm_core.conversation import Turn
from lamm_core.errors import EngineBusyError
from lamm_core.inference.request import FairQueue, Request


def request(client: str) -> Request:
    return Request([Turn("user", "?")], None, client=client)


def test_clients_are_served_in_turn_and_each_in_its_order() -> None:
    queue = FairQueue(9)
    asked = [request(client) for client in "aaabac"]
    for one in asked:
        queue.put(one, retry_seconds=1.0)
    served = [queue.take() for _ in asked]
    assert [one.client for one in served] == list("abcaaa")
    assert [one for one in served if one.client == "a"] == [one for one in asked if one.client == "a"]
    assert len(queue) == 0


def test_a_full_line_refuses_and_a_withdrawn_request_makes_room() -> None:
    queue = FairQueue(1)
    first, second = request("a"), request("b")
    queue.put(first, retry_seconds=1.0)
    with pytest.raises(EngineBusyError, match="1 requests wait"):
        queue.put(second, retry_seconds=7.0)
    assert queue.withdraw(first)
    assert not queue.withdraw(first)
    queue.put(second, retry_seconds=1.0)
    assert queue.take() is second
