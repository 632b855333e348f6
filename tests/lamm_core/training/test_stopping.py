"""Being asked to stop, once and again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamm_core.training import bars, trainer
from lamm_core.training.progress import read_state
from lamm_core.training.stopping import StopSignal


def test_a_wish_to_stop_that_is_repeated_cuts_off_nothing() -> None:
    with StopSignal() as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested


def test_control_c_twice_interrupts_at_once() -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_that_is_stopped_while_it_prepares_ends_soon_and_goes_on_later(
    make_recipe: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, run = trainer.prepare, tmp_path / "run"

    def stopped(*given: Any, **named: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return prepare(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(bars, "SECONDS", 0.0)
        patch.setattr(trainer, "prepare", stopped)
        assert trainer.train(make_recipe(max_steps=2), run=run, cache=tmp_path, progress=False) == run
    assert read_state(run)["state"] == "stopped"
    trainer.train(make_recipe(max_steps=2), run=run, cache=tmp_path, progress=False)
    assert read_state(run)["state"] == "done"
