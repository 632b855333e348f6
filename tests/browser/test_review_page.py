"""The queue in a real browser, by keys: accept, edit, reject, undo, conflicts, boxes, bad drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotation.review.filters import Filter
from annotation.review.items import Box, Check, Item, Span
from annotation.review.store import ReviewStore
from app.settings import REPOSITORY
from lamm_core.conversation import Media, Turn

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

HOSTILE = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> **bold** '
    "[link](javascript:alert(1)) <b>b</b>"
)
CLOUD = REPOSITORY / "assets" / "demo" / "table.ply"


def items(store: ReviewStore, source: str) -> list[Item]:
    return store.search(Filter(source=source), order="error", limit=50).items


def statuses(store: ReviewStore, source: str) -> list[str]:
    return [item.status for item in items(store, source)]


def question(page: Any) -> str:
    words: str = page.locator("#review .rv-turn.user p").inner_text()
    return words


def saved(page: Any, words: str) -> None:
    expect(page.locator("#review .rv-saved")).to_contain_text(words)


def test_keys_decide_and_undo(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("one", "two", "three", "four")
    visitor = desk(source)
    page = visitor.page
    expect(page.locator("#tools [data-action=reviewer]")).to_have_text("Ann")
    assert question(page) == "What is in picture 0?"
    page.keyboard.press("a")
    assert question(page) == "What is in picture 1?"
    saved(page, "Accepted · saved")
    page.keyboard.press("r")
    expect(page.locator("#review .rv-reasons")).to_be_visible()
    page.keyboard.press("3")
    assert question(page) == "What is in picture 2?"
    page.keyboard.press("f")
    page.keyboard.press("s")
    saved(page, "Skipped · saved")
    assert statuses(store, source) == ["accepted", "rejected", "flagged", "skipped"]
    assert items(store, source)[1].reason == "count"
    expect(page.locator("#review .rv-start")).to_contain_text("Nothing is left that meets the filters")
    page.keyboard.press("u")
    saved(page, "Undone")
    assert question(page) == "What is in picture 3?"
    page.keyboard.press("u")
    expect(page.locator("#review .rv-turn.user p")).to_have_text("What is in picture 2?")
    assert statuses(store, source)[2] == "claimed"
    assert store.history(items(store, source)[0].id)[-1].seconds < 60
    assert visitor.errors == [] and visitor.outside == []


def test_an_edit_shows_what_it_changes_and_outlives_a_reload(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("There is a red ball on the grass.", "other")
    visitor = desk(source)
    page = visitor.page
    page.keyboard.press("e")
    answer = page.get_by_label("Answer 1")
    expect(answer).to_be_focused()
    answer.fill("There is a blue ball on the grass.")
    expect(page.locator("#review .rv-diff del")).to_have_text("red")
    expect(page.locator("#review .rv-diff ins")).to_have_text("blue")
    expect(page.locator("#review [data-action=review-accept]")).to_be_disabled()
    visitor.shot("review-edit")
    held = items(store, source)[0]
    visitor.until(lambda: served_edit(page))
    page.reload()
    page.get_by_role("tab", name="Review").click()
    expect(page.get_by_label("Answer 1")).to_have_value("There is a blue ball on the grass.")
    page.get_by_label("Answer 1").focus()
    page.keyboard.press("Control+Enter")
    saved(page, "Edited · saved")
    item = store.get(held.id)
    assert (item.status, item.turns[1].text) == ("edited", "There is a blue ball on the grass.")


def served_edit(page: Any) -> bool:
    return bool(page.evaluate("Object.keys(localStorage).some((name) => name.startsWith('lamm-review-edit-'))"))


def test_letters_in_a_text_field_decide_nothing(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("one", "two")
    page = desk(source).page
    page.keyboard.press("e")
    page.keyboard.type("arfsu")
    expect(page.get_by_label("Answer 1")).to_have_value("onearfsu")
    page.locator("#review .rv-note input").focus()
    page.keyboard.type("arfsu")
    page.locator("#review .rv-left .rv-search").focus()
    page.keyboard.type("arfsu")
    page.get_by_role("tab", name="Chat").click()
    page.locator("body").press("a")
    page.wait_for_timeout(300)
    assert {item.version for item in items(store, source)} == {1}


def test_a_key_that_is_held_down_decides_once(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("one", "two", "three")
    page = desk(source).page
    for _ in range(4):
        page.keyboard.down("a")
    page.keyboard.up("a")
    saved(page, "Accepted")
    assert statuses(store, source).count("accepted") == 1


def test_keys_can_be_changed(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("one", "two")
    visitor = desk(source)
    page = visitor.page
    page.get_by_role("button", name="Change keys").click()
    page.get_by_role("button", name="Key for Accept").click()
    page.keyboard.press("r")
    expect(page.locator("#review .rv-problem")).to_contain_text("R means Reject already")
    page.get_by_role("button", name="Key for Accept").click()
    page.keyboard.press("j")
    page.locator("#review dialog").get_by_role("button", name="Close").click()
    expect(page.locator("#review [data-action=review-accept] kbd")).to_have_text("J")
    page.locator("body").press("a")
    assert question(page) == "What is in picture 0?"
    page.locator("body").press("j")
    saved(page, "Accepted")
    assert statuses(store, source)[0] == "accepted"
    page.locator("body").press("?")
    listed = page.locator("#keys .rv-listed tr")
    expect(listed.filter(has_text="Accept")).to_have_text("JAccept")
    expect(listed.filter(has_text="Skip")).to_have_text("SSkip")
    visitor.shot("review-keys")


def test_two_people_on_one_item_see_both_versions(desk: Any, fill: Any, store: ReviewStore) -> None:
    source = fill("There is a dog.", "two")
    ann = desk(source).page
    item = items(store, source)[0]
    ann.keyboard.press("e")
    ann.get_by_label("Answer 1").fill("There is a brown dog.")
    turns = (item.turns[0], Turn("assistant", "There is a cat."))
    store.edit("Bob", store.get(item.id).seen, turns=turns)
    ann.get_by_label("Answer 1").press("Control+Enter")
    conflict = ann.locator("#review .rv-conflict")
    expect(conflict).to_contain_text("Bob decided about this item since you opened it")
    expect(conflict).to_contain_text("Now: edited by Bob")
    expect(conflict.locator("ins").first).to_have_text("cat.")
    ann.screenshot(path=Path(__file__).parent / "screenshots" / "review-conflict.png")
    conflict.get_by_role("button", name="Go on with my edit").click()
    expect(ann.get_by_label("Answer 1")).to_have_value("There is a brown dog.")
    ann.get_by_label("Answer 1").press("Control+Enter")
    saved(ann, "Edited · saved")
    assert store.get(item.id).turns[1].text == "There is a brown dog."


def test_boxes_are_drawn_moved_named_and_deleted(desk: Any, fill: Any, store: ReviewStore) -> None:
    objects = {"objects": [{"label": "dog", "bbox": [0.5, 0.5, 0.8, 0.8]}]}
    source = fill({"annotation": objects}, "two")
    visitor = desk(source)
    page = visitor.page
    item = items(store, source)[0]
    page.keyboard.press("w")
    expect(page.locator("#review .rv-picture img")).to_be_visible()
    area = page.locator("#review .rv-picture").bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return area["x"] + x * area["width"], area["y"] + y * area["height"]

    page.mouse.move(*at(0.1, 0.1))
    page.mouse.down()
    page.mouse.move(*at(0.3, 0.4), steps=5)
    page.mouse.up()
    page.keyboard.type("ball")
    page.keyboard.press("Enter")
    places = page.locator("#review .rv-boxes small")
    expect(places).to_have_text(["0.50 0.50 0.80 0.80", "0.10 0.10 0.30 0.40"])
    page.mouse.move(*at(0.65, 0.65))
    page.mouse.down()
    page.mouse.move(*at(0.75, 0.65), steps=5)
    page.mouse.up()
    expect(places.first).to_have_text("0.60 0.50 0.90 0.80")
    page.mouse.move(*at(0.9, 0.8))
    page.mouse.down()
    page.mouse.move(*at(0.95, 0.9), steps=5)
    page.mouse.up()
    expect(places.first).to_have_text("0.60 0.50 0.95 0.90")
    page.keyboard.press("ArrowLeft")
    expect(places.first).to_have_text("0.59 0.50 0.94 0.90")
    visitor.shot("review-boxes")
    page.keyboard.press("n")
    expect(places).to_have_count(3)
    page.keyboard.press("Delete")
    expect(places).to_have_count(2)
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    saved(page, "Edited · saved")
    boxes = store.get(item.id).boxes
    assert boxes is not None and [box.label for box in boxes] == ["dog", "ball"]
    assert boxes[1].values == pytest.approx((0.1, 0.1, 0.3, 0.4), abs=0.01)


def test_a_check_marks_its_words_and_lights_its_box(desk: Any, fill: Any) -> None:
    check = Check("objects", 0.8, "the annotation has no ball", Span(1, 10, 16), Box("ball", (0.1, 0.1, 0.4, 0.4)))
    source = fill({"answer": "A dog and a ball.", "checks": (check,)}, "two")
    visitor = desk(source)
    page = visitor.page
    mark = page.locator("#review mark.check")
    expect(mark).to_have_text("a ball")
    expect(page.locator("#review .rv-picture g.spoken")).to_be_hidden()
    mark.focus()
    expect(page.locator("#review .rv-tip")).to_have_text("the annotation has no ball")
    expect(page.locator("#review .rv-picture g.spoken")).to_have_class("spoken lit")
    expect(page.locator("#review .rv-checks li.lit")).to_contain_text("objects")
    visitor.shot("review-check")


def test_a_draft_with_markup_is_text(desk: Any, fill: Any) -> None:
    annotation = {"caption": HOSTILE, "objects": [{"label": HOSTILE, "bbox": [0, 0, 1, 1]}]}
    checks = (Check(HOSTILE, 0.5, HOSTILE, Span(1, 0, 20)),)
    source = fill({"answer": HOSTILE, "annotation": annotation, "checks": checks, "generator": HOSTILE}, HOSTILE)
    visitor = desk(source)
    page = visitor.page
    expect(page.locator("#review .rv-turn.assistant p")).to_have_text(HOSTILE)
    page.locator("#review mark").first.hover()
    page.keyboard.press("e")
    page.keyboard.type(HOSTILE)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#review .rv-panel img[src=x], #review script").count() == 0
    visitor.shot("review-hostile")
    assert visitor.errors == []


def test_an_answer_of_100_kilobytes_is_shown_edited_and_saved(desk: Any, fill: Any, store: ReviewStore) -> None:
    long = "word " * 20_000
    source = fill(long, "two")
    page = desk(source).page
    before = page.locator("#review .rv-stage").bounding_box()
    item = items(store, source)[0]
    page.keyboard.press("e")
    page.get_by_label("Answer 1").press("Control+End")
    page.keyboard.type("end")
    expect(page.locator("#review .rv-diff ins")).to_have_text("end")
    page.keyboard.press("Control+Enter")
    saved(page, "Edited · saved")
    assert store.get(item.id).turns[1].text == f"{long}end"
    assert page.locator("#review .rv-stage").bounding_box() == before


def test_a_picture_that_vanished_is_said_to_have_and_the_item_is_decided(
    desk: Any, fill: Any, store: ReviewStore, tmp_path: Path
) -> None:
    source = fill("one", "two")
    (tmp_path / "0.png").unlink()
    page = desk(source).page
    expect(page.locator("#review .rv-gone")).to_contain_text("0.png is not there any more")
    page.keyboard.press("s")
    saved(page, "Skipped")
    assert statuses(store, source)[0] == "skipped"


def test_a_cloud_is_shown_with_its_boxes_which_are_edited_in_numbers(desk: Any, fill: Any, store: ReviewStore) -> None:
    things = {"objects": [{"label": "red cup", "bbox": [0.1, 0.1, 0.1, 0.2, 0.2, 0.2]}]}
    source = fill(
        {"media": (Media("pointcloud", CLOUD),), "annotation": things, "answer": "It is the cup [obj1]."}, "two"
    )
    visitor = desk(source)
    page = visitor.page
    page.wait_for_function("window.lammViewers?.get('review-cloud')?.stats.drawn", timeout=60_000)
    expect(page.locator("#review .rv-cloud .lamm-label")).to_contain_text("red cup")
    page.locator("#review .mention").hover()
    expect(page.locator("#review .rv-cloud .lamm-label.lit")).to_have_count(1)
    visitor.shot("review-cloud")
    item = items(store, source)[0]
    drawn = "window.lammViewers.get('review-cloud').value.boxes"
    page.keyboard.press("w")
    page.get_by_label("Box 1: centre x, in metres").fill("0.25")
    page.wait_for_function(f"{drawn}[0].centre[0] === 0.25")
    page.get_by_label("Box 1: size z, in metres").fill("0")
    expect(page.get_by_label("Box 1: size z, in metres")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Box 1: size z, in metres")).to_have_value("0.2")
    page.get_by_role("button", name="New box").click()
    page.get_by_label("Name of box 2").fill("bowl")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{drawn}[1]?.label === 'bowl'")
    visitor.shot("review-cloud-boxes")
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    saved(page, "Edited · saved")
    boxes = store.get(item.id).boxes
    assert boxes == tuple(Box(name, (x, 0.1, 0.1, 0.2, 0.2, 0.2)) for name, x in (("red cup", 0.25), ("bowl", 0.45)))
    expect(page.locator("#review .rv-picture img")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_the_stage_first_and_needs_no_sideways_scrolling(desk: Any, fill: Any, scheme: str) -> None:
    source = fill("one", "two")
    visitor = desk(source, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme=scheme)
    page = visitor.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tops = page.evaluate(
        "['.rv-stage', '.rv-talk', '.rv-decide', '.rv-filters']"
        ".map((one) => document.querySelector('#review ' + one).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    visitor.shot(f"review-phone-{scheme}", full_page=True)
