"""The page in Debian's Chromium over an engine that speaks from a script; hosts other than this machine are blocked.

Does not know what is tested. Screenshots stay in tests/browser/screenshots for people to look at.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.ui import build_ui, launch_options
from lamm_core.conversation import Media, Turn
from tests.browser.reviewing import open_review

sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=60_000)  # for a page on a busy machine

SCREENSHOTS = Path(__file__).parent / "screenshots"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
SCRIPTS = {
    "Where": "There is a dog at [0.10, 0.20, 0.50, 0.90]; left eye [0.30, 0.40]; <img src=x onerror=alert(1)> "
    "[0.60, 0.10, 0.90, 0.40].",
    "none/Where": "<i>Here</i>: dog [0.15, 0.10, 0.60, 0.95].",
    "furthest": "The furthest one is the purple object [obj7]; <b>behind</b> it stands a red cup [obj2] & [obj99].",
    "long": " ".join(f"word{number}" for number in range(2000)),
}


@dataclass
class Served:
    """A running page, and the engine and services behind it."""

    address: str
    engine: ScriptedEngine
    services: Services


@dataclass
class Visitor:
    """One person's browser: a page, what it asked of other hosts, what scripts threw and the console said."""

    page: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def shot(self, name: str, *, full_page: bool = False) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full_page)

    def attach(self, *files: Path) -> None:
        """Choose files as a person does, and wait until they have arrived."""
        before = self.page.locator("#ask .thumbnail-item").count()
        self.page.set_input_files("#ask input[type=file]", [str(file) for file in files])
        sync_api.expect(self.page.locator("#ask .thumbnail-item")).to_have_count(before + len(files), timeout=30_000)

    def ask(self, question: str) -> None:
        self.page.fill("#ask textarea", question)
        self.page.press("#ask textarea", "Enter")

    def until(self, happened: Callable[[], bool], *, seconds: float = 120) -> None:
        """Wait, with the page running, until something has happened on this side."""
        for _ in range(int(seconds * 20)):
            if happened():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not happen in time")

    def answered(self) -> None:
        """Wait until the newest answer is finished: its timings stand there and the page can send again."""
        sync_api.expect(self.page.locator("#facts")).to_contain_text("tokens", timeout=30_000)
        sync_api.expect(self.page.locator("#facts .writing")).to_have_count(0, timeout=30_000)
        sync_api.expect(self.page.locator("#ask .submit-button")).to_be_visible(timeout=30_000)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    engine = ScriptedEngine(SCRIPTS, seconds_per_word=0.03, context_tokens=700)
    services = scripted_services(tmp_path_factory.mktemp("page"), engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        page = build_ui(services).queue(default_concurrency_limit=4)
        options = {**launch_options(services), "server_port": None}
        _, address, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
        yield Served(address, engine, services)
        page.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(served: Served, browser: Any) -> Iterator[Callable[..., Visitor]]:
    """Opens the page for a new person. Options go to the browser's context (viewport, color_scheme …)."""
    contexts = []

    def open_page(**options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(120_000)
        contexts.append(context)
        visitor = Visitor(context.new_page())

        def outside(route: Any) -> None:
            visitor.outside.append(route.request.url)
            route.abort()

        context.route(lambda url: not url.startswith((served.address, "data:", "blob:")), outside)
        visitor.page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        visitor.page.on("console", lambda said: visitor.complaints.append(said.text) if said.type == "error" else None)
        visitor.page.goto(served.address)
        visitor.page.wait_for_selector("#ask textarea", timeout=60_000)
        sync_api.expect(visitor.page.locator("#model-chip")).to_contain_text("ready", timeout=30_000)
        return visitor

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def dog(tmp_path: Path) -> Path:
    """A picture of 600 x 400 pixels."""
    picture = Image.new("RGB", (600, 400), "#cfe3ee")
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 280, 600, 400], fill="#7da36a")
    draw.ellipse([60, 80, 300, 360], fill="#8a5a3c")
    draw.ellipse([160, 140, 200, 180], fill="#ffffff")
    path = tmp_path / "dog.png"
    picture.save(path)
    return path


@pytest.fixture
def store(served: Any) -> ReviewStore:
    store: ReviewStore = served.services.reviews.store
    return store


@pytest.fixture
def fill(store: ReviewStore, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Adds drafts under a source of the test's own and returns its name; each gives an answer or whole values."""

    def add(*answers: str | dict[str, Any]) -> str:
        source = f"{request.node.name}"
        drafts = []
        for number, given in enumerate(answers):
            values: dict[str, Any] = {"answer": given} if isinstance(given, str) else dict(given)
            path = tmp_path / f"{number}.png"
            Image.new("RGB", (400, 300), (60 + number * 40 % 190, 120, 140)).save(path)
            media = values.pop("media", (Media("image", path),))
            answer = Turn("assistant", values.pop("answer", "A dog."))
            turns = (Turn("user", f"What is in picture {number}?", media), answer)
            error = {"expected_error": 0.9 - number / 100}
            drafts.append(Draft("C1", source, turns, **{**error, **values}))
        store.add_drafts(drafts, actor="generator")
        return source

    return add


@pytest.fixture
def desk(visit: Callable[..., Any]) -> Callable[..., Any]:
    """Opens the tab for a person, on the drafts of one source."""

    def open_tab(source: str, who: str = "Ann", **options: Any) -> Any:
        visitor = visit(**options)
        open_review(visitor.page, source, who)
        return visitor

    return open_tab
