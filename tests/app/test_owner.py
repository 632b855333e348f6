"""A folder's owner lives while its process runs or its signature is fresh."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.owner import FILE_NAME, owned, sign


def test_whoever_signed_owns_the_folder_for_as_long_as_it_runs(tmp_path: Path) -> None:
    sign(tmp_path)
    os.utime(tmp_path / FILE_NAME, (0, 0))
    assert owned(tmp_path, now=time.time())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"host": "a", "pid": "x", "started": 1}'])
def test_a_signature_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert not owned(tmp_path)


def test_a_folder_that_nobody_signed_is_owned_by_nobody(tmp_path: Path) -> None:
    assert not owned(tmp_path)
