"""Large sets are read in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from annotation.sources.json_items import Gathered

ROOT = Path(__file__).resolve().parents[3]


def test_rows_come_back_in_the_order_they_were_added() -> None:
    with Gathered() as rows:
        for number in range(50_000):
            rows.add(number % 1000, number)
        assert rows.take(7)[:3] == [7, 1007, 2007]
        rows.add(7, "late")
        assert rows.take(7)[-1] == "late"
        assert rows.take("nobody") == []


@pytest.mark.slow
def test_a_hundred_times_the_items_take_hardly_more_memory() -> None:
    command = [sys.executable, "benchmarks/sources.py", "--items", "200000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert figures["items"] == 200_000
    # SQLite's cache and one batch of rows fill up; the 30 MB of JSON must not.
    assert figures["peak_mb"] - figures["peak_of_small_mb"] < 40
