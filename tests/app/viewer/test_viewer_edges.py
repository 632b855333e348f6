"""The viewer where things are different: dark, a phone, keys only, no WebGL, a lost card, other sessions, a path."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import fastapi
import gradio as gr
import numpy as np
import pytest
import uvicorn
from PIL import Image

from app.viewer.routes import viewer_routes
from app.viewer.shelf import CloudShelf

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

# What assistive technology reads out, as far as it can be told from the elements.
NAMELESS = """() => [...document.querySelectorAll('#cloud :is(button, input, select, canvas[tabindex])')]
  .filter((element) => element.getClientRects().length)
  .filter((element) => !(element.getAttribute('aria-label') || [...(element.labels || [])].map((one) => one.textContent)
    .join('') || element.textContent).trim()).map((element) => element.outerHTML.slice(0, 160))"""


def test_every_colouring_looks_different_and_has_its_legend(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    pictures = [visitor.seen()]
    legend = visitor.cloud.locator(".lamm-legend")
    for name, words in (("Height", "m"), ("Normals", "faces"), ("Objects", "object"), ("Plain", None)):
        visitor.page.get_by_label("Colour").select_option(name)
        visitor.until(f"viewer.cloud.material.uniforms.mode.value === {len(pictures)}")
        pictures.append(visitor.seen())
        if words:
            expect(legend).to_contain_text(words)
        else:
            expect(legend).to_be_hidden()
    for number, one in enumerate(pictures):
        assert all(np.abs(one - other).max() > 40 for other in pictures[number + 1 :])
    assert sum("normals" in address for address in visitor.fetched) == 1


def test_the_views_look_from_where_they_say(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    for name, axis in (("Top", [0, 0, 1]), ("Front", [0, -1, 0]), ("Side", [1, 0, 0])):
        visitor.page.get_by_role("button", name=name, exact=True).click()
        visitor.rest()
        towards = visitor.viewer("viewer.eye._offset().normalize().toArray()")
        assert towards == pytest.approx(axis, abs=1e-3)
    before = visitor.viewer("viewer.eye._offset().length()")
    visitor.page.locator("#cloud canvas").first.hover()
    visitor.page.mouse.wheel(0, -400)
    visitor.rest()
    assert visitor.viewer("viewer.eye._offset().length()") < 0.95 * before
    visitor.page.get_by_role("button", name="Reset").click()
    visitor.rest()
    assert visitor.viewer("viewer.eye._offset().length() / viewer.eye.reference") == pytest.approx(1, abs=1e-3)


def test_dragging_turns_and_the_right_button_moves(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    frame = visitor.page.locator("#cloud canvas").first.bounding_box()
    middle = (frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    for button, what, other in (
        ("left", "_offset().normalize()", "controls.target"),
        ("right", "controls.target", "_offset()"),
    ):
        before = visitor.viewer(f"[viewer.eye.{what}.toArray(), viewer.eye.{other}.toArray()]")
        visitor.page.mouse.move(*middle)
        visitor.page.mouse.down(button=button)
        visitor.page.mouse.move(middle[0] + 120, middle[1] + 40, steps=4)
        visitor.page.mouse.up(button=button)
        visitor.rest()
        after = visitor.viewer(f"[viewer.eye.{what}.toArray(), viewer.eye.{other}.toArray()]")
        assert np.abs(np.subtract(after[0], before[0])).max() > 0.02
        assert after[1] == pytest.approx(before[1], abs=1e-6)
    expect(visitor.page.locator("#told")).not_to_contain_text("number")


def test_keys_reach_everything(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    assert visitor.page.evaluate(NAMELESS) == []
    canvas = visitor.page.locator("#cloud canvas").first
    canvas.focus()
    for key, what in (("ArrowLeft", "_offset()"), ("+", "_offset()"), ("Shift+ArrowUp", "controls.target")):
        before = visitor.viewer(f"viewer.eye.{what}.toArray()")
        visitor.page.keyboard.press(key)
        assert visitor.viewer(f"viewer.eye.{what}.toArray()") != before, key
    visitor.page.keyboard.press("Home")
    visitor.rest()
    assert visitor.viewer("viewer.eye._offset().length() / viewer.eye.reference") == pytest.approx(1, abs=1e-3)
    visitor.page.get_by_label("Colour").focus()
    reached = []
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        reached.append(visitor.page.evaluate("document.activeElement.textContent || document.activeElement.type"))
        assert visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == ["range", "Top", "Front", "Side", "Reset", "Measure", "Picture", "Full screen"]


def test_dark_is_dark_and_a_change_is_followed(visit: Visit) -> None:
    visitor = visit(color_scheme="dark")
    visitor.load()
    visitor.do("answer")
    visitor.until("viewer.cloud.material.uniforms.lit.value === 1")
    assert visitor.seen()[5, 5].max() < 40
    visitor.shot("dark")
    visitor.page.evaluate("document.body.classList.remove('dark')")
    assert visitor.seen()[5, 5].min() > 200


def test_a_phone_needs_no_sideways_scrolling_and_a_finger_turns(visit: Visit) -> None:
    visitor = visit(**PHONE)
    visitor.load()
    visitor.do("boxes")
    expect(visitor.cloud.locator(".lamm-label")).to_have_count(3)
    visitor.page.evaluate("scrollTo(0, 0)")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.shot("phone")
    before = visitor.viewer("viewer.eye._offset().normalize().toArray()")
    frame = visitor.page.locator("#cloud canvas").first.bounding_box()
    touch = visitor.page.context.new_cdp_session(visitor.page)
    for step in range(6):
        place = {"x": frame["x"] + 120 + 20 * step, "y": frame["y"] + 150}
        kind = "touchStart" if step == 0 else "touchMove"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visitor.rest()
    assert np.abs(np.subtract(visitor.viewer("viewer.eye._offset().normalize().toArray()"), before)).max() > 0.05


def test_the_picture_is_saved_with_its_names(visit: Visit, tmp_path: Any) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("answer")
    expect(visitor.cloud.locator(".lamm-label.lit")).to_be_visible()
    visitor.rest()
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("button", name="Picture").click()
    assert saved.value.suggested_filename == "cloud.png"
    saved.value.save_as(tmp_path / "cloud.png")
    picture = np.asarray(Image.open(tmp_path / "cloud.png").convert("RGB")).astype(int)
    amber = np.abs(picture - (0xE6, 0x9F, 0x00)).max(axis=2) < 30
    assert picture.shape[1] > 1000 and amber.sum() > 500


def test_the_whole_screen_can_be_filled(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.page.get_by_role("button", name="Full screen").click()
    visitor.page.wait_for_function("document.fullscreenElement?.classList.contains('lamm-cloud')")
    visitor.page.get_by_role("button", name="Full screen").click()
    visitor.page.wait_for_function("document.fullscreenElement === null")


def test_a_cloud_that_is_gone_is_said_to_be(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    visitor.do("gone")
    expect(visitor.cloud.locator(".lamm-message")).to_have_text("This cloud is no longer kept. Open the file again.")
    visitor.do("empty")
    expect(visitor.cloud.locator(".lamm-message")).to_contain_text("The points of a scan appear here")


def test_a_lost_card_is_said_and_survived(visit: Visit) -> None:
    visitor = visit()
    visitor.load()
    before = visitor.seen()
    visitor.page.evaluate("() => lammViewers.get('cloud').painter.renderer.forceContextLoss()")
    expect(visitor.cloud.locator(".lamm-message")).to_contain_text("graphics card")
    visitor.page.wait_for_timeout(100)
    visitor.page.evaluate("() => lammViewers.get('cloud').painter.renderer.forceContextRestore()")
    expect(visitor.cloud.locator(".lamm-message")).to_be_hidden()
    assert (np.abs(visitor.seen() - before).max(axis=2) > 40).mean() < 0.01


def test_without_webgl_the_page_is_told_and_says_so(visit: Visit, blind_browser: Any, served: str) -> None:
    visitor = visit(within=blind_browser)
    visitor.do("load")
    expect(visitor.cloud.locator(".lamm-message")).to_contain_text("cannot draw in 3D")
    expect(visitor.page.locator("#told")).to_contain_text("plain")
    assert visitor.fetched == [] and visitor.errors == []
    visitor.do("boxes")
    visitor.do("empty")
    expect(visitor.cloud.locator(".lamm-message")).to_contain_text("cannot draw in 3D")


def test_the_address_of_another_session_opens_nothing(visit: Visit) -> None:
    first, second = visit(), visit()
    first.load()
    second.load()
    steal = "async ([url, key]) => (await fetch(url, { headers: { 'X-Lamm-Key': key } })).status"
    theirs, mine = first.viewer("viewer.value"), second.viewer("viewer.value")
    assert second.page.evaluate(steal, [theirs["url"], mine["key"]]) == 404
    assert second.page.evaluate(steal, [theirs["url"], ""]) == 404
    assert second.page.evaluate("async (url) => (await fetch(url)).status", theirs["url"]) == 404
    assert second.page.evaluate(steal, [mine["url"], mine["key"]]) == 200


@pytest.fixture
def below_a_path(build_viewer_page: Callable[[CloudShelf], gr.Blocks]) -> Iterator[str]:
    """The page mounted at /studio of a server that has other things at its root."""
    shelf = CloudShelf()
    site = fastapi.FastAPI()
    routes = {"routes": viewer_routes(shelf)}
    gr.mount_gradio_app(site, build_viewer_page(shelf), path="/studio", app_kwargs=routes, ssr_mode=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(site, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield f"http://127.0.0.1:{port}/studio"
    server.should_exit = True
    thread.join(10)


def test_a_page_below_a_path_finds_its_script_and_its_clouds(visit: Visit, below_a_path: str) -> None:
    visitor = visit(below_a_path)
    visitor.load()
    assert re.fullmatch(rf"{below_a_path}/lamm/clouds/\S+", visitor.fetched[0])
