"""The tab of point clouds in a real browser: example, fixes, chips, clicks, stop, bad files, other sessions, phone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.settings import REPOSITORY
from lamm_core.pointclouds.read import read_cloud

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
SLOW = 60_000  # milliseconds; software draws


@pytest.fixture
def scan(visit: Visit) -> Callable[..., Any]:
    """Opens the tab for a new person, and an example in it."""

    def open_tab(example: int | None = 0, **options: Any) -> Any:
        visitor = visit(**options)
        visitor.page.get_by_role("tab", name="Point clouds").click()
        expect(visitor.page.locator("#cloud-cover .lead")).to_be_visible()
        if example is not None:
            visitor.page.click(f"#cloud-examples button[data-index='{example}']")
            opened(visitor.page)
        return visitor

    return open_tab


def opened(page: Any) -> None:
    expect(page.locator("#cloud-table tbody button").first).to_be_visible(timeout=SLOW)
    page.wait_for_function("window.lammViewers?.get('cloud-view')?.stats.drawn", timeout=SLOW)


def ask(page: Any, question: str) -> None:
    page.fill("#cloud-ask textarea", question)
    page.press("#cloud-ask textarea", "Enter")


def answered(page: Any) -> None:
    expect(page.locator("#cloud-facts")).to_contain_text("tokens", timeout=SLOW)
    expect(page.locator("#cloud-facts .writing")).to_have_count(0, timeout=SLOW)


def lit(page: Any) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('#cloud-view .lamm-label.lit')].map((one) => one.textContent)")


def test_the_empty_tab_teaches_and_its_button_opens_the_example(scan: Callable[..., Any]) -> None:
    visitor = scan(None)
    page = visitor.page
    visitor.shot("scene-empty")
    page.get_by_role("button", name="Load the example").click()
    opened(page)
    expect(page.locator("#cloud-cover .lead")).to_be_hidden()
    expect(page.locator("#cloud-doctor")).to_contain_text("table.ply")
    expect(page.locator("#cloud-table tbody tr")).to_have_count(7)
    visitor.shot("scene-example")
    assert visitor.outside == [] and visitor.errors == []


def test_named_objects_are_chips_that_light_their_boxes(scan: Callable[..., Any]) -> None:
    visitor = scan()
    page = visitor.page
    ask(page, "Which is furthest to the left?")
    answered(page)
    chips = page.locator("#cloud-talk .object-chip")
    expect(chips).to_have_text(["purple object obj7", "red cup obj2"])
    expect(page.locator("#cloud-talk")).to_contain_text("<b>behind</b> it stands")
    expect(page.locator("#cloud-talk")).to_contain_text("[obj99]")
    assert page.locator("#cloud-talk b").count() == 0
    expect(page.locator("#cloud-table tr.answer td:nth-child(2)")).to_have_text(["red cup", "purple object"])
    assert sorted(lit(page)) == ["[obj2] red cup", "[obj7] purple object"]
    chips.first.hover()
    expect(page.locator("#cloud-table tr.spot")).to_contain_text("obj7")
    visitor.until(lambda: lit(page) == ["[obj7] purple object"])
    visitor.shot("scene-answer")
    before = page.evaluate("window.lammViewers.get('cloud-view').eye.camera.position.toArray()")
    chips.first.click()
    visitor.until(lambda: page.evaluate("window.lammViewers.get('cloud-view').eye.camera.position.toArray()") != before)
    page.click("[data-action=dark]")
    visitor.shot("scene-answer-dark")
    assert visitor.errors == []


def test_a_click_on_an_object_brings_it_into_the_question(scan: Callable[..., Any]) -> None:
    page = scan().page
    page.fill("#cloud-ask textarea", "Is this object red?")
    page.locator("#cloud-view .lamm-label:visible", has_text="[obj1]").click()
    expect(page.locator("#cloud-ask textarea")).to_have_value("Is this object [obj1] red?")


def test_fixes_are_made_by_a_click_and_undone_by_another(scan: Callable[..., Any]) -> None:
    visitor = scan(2)
    page = visitor.page
    ask(page, "Which is furthest?")
    answered(page)
    visitor.shot("scene-odd")
    page.get_by_role("button", name="Make all 3 fixes").click()
    expect(page.locator("#cloud-doctor li.made")).to_have_count(3, timeout=SLOW)
    expect(page.locator("#cloud-table th").nth(2)).to_contain_text("(m)")
    # What was answered about the cloud as it was stays, without pointing at objects that now have other numbers.
    expect(page.locator("#cloud-talk")).to_contain_text("purple object [obj7]")
    expect(page.locator("#cloud-talk .object-chip")).to_have_count(0)
    expect(page.locator("#cloud-talk .talk-note")).to_contain_text("new numbers")
    visitor.shot("scene-fixed")
    page.locator("#cloud-doctor li.made", has_text="Unit").get_by_role("button").click()
    expect(page.locator("#cloud-doctor li.made")).to_have_count(2, timeout=SLOW)
    expect(page.locator("#cloud-table th").nth(2)).to_contain_text("(file units)")
    assert visitor.errors == []


def test_the_model_is_asked_about_the_cloud_that_is_seen(scan: Callable[..., Any], served: Any) -> None:
    visitor = scan(2)
    page = visitor.page
    page.get_by_role("button", name="Make all 3 fixes").click()
    expect(page.locator("#cloud-doctor li.made")).to_have_count(3, timeout=SLOW)
    ask(page, "Which is furthest of the fixed ones?")
    answered(page)
    turns = next(turns for turns in reversed(served.engine.asked) if "fixed ones" in turns[-1].text)
    (medium,) = turns[-1].media
    assert medium.modality == "pointcloud"
    assert np.ptp(read_cloud(medium.path).xyz[:, 0]) < 2


def test_stop_stops_and_the_question_can_be_asked_again(scan: Callable[..., Any], served: Any) -> None:
    visitor = scan()
    page = visitor.page
    ask(page, "a long one")
    expect(page.locator("#cloud-talk .talk-assistant")).to_contain_text("word3", timeout=SLOW)
    page.click("#cloud-ask .stop-button")
    expect(page.locator("#cloud-facts")).to_contain_text("stopped", timeout=SLOW)
    steps = served.engine.steps
    page.wait_for_timeout(600)
    assert served.engine.steps == steps
    expect(page.locator("#cloud-ask .submit-button")).to_be_visible()


def test_a_bad_file_is_said_to_be_one_and_everything_else_stays(scan: Callable[..., Any], dog: Path) -> None:
    visitor = scan()
    page = visitor.page
    ask(page, "Which is furthest?")
    answered(page)
    page.set_input_files("#cloud-left input[type=file]", str(dog))
    refused = page.locator(".cloud-refused")
    expect(refused).to_contain_text("dog.png is not a point cloud but a PNG picture", timeout=SLOW)
    visitor.shot("scene-refused")
    expect(page.locator("#cloud-table tbody tr")).to_have_count(7)
    expect(page.locator("#cloud-talk .object-chip")).to_have_count(2)
    refused.get_by_role("button").click()
    expect(refused).to_be_hidden()
    page.set_input_files("#cloud-left input[type=file]", str(REPOSITORY / "assets" / "demo" / "room.ply"))
    expect(page.locator("#cloud-doctor")).to_contain_text("room.ply", timeout=SLOW)
    expect(page.locator("#cloud-table tbody tr")).to_have_count(5)


def test_truth_is_a_layer_where_the_file_has_it(scan: Callable[..., Any]) -> None:
    page = scan().page
    page.get_by_label("Ground truth").check()
    expect(page.locator("#cloud-table tr.truth")).to_have_count(7)
    expect(page.locator("#cloud-view .lamm-label.truth").first).to_be_attached()
    page.get_by_label("Found objects").uncheck()
    expect(page.locator("#cloud-view .lamm-label.proposal")).to_have_count(0)


def test_json_and_ply_are_saved(scan: Callable[..., Any], tmp_path: Path) -> None:
    page = scan().page
    with page.expect_download(timeout=SLOW) as saving:
        page.click("#cloud-json")
    assert len(json.loads(Path(saving.value.path()).read_text())["objects"]) == 7
    with page.expect_download(timeout=SLOW) as saving:
        page.click("#cloud-ply")
    saving.value.save_as(tmp_path / "saved.ply")
    assert len(read_cloud(tmp_path / "saved.ply")) == 34_000


def test_an_answer_about_a_scan_goes_to_review_with_scan_and_boxes(scan: Callable[..., Any], served: Any) -> None:
    page = scan().page
    ask(page, "Which is furthest away, for review?")
    answered(page)
    page.click("#cloud-talk [data-do=review]")
    expect(page.locator("#cloud-facts")).to_contain_text("for review.")
    lines = served.services.marks.file.read_text(encoding="utf-8").splitlines()
    (record,) = [json.loads(line) for line in lines if "for review?" in json.loads(line)["prompt"]]
    boxes = record["detail"]["answer_boxes"]["tiny"]
    assert [box["identifier"] for box in boxes] == ["obj7", "obj2"] and len(boxes[0]["centre"]) == 3
    kept = Path(record["media"][0]["path"])
    assert record["media"][0]["modality"] == "pointcloud" and len(read_cloud(kept)) > 1000


def test_a_question_without_a_scan_is_answered_in_words(scan: Callable[..., Any]) -> None:
    page = scan(None).page
    ask(page, "Which is furthest?")
    expect(page.locator("#cloud-notice")).to_contain_text("There is no scan yet")
    expect(page.locator("#cloud-ask textarea")).to_have_value("Which is furthest?")


def test_another_person_gets_none_of_it(scan: Callable[..., Any], served: Any) -> None:
    mine, other = scan(0), scan(1)
    url = mine.page.evaluate("window.lammViewers.get('cloud-view').value.url")
    key = other.page.evaluate("window.lammViewers.get('cloud-view').value.key")
    fetched = "async ([url, key]) => (await fetch(url, {headers: {'X-Lamm-Key': key}})).status"
    assert other.page.evaluate(fetched, [url, key]) == 404
    assert mine.page.evaluate("fetch(window.lammViewers.get('cloud-view').value.url).then((one) => one.status)") == 404
    expect(other.page.locator("#cloud-doctor")).not_to_contain_text("table.ply")


@pytest.mark.parametrize(("name", "width", "height"), [("phone", 390, 844), ("tablet", 1024, 768)])
def test_small_screens_show_the_scan_without_sideways_scrolling(
    scan: Callable[..., Any], name: str, width: int, height: int
) -> None:
    visitor = scan(viewport={"width": width, "height": height}, has_touch=True, is_mobile=name == "phone")
    page = visitor.page
    ask(page, "Which is furthest?")
    answered(page)
    visitor.shot(f"scene-{name}", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_keys_act_in_the_tab_that_is_seen(scan: Callable[..., Any]) -> None:
    page = scan().page
    page.locator("#cloud-doctor").click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.closest('#cloud-ask') !== null")
    ask(page, "Which is furthest?")
    answered(page)
    page.locator("#cloud-doctor").click()
    page.keyboard.press("n")
    expect(page.locator("#cloud-talk .talk-messages > div")).to_have_count(0)
    expect(page.locator("#cloud-table tbody tr")).to_have_count(7)


def test_a_browser_without_3d_gets_flat_views(served: Any, browser: Any) -> None:
    flat = browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
    )
    try:
        page = flat.new_page(viewport={"width": 1440, "height": 900})
        page.goto(served.address)
        page.get_by_role("tab", name="Point clouds").click()
        page.click("#cloud-examples button[data-index='0']")
        expect(page.locator("#cloud-flat")).to_contain_text("cannot draw in 3D", timeout=SLOW)
        expect(page.locator("#cloud-flat .js-plotly-plot")).to_be_visible(timeout=SLOW)
        expect(page.locator("#cloud-table tbody tr")).to_have_count(7)
        page.wait_for_timeout(1000)
        page.screenshot(path=Path(__file__).parent / "screenshots" / "scene-flat.png")
    finally:
        flat.close()


def test_a_scan_and_its_picture_are_opened_together_and_huge_files_are_not_sent(
    scan: Callable[..., Any], dog: Path, tmp_path: Path
) -> None:
    visitor = scan(None)
    page = visitor.page
    huge = tmp_path / "huge.jpg"
    huge.touch()
    os.truncate(huge, 65_000_000)
    page.set_input_files("#cloud-left input[type=file]", str(huge))
    expect(page.locator("#cloud-notice")).to_contain_text("huge.jpg has 65 MB. A picture may have 64 MB here")
    shutil.copy(REPOSITORY / "assets" / "demo" / "table.ply", tmp_path / "dog.ply")
    page.set_input_files("#cloud-left input[type=file]", [str(dog), str(tmp_path / "dog.ply")])
    opened(page)
    expect(page.locator("#cloud-picture figcaption")).to_contain_text("dog.png · 600 × 400")
    expect(page.locator("#cloud-notice .too-large")).to_have_count(0)
    assert page.evaluate("document.querySelector('#cloud-picture img').naturalWidth") == 600
    visitor.shot("scene-picture")
    assert visitor.errors == []
