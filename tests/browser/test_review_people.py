"""Several people, or one in two tabs: blind second opinions, disagreements settled, tabs that do not collide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.review.filters import Filter
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.conversation import Media, Turn
from tests.browser.reviewing import open_review

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser


@pytest.fixture
def blind(served: Any) -> ReviewStore:
    """The page's queue, in which every new draft is given to two people."""
    return ReviewStore(served.services.reviews.store.database.url.render_as_string(), blind_share=1.0)


@pytest.fixture
def source(blind: ReviewStore, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = str(request.node.name)
    drafts = []
    for number in range(2):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (40, 30), (60, 90 * number, 120)).save(path)
        turns = (Turn("user", f"What is {number}?", (Media("image", path),)), Turn("assistant", "A blue ball."))
        drafts.append(Draft("C1", name, turns, expected_error=0.9 - number / 10))
    blind.add_drafts(drafts, actor="generator")
    return name


def test_a_second_opinion_is_blind_and_a_disagreement_is_settled(
    visit: Callable[..., Any], source: str, blind: ReviewStore
) -> None:
    filters = Filter(source=source)
    for _ in range(2):
        item = blind.claim("ann", filters)
        assert item is not None
        blind.reject("ann", item.seen, reason="style", note="ann's secret")
    visitor = visit()
    page = visitor.page
    open_review(page, source, "Bob")
    expect(page.locator("#review .rv-about")).to_contain_text("Second opinion")
    page.locator("#review .rv-next button").click()
    expect(page.locator("#review .rv-turn.user p")).to_have_text("What is 1?")
    shown = "".join(page.locator(f"#review .rv-{part}").inner_text() for part in ("middle", "right"))
    assert "ann's" not in shown and "rejected" not in shown and "ann ·" not in shown
    page.keyboard.press("a")
    expect(page.locator("#review .rv-saved")).to_contain_text("Accepted · saved")
    page.get_by_role("tab", name="Disagreements").click()
    pair = page.locator("#review .rv-pair")
    expect(pair).to_contain_text("ann: rejected")
    expect(pair).to_contain_text("Bob: accepted")
    visitor.shot("review-disagreement")
    pair.get_by_role("button", name="Take Bob's").click()
    expect(page.locator("#review .rv-saved")).to_contain_text("Settled: accepted")
    assert blind.counts(filters)["accepted"] == 1


def test_two_tabs_of_one_person_decide_an_item_once(visit: Callable[..., Any], source: str, blind: ReviewStore) -> None:
    page = visit().page
    open_review(page, source, "Ann")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#ask textarea")
    other.get_by_role("tab", name="Review").click()
    expect(other.locator("#review .rv-turn.user p")).to_have_text("What is 0?")
    page.keyboard.press("a")
    expect(page.locator("#review .rv-saved")).to_contain_text("Accepted · saved")
    other.keyboard.press("r")
    other.keyboard.press("1")
    expect(other.locator("#review .rv-conflict")).to_contain_text("Ann decided about this item since you opened it")
    other.get_by_role("button", name="Leave it as it is now").click()
    expect(other.locator("#review .rv-turn.user p")).to_have_text("What is 1?")
    assert blind.counts(Filter(source=source))["accepted"] == 1


def test_an_edit_outlives_a_clock_that_is_put_back_and_a_reload(visit: Callable[..., Any], source: str) -> None:
    page = visit().page
    open_review(page, source, "Ann")
    page.keyboard.press("e")
    page.keyboard.type(" First.")
    with page.expect_response(lambda answer: "keep" in (answer.request.post_data or "")):
        page.keyboard.type(" Second.")
    page.clock.set_fixed_time("2001-01-01T00:00:00Z")
    page.keyboard.type(" Third.")
    page.reload()
    page.get_by_role("tab", name="Review").click()
    expect(page.get_by_label("Answer 1")).to_have_value("A blue ball. First. Second. Third.")
