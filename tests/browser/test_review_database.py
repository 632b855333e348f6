"""The queue in a browser while its database is locked, or gone: what is said, and that nothing is lost."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from annotation.review.filters import Filter
from annotation.review.store import ReviewStore

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser


def answers(store: ReviewStore, source: str) -> list[str]:
    return [item.turns[1].text for item in store.search(Filter(source=source)).items]


def test_a_locked_database_keeps_what_was_decided(desk: Any, fill: Any, store: ReviewStore, served: Any) -> None:
    source = fill("one", "two", "three")
    visitor = desk(source)
    page = visitor.page
    page.wait_for_timeout(2000)  # the counts on the left have come
    store.database.patience = 0.3
    file = served.services.settings.reviews / "reviews.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    page.keyboard.press("e")
    page.get_by_label("Answer 1").fill("written while it was locked")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#review .rv-banner")).to_contain_text("One decision is not saved yet", timeout=30_000)
    expect(page.locator("#review .rv-banner")).to_contain_text("locked by another program")
    visitor.shot("review-locked")
    other.execute("ROLLBACK")
    other.close()
    expect(page.locator("#review .rv-saved")).to_contain_text("Edited · saved")
    expect(page.locator("#review .rv-banner")).to_be_hidden()
    assert "written while it was locked" in answers(store, source)


def test_a_database_that_is_gone_is_named_and_what_was_decided_waits_for_it(
    desk: Any, fill: Any, store: ReviewStore, served: Any
) -> None:
    source = fill("one", "two", "three")
    visitor = desk(source)
    page = visitor.page
    page.wait_for_timeout(2000)  # the counts on the left have come
    file = served.services.settings.reviews / "reviews.db"
    aside = file.rename(file.with_name("moved away"))
    try:
        page.keyboard.press("e")
        page.get_by_label("Answer 1").fill("written while it was gone")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#review .rv-banner")).to_contain_text("One decision is not saved yet", timeout=30_000)
        expect(page.locator("#review .rv-banner")).to_contain_text("reviews.db is gone")
        expect(page.locator("#review .rv-banner")).to_contain_text("Put the file back")
        visitor.shot("review-gone")
    finally:
        aside.rename(file)
    expect(page.locator("#review .rv-saved")).to_contain_text("Edited · saved")
    expect(page.locator("#review .rv-banner")).to_be_hidden()
    assert "written while it was gone" in answers(store, source)
