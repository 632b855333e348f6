"""A run's events as a file that TensorBoard reads, written as they come.

Does not know runs, nor TensorBoard, whose package brings a web server and gRPC: the file is a row of records, each an
Event message with a step, a time and numbers by name, and that is all that is written here.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["EventFile", "crc32c"]

Clock = Callable[[], float]

NAMES: Mapping[str, str] = {
    "loss": "loss/train",
    "eval_loss": "loss/held_apart",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "tokens_per_second": "speed/tokens_per_second",
    "samples_per_second": "speed/samples_per_second",
    "data_wait_share": "speed/data_wait_share",
}
CASTAGNOLI = 0x82F63B78  # reversed, as CRC-32C is reckoned (RFC 3720, appendix B.4)
MASK = 0xA282EAD8  # TensorFlow's record format adds it to the turned checksum


class EventFile:
    """A file that grows with its run. What is given as ``earlier`` is written into it first.

    Each attempt has a file of its own and takes its predecessor's place, so that nothing after the checkpoint that a
    run goes on from is shown twice.
    """

    def __init__(self, folder: Path, earlier: Iterable[Mapping[str, Any]] = (), *, clock: Clock = time.time) -> None:
        self._clock = clock
        now = clock()
        folder.mkdir(parents=True, exist_ok=True)
        old = list(folder.glob("events.out.tfevents.*"))
        self.path = folder / f"events.out.tfevents.{now:.0f}.{len(old)}{os.getpid()}"
        known = list(earlier)
        began = now - sum(float(event.get("seconds", 0.0)) for event in known)
        partial = folder / f".{self.path.name}.partial"
        with partial.open("wb") as file:
            file.write(record(field(1, began) + text(3, b"brain.Event:2")))
            for event in known:
                began += float(event.get("seconds", 0.0))
                file.write(record(message(event, began)))
        os.replace(partial, self.path)
        for one in old:
            one.unlink()

    def add(self, event: Mapping[str, Any]) -> None:
        """Append one step's numbers."""
        with self.path.open("ab") as file:
            file.write(record(message(event, self._clock())))


def message(event: Mapping[str, Any], now: float) -> bytes:
    """An Event message of one step; streams that are trained one after the other keep their curves apart."""
    before = f"{event['stream']}/" if event.get("stream") else ""
    values = b"".join(
        text(1, text(1, (before + name).encode()) + number(2, float(event[key])))
        for key, name in NAMES.items()
        if event.get(key) is not None
    )
    return field(1, now) + b"\x10" + varint(int(event["step"])) + text(5, values)


def field(place: int, value: float) -> bytes:
    """A double."""
    return bytes([place << 3 | 1]) + struct.pack("<d", value)


def number(place: int, value: float) -> bytes:
    """A float."""
    return bytes([place << 3 | 5]) + struct.pack("<f", value)


def text(place: int, value: bytes) -> bytes:
    """Bytes, or a message within a message."""
    return bytes([place << 3 | 2]) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def record(data: bytes) -> bytes:
    """The data with its length, each followed by its masked checksum."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def masked(data: bytes) -> bytes:
    """The checksum as TensorFlow's records carry it."""
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + MASK) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum."""
    value = 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def table() -> tuple[int, ...]:
    """The checksum of each byte."""
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)


TABLE = table()
