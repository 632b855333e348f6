"""Opens a small made set in any published format.

Does not know what the tests look at.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from annotation.sources import READERS, Opened, Reading


def _made() -> ModuleType:
    # Tests are no package: pytest imports each by its path, so what they share is imported by its path too.
    spec = importlib.util.spec_from_file_location("made_sources", Path(__file__).with_name("made.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = _made().MADE


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], Opened]:
    """A made set of that format, opened by the reader of that name."""

    def make(name: str) -> Opened:
        MADE[name](tmp_path)
        return Opened(READERS[name], READERS[name].at(tmp_path))

    return make


@pytest.fixture
def read(opened: Callable[[str], Opened]) -> Callable[[str], Reading]:
    """A made set of that format, read to its end; ``sources`` holds what came."""

    def make(name: str) -> Reading:
        reading = Reading(opened(name).items(), name=name)
        reading.sources = list(reading)  # type: ignore[attr-defined]
        return reading

    return make
