"""A walk through the review tab: from nothing, over the example and an import, ten decisions by keys, to a version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.ui import build_ui, launch_options

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return scripted_services(tmp_path, ScriptedEngine({}))


@pytest.fixture
def page(services: Services, browser: Any) -> Iterator[Any]:
    """A page over an empty queue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        served = build_ui(services).queue(default_concurrency_limit=4)
        options = {**launch_options(services), "server_port": None}
        _, address, _ = served.launch(**options, prevent_thread_lock=True, quiet=True)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#ask textarea", timeout=60_000)
        page.get_by_role("tab", name="Review").click()
        yield page
        context.close()
        served.close()


def lamm_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(3):
        Image.new("RGB", (320, 240), (200, 60 * number, 90)).save(folder / f"{number}.png")
        said = [{"from": "human", "value": f"Which colour, {number}?"}, {"from": "gpt", "value": "It is one colour."}]
        records.append({"id": str(number), "image": f"{number}.png", "conversations": said, "src_image": "colours"})
    (folder / "pairs.json").write_text(json.dumps(records))
    return folder / "pairs.json"


def test_from_an_empty_queue_to_a_pinned_version(page: Any, services: Services) -> None:
    def shot(name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"review-walk-{name}.png")

    def saved(words: str) -> None:
        expect(page.locator("#review .rv-saved")).to_contain_text(words, timeout=30_000)

    page.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    expect(page.locator("#review .rv-start h2")).to_have_text("Nothing waits for review")
    shot("empty")
    page.get_by_role("button", name="Load the example queue").click()
    expect(page.locator("#review .rv-turn").first).to_be_visible(timeout=30_000)

    # More from a file: imported while the queue is in use.
    page.get_by_role("tab", name="Import and export").click()
    page.get_by_placeholder("path of a file").fill(str(lamm_file(services.settings.uploads / "colours")))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#review .rv-jobs")).to_contain_text("3 read, 3 added", timeout=30_000)

    page.get_by_role("tab", name="Queue", exact=True).click()
    page.wait_for_function("document.querySelector('#review .rv-about').textContent.includes('expected error')")
    shot("first")
    for key in ("a", "a", "a"):
        page.keyboard.press(key)
        saved("Accepted")
    page.keyboard.press("e")
    page.keyboard.type(" I looked twice.")
    page.keyboard.press("Control+Enter")
    saved("Edited · saved")
    page.keyboard.press("r")
    page.keyboard.press("4")
    saved("Rejected")
    page.keyboard.press("f")
    saved("Flagged")
    page.keyboard.press("u")
    saved("Undone")
    for key in ("a", "s", "a", "a"):
        page.keyboard.press(key)
    page.wait_for_function("!localStorage.getItem(Object.keys(localStorage).find((name) => name.includes('outbox')))")
    counts = services.reviews.store.counts()
    assert (counts["accepted"], counts["edited"], counts["rejected"], counts["skipped"]) == (6, 1, 1, 1)

    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#review [data-panel=progress]")).to_contain_text("9 of 15 decided")
    page.click("[data-action=dark]")
    shot("progress-dark")
    page.get_by_role("tab", name="Browse").click()
    expect(page.locator("#review [data-panel=browse] .rv-card")).to_have_count(15)
    page.wait_for_timeout(1500)
    shot("browse-dark")
    page.click("[data-action=dark]")

    page.get_by_role("tab", name="Import and export").click()
    page.get_by_label("Name", exact=True).fill("pets-1")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#review [data-panel=data]")).to_contain_text("Exporting pets-1", timeout=30_000)
    expect(page.locator("#review details b")).to_have_text("pets-1", timeout=30_000)
    page.locator("#review details summary").click()
    shot("version")
    folder = services.settings.reviews / "exports" / "pets-1"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sum(manifest["records"].values()) == 7 and manifest["counts"]["reviewer"] == {"Ann": 7}
    for split, many in manifest["records"].items():
        records = json.loads((folder / f"{split}.json").read_text())
        assert len(records) == many
        media = [name for record in records for name in [record.get("image") or record.get("pcl")]]
        assert all((folder / name).is_file() for name in media)
