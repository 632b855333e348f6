"""The viewer in Debian's Chromium, which draws in software; a page with a button for each thing that can happen to it.

Does not know what is tested.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.theme import build_theme, css_variables
from app.viewer.component import point_cloud_viewer
from app.viewer.routes import viewer_routes
from app.viewer.shelf import CloudShelf
from app.viewer.value import ViewBox, read_pick, view_value
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.cloud import PointCloud

sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=60_000)  # for a page on a busy machine

SCREENSHOTS = Path(__file__).parents[2] / "browser" / "screenshots"
PLAIN = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
SOFTWARE = [*PLAIN, "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

# Two cubes of 0.2 m on a table of 1.2 m, the red one left, the blue one right; the third box holds nothing.
BOXES = {
    1: ViewBox(1, "red <b>cube</b>", Box3D((-0.3, 0.0, 0.1), (0.2, 0.2, 0.2)), confidence=0.75),
    2: ViewBox(2, "blue cube", Box3D((0.3, 0.0, 0.1), (0.2, 0.2, 0.2))),
    3: ViewBox(3, "nothing", Box3D((0.0, 0.4, 0.3), (0.1, 0.1, 0.1)), "truth"),
}


def tabletop(count: int) -> tuple[PointCloud, Any, Any]:
    random = np.random.default_rng(0)
    xyz = random.uniform([-0.6, -0.6, 0], [0.6, 0.6, 0], (count, 3))
    rgb = np.full((count, 3), (120, 160, 120), np.uint8)
    instance = np.zeros(count, np.int32)
    for number, colour in ((1, (200, 30, 30)), (2, (30, 30, 200))):
        mine = slice(number * count // 4, (number + 1) * count // 4)
        place = random.uniform(-0.5, 0.5, (count // 4, 3))
        place[np.arange(count // 4), random.integers(0, 3, count // 4)] = random.choice([-0.5, 0.5], count // 4)
        xyz[mine] = np.array(BOXES[number].box.centre) + 0.2 * place
        rgb[mine], instance[mine] = colour, number
    return PointCloud(xyz.astype(np.float32), "test"), rgb, instance


def build_page(shelf: CloudShelf) -> gr.Blocks:
    """The viewer in a tab that is open and in one that is not, with a button for each thing that can happen to it."""

    def load(request: gr.Request, count: int = 40_000) -> dict[str, Any]:
        cloud, rgb, instance = tabletop(count)
        return view_value(shelf.put(str(request.session_hash), cloud, rgb, instance=instance))

    def large(request: gr.Request) -> dict[str, Any]:
        return load(request, 300_000)

    def boxes(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "boxes": [box.to_json() for box in BOXES.values()], "highlight": None}

    def answer(value: dict[str, Any]) -> dict[str, Any]:
        return {**boxes(value), "highlight": 2}

    def gone(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "url": "/lamm/clouds/none"}

    def empty() -> dict[str, Any]:
        return view_value(None)

    def picked(event: gr.EventData) -> Any:
        pick = read_pick(event._data)
        return None if pick is None else {"number": pick.number, "point": pick.point}

    def plain(event: gr.EventData) -> Any:
        return {"plain": str(event._data["reason"])}

    with gr.Blocks(analytics_enabled=False, fill_width=True) as page:
        with gr.Tab("seen"):
            view = point_cloud_viewer(elem_id="cloud", height="520px")
        with gr.Tab("unseen"):
            later = point_cloud_viewer(elem_id="later", height="400px")
        told = gr.JSON(elem_id="told")
        for action in (load, large, empty):
            gr.Button(action.__name__, elem_id=f"do-{action.__name__}").click(
                action, None, view, show_progress="hidden"
            )
        for change in (boxes, answer, gone):
            gr.Button(change.__name__, elem_id=f"do-{change.__name__}").click(
                change, view, view, show_progress="hidden"
            )
        gr.Button("later", elem_id="do-later").click(load, None, later, show_progress="hidden")
        view.pick(picked, None, told, show_progress="hidden")
        view.plain(plain, None, told, show_progress="hidden")
    return page


class Visitor:
    """One person's browser over the page."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.fetched: list[str] = []
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.fetched.append(request.url) if "/lamm/clouds/" in request.url else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.cloud = page.locator("#cloud .lamm-cloud")

    def do(self, name: str) -> None:
        self.page.evaluate("(name) => document.querySelector(`#do-${name}`).click()", name)

    def viewer(self, words: str, name: str = "cloud") -> Any:
        """What an expression over ``viewer`` gives."""
        return self.page.evaluate(f"() => {{ const viewer = lammViewers.get('{name}'); return {words}; }}")

    def until(self, words: str, name: str = "cloud") -> None:
        """Wait for an expression over ``viewer`` to hold; a viewer whose tab was never shown is not there yet."""
        self.page.wait_for_function(
            f"() => {{ const viewer = lammViewers.get('{name}'); return viewer && ({words}); }}", timeout=120_000
        )

    def load(self, name: str = "load") -> None:
        self.do(name)
        self.until("viewer.stats.drawn && viewer.stats.points === viewer.value.count")

    def rest(self) -> None:
        """Wait until nothing is drawn any more."""
        self.until("!viewer.painter.busy && !viewer.painter.wanted && !viewer.painter.moving && !viewer.eye.flight")
        # What is drawn reaches the screen with the browser's next frames, later on a busy machine.
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_timeout(50)

    def seen(self) -> Any:
        """The stage as numbers (height, width, 3), once it looks the same twice."""
        self.rest()
        before = b""
        while (content := self.page.locator("#cloud .lamm-stage").screenshot()) != before:
            before = content
            self.page.wait_for_timeout(200)
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Where a place in metres is on the screen, in pixels of the page."""
        self.rest()
        place = self.page.evaluate(
            """([x, y, z]) => { const viewer = lammViewers.get('cloud'); const { camera } = viewer.eye;
               const seen = camera.position.clone().set(x, y, z).project(camera);
               const frame = viewer.canvas.getBoundingClientRect();
               return [frame.left + (seen.x + 1) / 2 * frame.width, frame.top + (1 - seen.y) / 2 * frame.height]; }""",
            [x, y, z],
        )
        return float(place[0]), float(place[1])

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.rest()
        self.page.screenshot(path=SCREENSHOTS / f"viewer-{name}.png")


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    shelf = CloudShelf()
    options: dict[str, Any] = {"css": css_variables(), "theme": build_theme(), "ssr_mode": False}
    routes = {"routes": viewer_routes(shelf)}
    page = build_page(shelf)
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, app_kwargs=routes, **options)
    yield address
    page.close()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    with sync_api.sync_playwright() as started:
        yield started


def open_browser(playwright: Any, arguments: list[str]) -> Any:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return playwright.chromium.launch(executable_path=chromium, headless=True, args=arguments)


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    opened = open_browser(playwright, SOFTWARE)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def blind_browser(playwright: Any) -> Iterator[Any]:
    """One that has no WebGL."""
    opened = open_browser(playwright, [*PLAIN, "--disable-gpu", "--disable-3d-apis"])
    yield opened
    opened.close()


@pytest.fixture
def build_viewer_page() -> Callable[[CloudShelf], gr.Blocks]:
    return build_page


@pytest.fixture
def visit(served: str, browser: Any) -> Iterator[Callable[..., Visitor]]:
    contexts = []

    def open_page(address: str = served, *, within: Any = browser, **options: Any) -> Visitor:
        context = within.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(120_000)
        contexts.append(context)
        visitor = Visitor(context.new_page(), address)

        def outside(route: Any) -> None:
            visitor.outside.append(route.request.url)
            route.abort()

        context.route(
            lambda url: not url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:")), outside
        )
        visitor.page.goto(address)
        visitor.page.wait_for_function("() => window.lammViewers?.get('cloud')", timeout=60_000)
        return visitor

    yield open_page
    for context in contexts:
        context.close()
