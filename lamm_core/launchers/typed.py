"""A command of `lamm` carried out in a process of its own, for a page that must not load what it loads.

Does not know what any command does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from lamm_core.errors import ConfigError

__all__ = ["last_line_of"]


def last_line_of(words: Sequence[str], *, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """Wait for `lamm WORDS` and give the last line it printed. Raises ConfigError with its error where it fails."""
    done = subprocess.run(
        [python, "-m", "lamm_core", *words],
        # A wide terminal, so that an error is one line.
        env={**os.environ, **environment, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    lines = [line.strip() for line in (done.stderr if done.returncode else done.stdout).splitlines() if line.strip()]
    last = lines[-1] if lines else f"The command ended with {done.returncode} and left no word."
    if done.returncode:
        raise ConfigError(last)
    return last
