"""Turns an error into the words a person reads; the one place that does.

Does not know where they are shown. Errors that are not ours keep their traceback in the log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lamm_core.errors import (
    CheckpointError,
    ConfigError,
    EngineBusyError,
    LammError,
    MediaError,
    MissingDependencyError,
    NotAllowedError,
    PromptTooLongError,
    WeightsError,
)

__all__ = ["Notice", "explain"]

_log = logging.getLogger(__name__)

_TITLES: tuple[tuple[type[LammError], str], ...] = (
    (MediaError, "This file cannot be used"),
    (EngineBusyError, "The model is busy"),
    (PromptTooLongError, "The conversation is too long"),
    (CheckpointError, "The model cannot be loaded"),
    (WeightsError, "The base weights are missing"),
    (MissingDependencyError, "Something has to be installed first"),
    (NotAllowedError, "You may not do this"),
    (ConfigError, "A setting is wrong"),
)


@dataclass(frozen=True)
class Notice:
    """What went wrong, in a short line and in full."""

    title: str
    text: str


def explain(error: BaseException) -> Notice:
    """Words for an error: its own if it is ours, otherwise that it is logged."""
    if isinstance(error, LammError):
        title = next((title for kind, title in _TITLES if isinstance(error, kind)), "That did not work")
        return Notice(title, str(error))
    _log.error("unexpected error", exc_info=error)
    return Notice(
        "Something unexpected happened",
        f"{type(error).__name__}: the details are in the log of the program. Your conversation is kept; try again.",
    )
