"""The chat in a real browser: what a person does, sees and cannot break."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


def shapes(page: Any) -> list[dict[str, float]]:
    """The drawn boxes in pixels of the screen, in shares of the drawn picture."""
    drawn: list[dict[str, float]] = page.evaluate(
        """() => {
          const frame = document.querySelector('#stage img').getBoundingClientRect();
          return [...document.querySelectorAll('#stage svg rect.mark')].map((rect) => {
            const box = rect.getBoundingClientRect();
            return { mark: Number(rect.parentNode.dataset.mark), x1: (box.left - frame.left) / frame.width,
              y1: (box.top - frame.top) / frame.height, x2: (box.right - frame.left) / frame.width,
              y2: (box.bottom - frame.top) / frame.height };
          }).sort((one, other) => one.mark - other.mark);
        }"""
    )
    return drawn


def test_upload_ask_and_see_the_boxes_where_the_answer_says(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.shot("light-empty")
    visitor.attach(dog)
    expect(visitor.page.locator("#stage .stage")).to_have_attribute("data-empty", "no", timeout=15_000)
    visitor.ask("Where is the dog?")
    visitor.answered()
    expect(visitor.page.locator("#stage svg rect.mark")).to_have_count(2)
    first, second = shapes(visitor.page)
    for box, wanted in ((first, (0.10, 0.20, 0.50, 0.90)), (second, (0.60, 0.10, 0.90, 0.40))):
        # half a line's width is drawn outside the box
        assert [box["x1"], box["y1"], box["x2"], box["y2"]] == pytest.approx(wanted, abs=0.015)
    expect(visitor.page.locator("#stage svg path.mark")).to_have_count(1)
    expect(visitor.page.locator("#stage .stage-labels span").first).to_have_text("dog")
    expect(visitor.page.locator("#facts")).to_contain_text(re.compile(r"tokens/s · first token \d"))
    visitor.shot("light-answer")
    assert visitor.outside == [] and visitor.errors == []


def test_words_of_the_model_are_words_and_never_markup(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.page.on("dialog", lambda dialog: visitor.errors.append("a script ran"))
    visitor.attach(dog)
    visitor.ask("Where is the <b>dog</b>?")
    visitor.answered()
    shown = visitor.page.inner_text("#thread").replace("\u2060", "")
    assert "<img src=x onerror=alert(1)>" in shown and "Where is the <b>dog</b>?" in shown
    assert visitor.page.locator("#stage img[src=x], #thread img[src=x], #objects img, #thread b").count() == 0
    assert visitor.errors == []


def test_what_one_selects_and_copies_is_what_was_said(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.attach(dog)
    visitor.ask("Where is the <b>dog</b> & cat?")
    visitor.answered()
    copied = visitor.page.evaluate(
        """() => {
          const thread = document.querySelector('#thread');
          getSelection().selectAllChildren(thread);
          const clipboardData = new DataTransfer();
          const event = new ClipboardEvent('copy', { clipboardData, bubbles: true, cancelable: true });
          thread.dispatchEvent(event);
          return event.clipboardData.getData('text/plain');
        }"""
    )
    assert "Where is the <b>dog</b> & cat?" in copied and "<img src=x onerror=alert(1)>" in copied


def test_pointing_at_a_name_shows_its_box_alone(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.attach(dog)
    visitor.ask("Where is the dog?")
    visitor.answered()
    visitor.page.hover("#objects li:nth-child(2) button")
    expect(visitor.page.locator("#stage .stage-labels span.spot")).to_have_text("left eye")
    assert visitor.page.evaluate("CSS.highlights.get('lamm-spot').size") == 1
    visitor.shot("light-spotlight")
    visitor.page.hover("#header")
    expect(visitor.page.locator("#stage .spot")).to_have_count(0)
    place = visitor.page.evaluate(
        """() => { const box = [...CSS.highlights.get('lamm-phrase')][0].getBoundingClientRect();
           return [box.left + 5, box.top + box.height / 2]; }"""
    )
    visitor.page.mouse.move(*place)
    expect(visitor.page.locator("#stage .stage-labels span.spot")).to_have_text("dog")


def test_an_answer_grows_and_stop_stops_the_computation(visit: Visit, served: Any) -> None:
    visitor = visit()
    visitor.ask("a long one")
    expect(visitor.page.locator("#thread .bot.message")).to_contain_text("word3", timeout=30_000)
    assert "word1999" not in visitor.page.inner_text("#thread")
    visitor.shot("light-writing")
    visitor.page.click("#ask .stop-button")
    visitor.answered()
    expect(visitor.page.locator("#facts")).to_contain_text("stopped")
    steps = served.engine.steps
    visitor.page.wait_for_timeout(500)  # a while in which a running computation would have gone on
    assert served.engine.steps == steps < 1500


def test_retry_edit_undo_clear_and_back(visit: Visit, served: Any, dog: Path) -> None:
    visitor = visit()
    page = visitor.page
    visitor.attach(dog)
    visitor.ask("hello")
    visitor.answered()
    asked = len(served.engine.asked)
    page.click("#thread button[aria-label=Retry]")
    visitor.until(lambda: len(served.engine.asked) == asked + 1)
    visitor.answered()
    page.click("#thread button[aria-label=Edit]")
    page.fill("#thread textarea", "Where is the dog?")
    page.click("#thread button[aria-label=Submit]")
    expect(page.locator("#stage svg rect.mark")).to_have_count(2, timeout=30_000)
    visitor.answered()
    assert served.engine.asked[-1][0].text == "Where is the dog?" and len(served.engine.asked[-1][0].media) == 1
    page.click("#thread button[aria-label=Undo]")
    expect(page.locator("#ask textarea")).to_have_value("Where is the dog?")
    expect(page.locator("#ask .thumbnail-item")).to_have_count(1)
    expect(page.locator("#thread .message")).to_have_count(0)
    page.press("#ask textarea", "Enter")
    visitor.answered()
    page.click("#new-chat")
    expect(page.locator("#thread .message")).to_have_count(0)
    page.click("#bring-back")
    expect(page.locator("#stage svg rect.mark")).to_have_count(2)
    expect(page.locator("#thread")).to_contain_text("Where is the dog?")


def test_a_new_chat_while_an_answer_is_written_stays_empty(visit: Visit, served: Any) -> None:
    visitor = visit()
    visitor.ask("a long one")
    expect(visitor.page.locator("#thread .bot.message")).to_contain_text("word3", timeout=30_000)
    visitor.page.click("#new-chat")
    expect(visitor.page.locator("#thread .message")).to_have_count(0)
    steps = served.engine.steps
    visitor.page.wait_for_timeout(1000)  # a while in which a running computation would have come back
    assert served.engine.steps <= steps + 2
    expect(visitor.page.locator("#thread .message")).to_have_count(0)
    visitor.ask("hello")
    visitor.answered()
    expect(visitor.page.locator("#thread")).not_to_contain_text("word3")


def test_a_visitor_who_waits_for_another_can_stop(visit: Visit) -> None:
    first, second = visit(), visit()
    first.ask("a long one")
    expect(first.page.locator("#thread .bot.message")).to_contain_text("word3", timeout=30_000)
    second.ask("hello")
    expect(second.page.locator("#facts .writing")).to_have_text("waiting for the model")
    second.page.click("#ask .stop-button")
    first.page.click("#ask .stop-button")
    first.answered()
    expect(second.page.locator("#facts")).to_contain_text("stopped", timeout=30_000)


def test_two_visitors_never_see_each_other(visit: Visit, dog: Path) -> None:
    first, second = visit(), visit()
    first.attach(dog)
    first.ask("Where is my secret dog?")
    second.ask("hello")
    first.answered()
    second.answered()
    expect(second.page.locator("#thread")).not_to_contain_text("secret")
    expect(second.page.locator("#stage .stage")).to_have_attribute("data-empty", "yes")
    expect(first.page.locator("#thread")).not_to_contain_text("hello")


def test_several_pictures_in_one_conversation(visit: Visit, served: Any, dog: Path, tmp_path: Path) -> None:
    visitor = visit()
    red = tmp_path / "red.png"
    Image.new("RGB", (50, 80), "red").save(red)
    visitor.attach(dog, red)
    visitor.ask("hello")
    visitor.answered()
    assert [medium.path.name for medium in served.engine.asked[-1][0].media] == ["dog.png", "red.png"]
    expect(visitor.page.locator(".stage-strip button")).to_have_count(2)
    expect(visitor.page.locator(".stage-name")).to_contain_text("red.png · 50 × 80")
    visitor.page.click(".stage-strip button:first-child")
    expect(visitor.page.locator(".stage-name")).to_contain_text("dog.png · 600 × 400")


def bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_bad_files_are_told_and_nothing_is_lost(visit: Visit, dog: Path, tmp_path: Path) -> None:
    visitor = visit()
    page = visitor.page
    visitor.ask("hello")
    visitor.answered()
    contents = {
        "truncated.png": dog.read_bytes()[:400],
        "words.png": b"these are words, not a picture",
        "bomb.png": bomb(),
    }
    for name, content in contents.items():
        bad = tmp_path / name
        bad.write_bytes(content)
        visitor.attach(bad)
        visitor.ask(f"what is {name}?")
        expect(page.locator("#notice [role=alert]")).to_contain_text(name, timeout=15_000)
        expect(page.locator("#ask textarea")).to_have_value(f"what is {name}?")
        expect(page.locator("#thread")).to_contain_text("I do not know.")
        visitor.shot(f"bad-{name.removesuffix('.png')}")
        page.click("#ask .delete-button")
        expect(page.locator("#ask .thumbnail-item")).to_have_count(0)
    visitor.ask("hello again")
    visitor.answered()
    expect(page.locator("#thread")).to_contain_text("hello again")


def test_a_conversation_too_long_is_told_with_both_numbers_and_comes_back(visit: Visit, dog: Path) -> None:
    visitor = visit()
    visitor.attach(dog)
    visitor.ask("Where " + "and where " * 400)
    expect(visitor.page.locator("#notice [role=alert]")).to_contain_text("850", timeout=15_000)
    expect(visitor.page.locator("#notice [role=alert]")).to_contain_text("700")
    expect(visitor.page.locator("#ask textarea")).to_have_value(re.compile("^Where and where"))
    expect(visitor.page.locator("#ask .thumbnail-item")).to_have_count(1)
    expect(visitor.page.locator("#ask .submit-button")).to_be_visible()


def test_a_control_without_effect_is_not_shown(visit: Visit, served: Any) -> None:
    visitor = visit()
    page = visitor.page
    page.click("#sampling .label-wrap")
    expect(page.locator("#temperature")).to_be_visible()
    expect(page.locator("#top-p")).to_be_hidden()
    page.fill("#temperature input[type=number]", "0.7")
    page.press("#temperature input[type=number]", "Tab")
    expect(page.locator("#top-p")).to_be_visible()
    visitor.shot("light-sampling")
    visitor.ask("hello")
    visitor.answered()
    assert served.engine.settings[-1].temperature == 0.7


def test_the_conversation_can_be_saved_both_ways(visit: Visit) -> None:
    visitor = visit()
    visitor.ask("hello")
    visitor.answered()
    with visitor.page.expect_download() as markdown:
        visitor.page.get_by_role("button", name="Save as .md").click()
    assert "**You:** hello" in Path(markdown.value.path()).read_text()
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("button", name="Save as .json").click()
    assert json.loads(Path(saved.value.path()).read_text())["exchanges"][0]["question"] == "hello"


def test_drop_paste_and_camera_bring_pictures_in(visit: Visit, dog: Path) -> None:
    visitor = visit()
    page = visitor.page
    carrier = page.evaluate_handle(
        """async () => { const canvas = document.createElement('canvas'); canvas.width = 30; canvas.height = 20;
          const blob = await new Promise((done) => canvas.toBlob(done));
          const carrier = new DataTransfer(); carrier.items.add(new File([blob], 'made.png', { type: 'image/png' }));
          return carrier; }"""
    )
    page.dispatch_event("#stage .stage", "drop", {"dataTransfer": carrier})
    expect(page.locator("#ask .thumbnail-item")).to_have_count(1, timeout=15_000)
    page.evaluate(
        """(carrier) => document.querySelector('#ask textarea').dispatchEvent(
          new ClipboardEvent('paste', { clipboardData: carrier, bubbles: true, cancelable: true }))""",
        carrier,
    )
    expect(page.locator("#ask .thumbnail-item")).to_have_count(2, timeout=15_000)
    context = page.context
    context.grant_permissions(["camera"])
    page.click(".stage-bar [data-do=camera]")
    page.wait_for_function("() => document.querySelector('.camera video').videoWidth > 0", timeout=15_000)
    page.click(".camera [data-do=shoot]")
    expect(page.locator("#ask .thumbnail-item")).to_have_count(3, timeout=15_000)


def test_an_example_is_one_click_away(visit: Visit) -> None:
    visitor = visit()
    visitor.page.click("#stage [data-do=example]")
    expect(visitor.page.locator("#ask textarea")).to_have_value("Where is the cat?", timeout=15_000)
    expect(visitor.page.locator("#ask .thumbnail-item")).to_have_count(1)
    visitor.page.click("#examples [data-index='1']")
    expect(visitor.page.locator("#ask textarea")).to_have_value(re.compile("What word"), timeout=15_000)
