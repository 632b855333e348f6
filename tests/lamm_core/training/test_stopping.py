"""Being asked to stop, once and again."""

from __future__ import annotations

import os
import signal

import pytest

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
