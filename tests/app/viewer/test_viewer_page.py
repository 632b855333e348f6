"""The viewer in a real browser: what it draws, lights and measures, and what it tells Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


def colour_share(picture: Any, colour: tuple[int, int, int], *, within: int = 40) -> float:
    """Which share of the pixels is near a colour."""
    return float((np.abs(picture - colour).max(axis=2) < within).mean())


def test_a_cloud_is_drawn_and_nothing_is_fetched_from_elsewhere(visit: Visit) -> None:
    visitor = visit()
    expect(visitor.cloud).to_contain_text("The points of a scan appear here")
    visitor.load()
    picture = visitor.seen()
    assert colour_share(picture, (120, 160, 120)) > 0.1
    assert colour_share(picture, (200, 30, 30)) > 0.005 and colour_share(picture, (30, 30, 200)) > 0.005
    expect(visitor.cloud.locator(".lamm-status")).to_contain_text("40,000 points · ")
    assert visitor.outside == [] and visitor.errors == [] and len(visitor.fetched) == 1


def test_boxes_change_without_the_points_being_sent_again(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    bare = visitor.seen()
    visitor.do("boxes")
    expect(visitor.cloud.locator(".lamm-label")).to_have_count(3)
    assert np.abs(visitor.seen() - bare).max() > 60 and len(visitor.fetched) == 1
    visitor.shot("light")


def test_words_of_a_label_are_words(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("boxes")
    expect(visitor.cloud.get_by_role("button", name="[obj1] red <b>cube</b>", exact=True)).to_have_count(1)
    expect(visitor.cloud.locator("b")).to_have_count(0)
    expect(visitor.cloud.get_by_role("button", name="[obj3] nothing (truth)", exact=True)).to_have_count(1)


def test_a_box_is_seen_through_what_hides_it(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("boxes")
    expect(visitor.cloud.locator(".lamm-label")).to_have_count(3)
    materials = visitor.viewer(
        "viewer.lines.group.children.map((one) => [one.material.depthTest, one.material.opacity])"
    )
    assert materials == [[False, 0.35], [True, 1]] * 2
    visitor.page.evaluate("() => lammViewers.get('cloud').eye.turn(0, 1.2)")  # from below, the table is in between
    with_boxes = visitor.seen()
    visitor.page.evaluate(
        "() => { const v = lammViewers.get('cloud'); v.lines.group.visible = false; v.painter.changed(); }"
    )
    assert (np.abs(visitor.seen() - with_boxes).max(axis=2) > 8).sum() > 100


def test_the_object_spoken_of_keeps_its_colour_and_the_rest_fades(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("boxes")
    before = visitor.viewer("viewer.eye.camera.position.toArray()")
    visitor.do("answer")
    visitor.until("viewer.cloud.material.uniforms.lit.value === 1")
    picture = visitor.seen()
    assert colour_share(picture, (30, 30, 200)) > 0.01
    assert colour_share(picture, (200, 30, 30)) < 0.0005 and colour_share(picture, (120, 160, 120), within=20) < 0.02
    assert visitor.viewer("viewer.eye.camera.position.toArray()") != before, "the camera flies there"
    target = visitor.viewer("viewer.eye.controls.target.toArray()")
    assert target == pytest.approx([0.3, 0.0, 0.1], abs=1e-3) and len(visitor.fetched) == 1
    visitor.shot("answer")


def test_a_name_that_is_pointed_at_lights_its_object_until_the_pointer_leaves(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("boxes")
    expect(visitor.cloud.locator(".lamm-label")).to_have_count(3)
    visitor.viewer("viewer.setHighlight(1)")
    expect(visitor.cloud.locator(".lamm-label.lit")).to_have_text("[obj1] red <b>cube</b>")
    assert colour_share(visitor.seen(), (30, 30, 200)) < 0.0005
    visitor.viewer("viewer.setHighlight(null)")
    expect(visitor.cloud.locator(".lamm-label.lit")).to_have_count(0)
    assert colour_share(visitor.seen(), (30, 30, 200)) > 0.005
    visitor.page.evaluate("addEventListener('lamm-light', (event) => { window.lit = event.detail.number; })")
    visitor.cloud.get_by_role("button", name="[obj2] blue cube").hover()
    visitor.page.wait_for_function("window.lit === 2")


def test_a_click_tells_python_the_object_and_the_place(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("boxes")
    visitor.page.mouse.click(*visitor.at(-0.3, -0.1, 0.12))
    told = visitor.page.locator("#told")
    expect(told).to_contain_text(re.compile(r'"number"\s*:\s*1\b'))
    assert visitor.viewer("viewer.ring.hidden") is False
    place = [float(part) for part in re.findall(r"-?\d+\.\d+", told.inner_text())]
    assert place == pytest.approx([-0.3, -0.1, 0.12], abs=0.01)
    visitor.cloud.get_by_role("button", name="[obj2] blue cube").click()
    expect(told).to_contain_text(re.compile(r'"number"\s*:\s*2\b'))


def test_the_table_is_no_object(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.page.mouse.click(*visitor.at(0.0, -0.45, 0.0))
    expect(visitor.page.locator("#told")).to_contain_text(re.compile(r'"number"\s*:\s*null'))


def test_a_distance_is_measured_in_metres(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.page.get_by_role("button", name="Measure").click()
    for place in ((-0.4, -0.4, 0.0), (0.4, -0.4, 0.0)):
        visitor.page.mouse.click(*visitor.at(*place))
    expect(visitor.cloud.locator(".lamm-measured")).to_be_visible()
    assert float(visitor.cloud.locator(".lamm-measured").inner_text().split()[0]) == pytest.approx(0.8, abs=0.02)
    visitor.shot("measured")
    visitor.page.locator("#cloud canvas").first.press("Escape")
    expect(visitor.cloud.locator(".lamm-measured")).to_be_hidden()


def test_nothing_is_drawn_while_nothing_changes(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.rest()
    frames = visitor.viewer("viewer.stats.frames")
    visitor.page.wait_for_timeout(800)
    assert visitor.viewer("viewer.stats.frames") == frames


def test_a_viewer_in_a_hidden_tab_draws_when_it_is_shown(visit: Visit) -> None:
    visitor = visit()
    visitor.do("later")
    visitor.page.wait_for_timeout(300)
    visitor.page.get_by_role("tab", name="unseen").click()
    visitor.until("viewer.stats.drawn && viewer.stats.points === 40000", "later")


def test_large_clouds_begin_with_a_preview(visit: Visit) -> None:
    visitor = visit()
    visitor.load("large")
    assert visitor.viewer("viewer.stats.drawn > viewer.stats.preview") is True
