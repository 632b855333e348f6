"""The frame in a real browser: light and dark, phone and tablet, keys, names of controls, no other host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]

# What assistive technology reads out, as far as it can be told from the elements.
NAMELESS = """() => {
  const shown = (element) => element.getClientRects().length > 0;
  const name = (element) => element.getAttribute('aria-label') || element.getAttribute('title') ||
    (document.getElementById(element.getAttribute('aria-labelledby')) || {}).textContent ||
    [...(element.labels || [])].map((label) => label.textContent).join('') ||
    (element.closest('label') || {}).textContent || element.textContent;
  return [...document.querySelectorAll('button, input, textarea, select')].filter(shown)
    .filter((element) => !(name(element) || '').trim()).map((element) => element.outerHTML.slice(0, 160));
}"""


def talk(visitor: Any, dog: Path) -> None:
    visitor.attach(dog)
    visitor.ask("Where is the dog?")
    visitor.answered()


def test_dark_is_dark_and_stays_after_a_reload(visit: Visit, dog: Path) -> None:
    visitor = visit(color_scheme="light")
    page = visitor.page
    page.click("[data-action=dark]")
    expect(page.locator("body")).to_have_class("dark")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.gradio-container')).backgroundColor")
        == "rgb(16, 19, 24)"
    )
    talk(visitor, dog)
    visitor.shot("dark-answer")
    page.reload()
    page.wait_for_selector("#ask textarea")
    expect(page.locator("body")).to_have_class("dark")
    visitor.shot("dark-empty")
    assert visitor.outside == []


def test_a_dark_system_gets_the_dark_page(visit: Visit) -> None:
    expect(visit(color_scheme="dark").page.locator("body")).to_have_class("dark")


@pytest.mark.parametrize(("name", "width", "height"), [("phone", 390, 844), ("tablet", 1024, 768)])
def test_small_screens_need_no_sideways_scrolling(visit: Visit, dog: Path, name: str, width: int, height: int) -> None:
    visitor = visit(viewport={"width": width, "height": height}, has_touch=True, is_mobile=name == "phone")
    visitor.shot(f"{name}-empty")
    talk(visitor, dog)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tops = visitor.page.evaluate(
        """['#stage', '#thread', '#ask', '#chat-right']
             .map((id) => document.querySelector(id).getBoundingClientRect().top)"""
    )
    cut = visitor.page.locator("#tabs > .tab-wrapper [role=tablist] button").evaluate_all(
        "(tabs) => tabs.filter((tab) => tab.scrollWidth > tab.clientWidth).map((tab) => tab.textContent)"
    )
    assert cut == [], "names of tabs are whole"
    if name == "phone":
        assert tops == sorted(tops), "the stage comes first, then the thread, the question and the rest"
    question = visitor.page.locator("#ask").bounding_box()
    assert question["y"] + question["height"] <= height + 1, "the question can be reached without scrolling"
    visitor.shot(f"{name}-answer", full_page=True)


def test_the_stage_keeps_its_size_while_an_answer_is_written(visit: Visit, dog: Path) -> None:
    visitor = visit()
    before = visitor.page.locator("#stage .stage").bounding_box()
    visitor.attach(dog)
    visitor.ask("a long one")
    expect(visitor.page.locator("#thread .bot.message")).to_contain_text("word20", timeout=30_000)
    assert visitor.page.locator("#stage .stage").bounding_box() == before
    visitor.page.keyboard.press("Escape")
    visitor.answered()
    expect(visitor.page.locator("#facts")).to_contain_text("stopped")
    assert visitor.page.locator("#stage .stage").bounding_box() == before


def test_keys_work_and_rest_while_one_types(visit: Visit, dog: Path) -> None:
    visitor = visit(color_scheme="light")
    page = visitor.page
    talk(visitor, dog)
    page.locator("#ask textarea").blur()
    page.keyboard.press("b")
    expect(page.locator("#stage svg")).to_be_hidden()
    page.keyboard.press("b")
    expect(page.locator("#stage svg")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    visitor.shot("keys")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#ask textarea")).to_be_focused()
    page.keyboard.type("bdn?")
    expect(page.locator("#ask textarea")).to_have_value("bdn?")
    expect(page.locator("body")).not_to_have_class("dark")
    expect(page.locator("#thread")).to_contain_text("Where is the dog?")


def test_every_control_has_a_name(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.page.click("#sampling .label-wrap")
    assert visitor.page.evaluate(NAMELESS) == []
    talk(visitor, dog)
    assert visitor.page.evaluate(NAMELESS) == []
    assert visitor.page.evaluate("document.documentElement.lang") == "en"
    assert visitor.page.evaluate("document.querySelectorAll('h1').length") == 1


def test_focus_is_visible_and_goes_from_the_header_down(visit: Visit) -> None:
    page = visit().page
    tops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        tops.append(page.evaluate("document.activeElement.getBoundingClientRect().top"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert tops[0] < 60


def test_the_browser_asks_no_other_host(visit: Visit, dog: Path) -> None:
    visitor = visit()
    talk(visitor, dog)
    visitor.page.click("#sampling .label-wrap")
    visitor.page.click("#model-chip [data-action=model]")
    assert visitor.outside == [] and visitor.errors == []
