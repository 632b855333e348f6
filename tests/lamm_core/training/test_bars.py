"""Progress told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamm_core.launchers.status import look
from lamm_core.training import bars
from lamm_core.training.progress import RunFiles


def test_a_run_that_prepares_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "SECONDS", 0.0)
    files = RunFiles(tmp_path)
    with bars.Bars(lambda words: files.state("preparing", doing=words), shown=False) as shown:
        task = shown.add_task("Encoding images", total=2000)
        shown.advance(task, 1500)
    status = look(tmp_path)
    assert (status.state, status.doing) == ("preparing", "Encoding images: 1,500 of 2,000")
    files.state("running", step=1, total_steps=9)
    assert look(tmp_path).doing == ""
