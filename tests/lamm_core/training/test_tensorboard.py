"""The file that TensorBoard reads: whole records, right checksums, every number at its step."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lamm_core.training.progress import BOARD, RunFiles
from lamm_core.training.tensorboard import EventFile, crc32c, masked


def records(path: Path) -> list[bytes]:
    """What the file holds, checksums compared."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert data[8:12] == masked(data[:8]) and data[12 + length : 16 + length] == masked(body)
        found.append(body)
        data = data[16 + length :]
    return found


def test_the_checksum_is_crc_32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of the CRC catalogue
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, appendix B.4


def test_every_step_becomes_a_record_with_its_numbers(tmp_path: Path) -> None:
    times = iter((100.0, 100.5, 101.0))
    file = EventFile(tmp_path, clock=lambda: next(times))
    file.add({"step": 1, "loss": 2.5, "seconds": 0.5})
    file.add({"step": 300, "loss": 1.5, "seconds": 0.5, "eval_loss": 1.75, "stream": "scene"})
    first, one, two = records(file.path)
    assert file.path.name.startswith("events.out.tfevents.") and first.endswith(b"brain.Event:2")
    assert b"\x10\x01" in one and b"\x0aloss/train\x15" + struct.pack("<f", 2.5) in one and b"held_apart" not in one
    assert b"\x10\xac\x02" in two and b"scene/loss/held_apart\x15" + struct.pack("<f", 1.75) in two
    assert struct.unpack("<d", two[1:9])[0] - struct.unpack("<d", one[1:9])[0] == pytest.approx(0.5)


def test_a_run_that_goes_on_from_a_checkpoint_has_each_step_once(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    for step in (1, 2, 3):
        files.event({"step": step, "loss": 1.0, "seconds": 0.1})
    again = RunFiles(tmp_path)
    again.rewind(1)
    again.event({"step": 2, "loss": 0.5, "seconds": 0.1})
    (path,) = (tmp_path / BOARD).iterdir()
    _, one, two = records(path)
    assert b"\x10\x01" in one and struct.pack("<f", 0.5) in two
