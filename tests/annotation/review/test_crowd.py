"""Fifty reviewers at once, some of them killed: nothing is decided twice and nothing that was acknowledged is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from annotation.review.consistency import differences
from annotation.review.filters import Filter
from annotation.review.items import USABLE, Draft
from annotation.review.store import ReviewStore
from benchmarks.review_load import crowd, filled, lost_or_doubled, noted
from lamm_core.errors import StaleItem

ITEMS = 3000  # more than fifty decide on a quick machine before the first of them is killed


@pytest.mark.slow
def test_fifty_processes_of_which_five_are_killed_lose_and_double_nothing(url: str, tmp_path: Path) -> None:
    filled(url, ITEMS)
    logs, _ = crowd(url, tmp_path, workers=50, seconds=7.0, kill=5)
    assert len(logs) > 50, "nobody was killed"
    assert len(list(noted(logs))) > 50
    assert lost_or_doubled(url, logs, 0) == (0, 0, 0)
    store = ReviewStore(url)
    assert list(differences(store.database)) == []
    assert sum(store.counts().values()) == ITEMS
    store.close()


def test_threads_that_decide_the_same_items_decide_each_once(
    new_store: Callable[..., ReviewStore], draft: Callable[..., Draft]
) -> None:
    store = new_store()
    store.add_drafts((draft(number) for number in range(10)), actor="generator")
    seen = [item.seen for item in store.search().items]

    def decide(reviewer: str) -> Counter[str]:
        done: Counter[str] = Counter()
        for one in seen:
            try:
                store.accept(reviewer, one)
            except StaleItem:
                continue
            done[one.id] += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(decide, [f"reviewer{number}" for number in range(8)]), Counter())
    assert total == Counter(one.id for one in seen)
    assert len(store.search(Filter(status=USABLE)).items) == 10


def test_threads_that_claim_at_once_get_different_items(
    new_store: Callable[..., ReviewStore], draft: Callable[..., Draft]
) -> None:
    store = new_store()
    store.add_drafts((draft(number) for number in range(16)), actor="generator")
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: store.claim_many(f"reviewer{number}", count=2), range(8)))
    ids = [item.id for items in claimed for item in items]
    assert len(ids) == len(set(ids))
