"""Stores to test with: each test that asks for one runs on SQLite and on PostgreSQL.

Does not know what is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.conversation import Media, Turn
from tests.annotation.review.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this test run's own. Where none is installed, tests fail with the command that installs it."""
    try:
        running = Cluster()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/reviews.db"
    return str(request.getfixturevalue("cluster").new_database())


class Clock:
    """A clock that stands still until somebody moves it, in either direction."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time of the stores that `new_store` opens."""
    return Clock()


@pytest.fixture
def new_store(url: str, clock: Clock) -> Iterator[Callable[..., ReviewStore]]:
    """Opens a store on the test's database, as often as it is called; closed after the test."""
    opened: list[ReviewStore] = []

    def make(**options: Any) -> ReviewStore:
        opened.append(ReviewStore(url, **{"clock": clock, "blind_share": 0.0} | options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def draft() -> Callable[..., Draft]:
    """Makes drafts that differ by their number; a higher one looks more suspicious."""

    def make(number: int, **values: Any) -> Draft:
        turns = (
            Turn("user", f"What is in picture {number}?", (Media("image", Path(f"{number}.png")),)),
            Turn("assistant", f"A dog, number {number}."),
        )
        known = {"kind": "C1", "source": "coco", "turns": turns, "expected_error": number / 1000} | values
        return Draft(**known)

    return make


@pytest.fixture
def store(new_store: Callable[..., ReviewStore], draft: Callable[..., Draft]) -> ReviewStore:
    """Five drafts wait, none of them for two people."""
    store = new_store()
    store.add_drafts((draft(number) for number in range(5)), actor="generator")
    return store
