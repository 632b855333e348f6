"""Why a run failed, in one word, and what to do about it in one line.

Does not know runs. An error is judged by its class and number, a log by its last error line: a process that dies
early, or on a full disk, leaves nothing else.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Literal, get_args

from lamm_core.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DivergedError,
    MediaError,
    MissingDependencyError,
    WeightsError,
)

__all__ = ["REMEDIES", "FailureKind", "kind_of", "kind_of_log"]

FailureKind = Literal["memory", "data", "nan", "killed", "disk", "permission", "setting", "weights", "other"]

REMEDIES: Mapping[FailureKind, str] = {
    "memory": "Halve batch_size (or batch_tokens) and double accumulation, or set gradient_checkpointing and quantize.",
    "data": "Put the file back or take it out of the data, then resume.",
    "nan": "Lower the learning rate, or look at the samples of that step; resume goes on before it.",
    "killed": "Somebody, or the system for want of memory, ended the process; resume goes on from the last checkpoint.",
    "disk": "Make room on the disk of the run's folder, then resume.",
    "permission": "Give this user the right to write there, or choose another folder.",
    "setting": "Change the setting that is named, in a copy of this run.",
    "weights": "Fetch the base weights (lamm fetch) or name the folder that holds them, then resume.",
    "other": "The log's last lines say what happened; resume goes on from the last checkpoint.",
}

_CLASSES: tuple[tuple[type[BaseException], FailureKind], ...] = (
    (MemoryError, "memory"),
    (DivergedError, "nan"),
    (DataError, "data"),
    (MediaError, "data"),
    (FileNotFoundError, "data"),
    (PermissionError, "permission"),
    (ConfigError, "setting"),
    (CheckpointError, "setting"),
    (WeightsError, "weights"),
    (MissingDependencyError, "setting"),
    (KeyboardInterrupt, "killed"),
)
_NUMBERS: Mapping[int, FailureKind] = {
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.EFBIG: "disk",
    errno.EROFS: "permission",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ENOMEM: "memory",
}
# What libraries say; torch's archive writer gives a full disk no number.
_WORDS: tuple[tuple[str, FailureKind], ...] = (
    (r"out of memory|can't allocate memory|cannot allocate memory|OutOfMemoryError|MemoryError|bad_alloc", "memory"),
    (r"No space left|Disk quota exceeded|unexpected pos|PytorchStreamWriter failed|file write failed", "disk"),
    (r"Permission denied|Read-only file system|PermissionError", "permission"),
    (r"DivergedError|nothing to learn from", "nan"),
    (r"DataError|MediaError|FileNotFoundError|No such file", "data"),
    (r"WeightsError", "weights"),
    (r"ConfigError|CheckpointError|MissingDependencyError|Usage:", "setting"),
)
_ERROR_LINE = re.compile(r"^\s*[\w.]*(?:Error|Exception|Interrupt)\b.*")


def kind_of(error: BaseException) -> FailureKind:
    """The kind of an error that ended a run."""
    if isinstance(error, OSError) and error.errno is not None and error.errno in _NUMBERS:
        return _NUMBERS[error.errno]
    for kind, name in _CLASSES:
        if isinstance(error, kind):
            return name
    return _by_words(f"{type(error).__name__}: {error}")


def kind_of_log(text: str) -> tuple[FailureKind, str]:
    """The kind that the end of a log speaks of, and the line that says so; an empty line where none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = next((line for line in reversed(lines) if _ERROR_LINE.match(line)), "")
    return _by_words(named), named or (lines[-1] if lines else "")


def _by_words(text: str) -> FailureKind:
    for pattern, kind in _WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind
    return "other"


assert set(REMEDIES) == set(get_args(FailureKind))
