"""Stores to test with: each test that asks for one runs on SQLite and on PostgreSQL.

Does not know what is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.review.store import ReviewStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of an empty database."""
    return f"sqlite:///{tmp_path}/reviews.db"


@pytest.fixture
def new_store(url: str) -> Iterator[Callable[..., ReviewStore]]:
    """Opens a store on the empty database; closed after the test."""
    opened: list[ReviewStore] = []

    def make(**options: Any) -> ReviewStore:
        opened.append(ReviewStore(url, **options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
