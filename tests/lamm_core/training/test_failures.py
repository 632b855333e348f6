"""Why a run failed, told from its error or from the end of its log."""

from __future__ import annotations

import errno

import pytest

from lamm_core.errors import ConfigError, DataError, DivergedError, WeightsError
from lamm_core.training.failures import REMEDIES, kind_of, kind_of_log


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "memory"),
        (DataError("pairs.json, record 3: broken"), "data"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.png"), "data"),
        (DivergedError("At step 3 the loss is nan"), "nan"),
        (KeyboardInterrupt(), "killed"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (RuntimeError("[enforce fail at inline_container.cc:659] . unexpected pos 64 vs 0"), "disk"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission"),
        (OSError(errno.EROFS, "Read-only file system"), "permission"),
        (ConfigError("no such key"), "setting"),
        (WeightsError("not there"), "weights"),
        (ValueError("what"), "other"),
    ],
)
def test_an_error_has_a_kind_with_a_remedy(error: BaseException, kind: str) -> None:
    assert kind_of(error) == kind
    assert REMEDIES[kind_of(error)]


def test_the_last_error_line_of_a_log_counts() -> None:
    log = "Traceback\nValueError: first\n\nTraceback\n  raise\ntorch.OutOfMemoryError: CUDA out of memory.\nbye\n"
    assert kind_of_log(log) == ("memory", "torch.OutOfMemoryError: CUDA out of memory.")
    assert kind_of_log("") == ("other", "")
    assert kind_of_log("ConfigError: recipe.yaml: the recipe has no setting 'lr'.") == (
        "setting",
        "ConfigError: recipe.yaml: the recipe has no setting 'lr'.",
    )
