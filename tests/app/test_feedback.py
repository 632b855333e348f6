"""Errors become words in one place."""

from __future__ import annotations

import pytest

from app.feedback import explain
from lamm_core.errors import EngineBusyError, LammError, MediaError, PromptTooLongError


def test_our_errors_keep_their_words() -> None:
    notice = explain(MediaError("a.png is damaged."))
    assert (notice.title, notice.text) == ("This file cannot be used", "a.png is damaged.")


def test_a_long_prompt_is_told_with_both_numbers() -> None:
    text = explain(PromptTooLongError(2500, 2048)).text
    assert "2,500" in text and "2,048" in text


@pytest.mark.parametrize("kind", LammError.__subclasses__())
def test_no_error_of_ours_is_called_unexpected(kind: type[LammError]) -> None:
    numbered = {PromptTooLongError: (lambda: PromptTooLongError(2, 1)),
                EngineBusyError: (lambda: EngineBusyError(2, retry_seconds=1.0))}  # fmt: skip
    error = numbered[kind]() if kind in numbered else kind("said")
    assert "unexpected" not in explain(error).title


def test_other_errors_are_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    notice = explain(RuntimeError("secret path /etc"))
    assert "secret" not in notice.text
    assert "secret" in caplog.text
