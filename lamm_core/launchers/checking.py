"""A recipe checked in a process of its own, as `lamm train RECIPE --check` does: whoever asks loads no model.

Does not know what is looked at; preflight does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lamm_core.errors import ConfigError
from lamm_core.launchers.run import RECIPE
from lamm_core.training.preflight import CheckReport
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["check_apart"]

MOST_SECONDS = 1800


def check_apart(
    recipe: TrainingRecipe, *, environment: Mapping[str, str], probe: bool = False, python: str = sys.executable
) -> CheckReport:
    """The report of a check. Raises ConfigError where the process ended without one."""
    with tempfile.TemporaryDirectory() as folder:
        written, found = Path(folder) / RECIPE, Path(folder) / "report.json"
        written.write_text(recipe.to_yaml(), encoding="utf-8")
        arguments = ["train", str(written), "--check", "--report", str(found), *(["--probe"] if probe else [])]
        try:
            done = subprocess.run(
                [python, "-m", "lamm_core", *arguments],
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ConfigError(f"The check took longer than {MOST_SECONDS // 60} minutes and was ended.") from error
        if not found.exists():
            last = (done.stderr.strip().splitlines() or ["it left no word"])[-1]
            raise ConfigError(f"The check ended early: {last}")
        return CheckReport.from_json(found.read_text(encoding="utf-8"))
