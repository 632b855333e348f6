"""Claiming stays fast when the queue is long: every statement walks along an index and sorts nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from annotation.review.filters import ORDERS, Filter, Order
from annotation.review.items import Draft
from annotation.review.store import ReviewStore

FILTERS = (Filter(), Filter(kind="C1"), Filter(source="coco"), Filter(kind="C1", source="coco"), Filter(text="dog"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite tells its plan in words; PostgreSQL changes its own with the number of rows."""
    return f"sqlite:///{tmp_path}/reviews.db"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("filters", FILTERS, ids=lambda one: str(one.to_dict()))
def test_a_claim_neither_sorts_nor_reads_items_that_are_not_meant(
    new_store: Callable[..., ReviewStore],
    draft: Callable[..., Draft],
    filters: Filter,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("annotation.review.wording.FEW", 0)  # the word is one that many items say
    store = new_store()
    store.add_drafts((draft(number) for number in range(3)), actor="generator")
    asked: list[tuple[str, Any]] = []

    @event.listens_for(store.database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.startswith("SELECT states.item"):
            asked.append((statement, values))

    assert store.claim("ann", filters, order=order) is not None
    with store.database.reading() as connection:
        plans = [
            " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
            for statement, values in list(asked)
        ]
    assert len(plans) == 2, "second opinions, then drafts"
    assert "states_wanted" in plans[0]
    for plan in plans:
        assert "TEMP B-TREE" not in plan
        assert "USING INDEX" in plan.split("CORRELATED")[0]
