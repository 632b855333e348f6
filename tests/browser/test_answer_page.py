"""What one does with an answer, in a real browser: compare it with another's, send it to review."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


@pytest.fixture
def asked(visit: Visit, dog: Path) -> Callable[..., Any]:
    """A visitor who has an answer about a picture."""

    def asked(**options: Any) -> Any:
        visitor = visit(**options)
        visitor.attach(dog)
        visitor.ask("Where is the dog?")
        visitor.answered()
        return visitor

    return asked


def test_another_adapter_answers_beside_the_first_with_boxes_of_its_own(asked: Callable[..., Any]) -> None:
    visitor = asked()
    page = visitor.page
    stage = page.locator("#stage .stage").bounding_box()
    choice = page.get_by_label("Compare this answer with")
    assert choice.inner_text().split("\n")[:3] == ["Compare with …", "tiny, no adapter", "tiny, adapter image"]
    choice.select_option("tiny, no adapter")
    expect(page.locator("#comparison .side-b p")).to_have_text("<i>Here</i>: dog [0.15, 0.10, 0.60, 0.95].")
    expect(page.locator("#comparison .side-b small")).to_contain_text("tokens/s", timeout=30_000)
    expect(page.locator("#comparison .side-a h3")).to_have_text("A · tiny, automatic adapter")
    expect(page.locator("#comparison i")).to_have_count(0)
    expect(page.locator("#stage rect.mark")).to_have_count(3)
    expect(page.locator("#stage .side-b rect.mark")).to_have_count(1)
    expect(page.locator("#stage .stage-labels .side-b")).to_contain_text("B · ")
    assert page.locator("#stage .stage").bounding_box() == stage, "the stage does not jump"
    visitor.shot("light-compare")
    page.get_by_label("Close the comparison").click()
    expect(page.locator("#comparison .comparison")).to_be_hidden()
    expect(page.locator("#stage rect.mark")).to_have_count(2)
    assert visitor.errors == []


def test_arrow_keys_in_the_choice_start_nothing_and_enter_does(asked: Callable[..., Any], served: Any) -> None:
    visitor = asked()
    page = visitor.page
    before = len(served.engine.asked)
    page.get_by_label("Compare this answer with").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    assert len(served.engine.asked) == before
    page.keyboard.press("Enter")
    visitor.until(lambda: len(served.engine.asked) == before + 1)
    assert served.engine.adapters[-1] == ""


def test_a_turn_goes_to_review_once_with_its_picture(asked: Callable[..., Any], served: Any, dog: Path) -> None:
    visitor = asked()
    page = visitor.page
    page.locator("#ask textarea").blur()
    page.keyboard.press("m")
    expect(page.locator(".answer-sent")).to_contain_text("Sent.")
    page.get_by_role("button", name="Send to review").click()
    expect(page.locator(".answer-sent")).to_contain_text("Sent before.")
    visitor.shot("light-sent")
    lines = served.services.marks.file.read_text(encoding="utf-8").splitlines()
    (record,) = [json.loads(line) for line in lines if json.loads(line)["prompt"] == "Where is the dog?"]
    assert record["answers"]["tiny"].startswith("There is a dog at")
    assert Path(record["media"][0]["path"]).read_bytes() == dog.read_bytes()
    page.click("#new-chat")
    expect(page.get_by_role("button", name="Send to review")).to_be_hidden()


def test_a_phone_has_a_new_chat_at_hand(asked: Callable[..., Any]) -> None:
    visitor = asked(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visitor.page
    button = page.locator("#new-chat").bounding_box()
    assert button["y"] + button["height"] <= page.locator("#stage").bounding_box()["y"]
    visitor.shot("phone-actions")
    page.get_by_label("Compare this answer with").select_option("tiny, no adapter")
    expect(page.locator("#comparison .side-b small")).to_contain_text("tokens/s", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.shot("phone-compare")
    page.click("#new-chat")
    expect(page.locator("#thread .message")).to_have_count(0)
