"""A fast stream is thinned out and never loses its end."""

from __future__ import annotations

from collections.abc import Iterator

from app.throttle import throttled


def test_the_first_and_the_last_value_always_pass() -> None:
    times = iter(range(1000))
    passed = list(throttled(iter(range(10)), 4, clock=lambda: next(times)))
    assert passed[0] == 0 and passed[-1] == 9 and len(passed) < 10


def test_a_slow_stream_passes_whole() -> None:
    times = iter(range(0, 1000, 10))
    assert list(throttled(iter("abc"), 1, clock=lambda: next(times))) == ["a", "b", "c"]


def test_nothing_in_nothing_out() -> None:
    assert list(throttled(iter(()), 1)) == []


def test_closing_it_closes_the_stream_behind_it() -> None:
    closed = []

    def values() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    stream = throttled(values(), 0)
    next(stream)
    del stream
    assert closed == [True]
