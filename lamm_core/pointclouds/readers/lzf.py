"""LZF, the compression inside binary_compressed PCD files.

Does not know PCD.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MOST_EXPANSION", "decompress"]

# The longest copy, 264 bytes, takes three.
MOST_EXPANSION = 88
# Copies between two looks at the clock.
TICK = 200_000


def decompress(data: bytes, size: int, tick: Callable[[], None]) -> bytes:
    """The ``size`` bytes that ``data`` unpacks to. Calls ``tick`` now and then; raises ValueError for damaged data."""
    result = bytearray()
    at, end, until_tick = 0, len(data), TICK
    try:
        while at < end:
            until_tick -= 1
            if not until_tick:
                tick()
                until_tick = TICK
            control = data[at]
            at += 1
            if control < 32:  # control + 1 bytes as they are
                result += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            back = ((control & 31) << 8) + data[at] + 1
            at += 1
            length += 2
            start = len(result) - back
            if start < 0:
                raise ValueError("a copy from before the beginning")
            if back >= length:
                result += result[start : start + length]
            else:  # the copy reaches into itself: its bytes repeat
                piece = bytes(result[start:])
                result += (piece * (length // back + 1))[:length]
            if len(result) > size:
                raise ValueError("more data than promised")
    except IndexError as error:
        raise ValueError("the data end inside a copy") from error
    if len(result) != size or at != end:
        raise ValueError("not as much data as promised")
    return bytes(result)
