"""A process is known again, and another one with its number is not taken for it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil

from lamm_core.processes import ProcessMark, is_alive, mark_of


def test_this_process_is_alive_and_its_mark_survives_json() -> None:
    mark = mark_of()
    assert mark is not None and is_alive(mark)
    assert ProcessMark.from_dict(mark.to_dict()) == mark


def test_the_same_number_with_another_beginning_is_another_process() -> None:
    mark = mark_of()
    assert mark is not None
    assert not is_alive(replace(mark, began=mark.began + "0"))
    assert not is_alive(replace(mark, host="elsewhere"))
    assert not is_alive(None)


def test_a_process_that_ended_and_was_not_waited_for_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = mark_of(process.pid)
    assert is_alive(mark)
    assert process.stdin is not None
    process.kill()
    while mark_of(process.pid) is not None:
        pass
    assert process.returncode is None and not is_alive(mark)
    process.communicate()


def test_a_process_told_by_the_clock_is_known_again() -> None:
    """As files of older versions tell it, and machines without /proc."""
    began = psutil.Process().create_time()
    assert is_alive(ProcessMark.by_clock(os.getpid(), began + 1))
    assert not is_alive(ProcessMark.by_clock(os.getpid(), began - 60))
    assert not is_alive(ProcessMark.by_clock(os.getpid(), began, "elsewhere"))
