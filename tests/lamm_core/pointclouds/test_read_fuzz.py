"""Damaged files end in a cloud or a MediaError. The long run is benchmarks/fuzz_readers.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz_readers import damaged, samples, try_reading

INPUTS = 20
FILES = samples()


@pytest.mark.parametrize("name", FILES)
def test_damage_never_ends_in_another_error_than_ours(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for number in range(INPUTS):
        path.write_bytes(damaged(FILES[name], seed=1, number=number))
        outcome = try_reading(path)
        assert outcome.failure == "", f"{name}, seed 1, number {number}"


@pytest.mark.parametrize("name", FILES)
def test_the_undamaged_sample_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    outcome = try_reading(path)
    assert outcome.read and outcome.failure == ""


def test_the_same_seed_and_number_damage_alike() -> None:
    data = FILES["text.ply"]
    assert damaged(data, seed=3, number=5) == damaged(data, seed=3, number=5)
    assert len({damaged(data, seed=3, number=number) for number in range(50)}) > 40
