"""Walks through the review tab: from nothing, over the example and imports, ten decisions by keys, to a version; and a
hundred drafts from their generation to a training step."""

from __future__ import annotations

import json
import math
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from PIL import Image

from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.ui import build_ui, launch_options
from lamm_core.training.progress import read_events
from lamm_core.training.trainer import train
from tests.fake_hub import serving

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return scripted_services(tmp_path, ScriptedEngine({}), environment={"HF_TOKEN": "hf_test"})


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


def llava_file(folder: Path) -> Path:
    """Two records, of which one names no question."""
    said = [{"from": "human", "value": "<image>\nWhich colour is it?"}, {"from": "gpt", "value": "Red."}]
    records = [{"id": "a", "image": "0.png", "conversations": said}, {"id": "b", "image": "0.png"}]
    (folder / "llava.json").write_text(json.dumps(records))
    return folder / "llava.json"


def upload(page: Any, file: Path, *, form: str, media: Path) -> None:
    """Import a file of the visitor's own machine; its pictures lie on the program's."""
    panel = page.locator("#review [data-panel=data]")
    panel.get_by_label("What it is").select_option(form)
    panel.locator("input[type=file]").set_input_files(str(file))
    expect(panel.get_by_label("Where it is")).to_have_value(re.compile(re.escape(file.name)), timeout=30_000)
    panel.get_by_label("Media", exact=True).fill(str(media))
    panel.get_by_role("button", name="Import", exact=True).click()


def push(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export for the Hub, and push it to a server that stands for it."""
    panel = page.locator("#review [data-panel=data]")
    panel.get_by_label("Name", exact=True).fill("pets-2")
    panel.get_by_label("Form", exact=False).select_option("datasets")
    panel.get_by_role("button", name="Export", exact=True).click()
    panel.locator("details[data-name=pets-2] summary").click(timeout=60_000)
    where = panel.get_by_label("Data set on the Hub for pets-2")
    expect(panel.get_by_role("button", name="Push to the Hub")).to_have_count(1)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with serving() as hub:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        where.fill("team/dogs")
        panel.get_by_role("button", name="Push to the Hub").click()
        expect(panel.locator(".rv-jobs .done").first).to_contain_text("team/dogs/commit/", timeout=60_000)
        expect(where).to_have_value("team/dogs")
        assert "manifest.json" in hub.files


def test_from_an_empty_queue_to_a_pinned_version(
    page: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    # More from files: uploaded and imported while the queue is in use.
    colours = services.settings.uploads / "colours"
    page.get_by_role("tab", name="Import and export").click()
    upload(page, lamm_file(colours), form="lamm", media=colours)
    jobs = page.locator("#review [data-panel=data] .rv-jobs")
    expect(jobs).to_contain_text("3 read, 3 added, 0 there already, 0 broken", timeout=30_000)
    upload(page, llava_file(colours), form="llava", media=colours)
    expect(jobs).to_contain_text("2 read, 1 added, 0 there already, 1 broken", timeout=30_000)
    jobs.locator("summary").click()
    expect(jobs).to_contain_text("llava.json, record 1: 'conversations' is missing or empty")
    shot("imported")

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
    expect(page.locator("#review [data-panel=progress]")).to_contain_text("9 of 16 decided")
    page.click("[data-action=dark]")
    shot("progress-dark")
    page.get_by_role("tab", name="Browse").click()
    expect(page.locator("#review [data-panel=browse] .rv-card")).to_have_count(16)
    page.wait_for_timeout(1500)
    shot("browse-dark")
    page.click("[data-action=dark]")

    page.get_by_role("tab", name="Import and export").click()
    page.get_by_label("Name", exact=True).fill("pets-1")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#review [data-panel=data]")).to_contain_text("Exporting pets-1", timeout=30_000)
    expect(page.locator("#review details[data-name] b")).to_have_text("pets-1", timeout=30_000)
    page.locator("#review details[data-name] summary").click()
    shot("version")
    push(page, monkeypatch)
    shot("pushed")
    folder = services.settings.reviews / "exports" / "pets-1"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sum(manifest["records"].values()) == 7 and manifest["counts"]["reviewer"] == {"Ann": 7}
    for split, many in manifest["records"].items():
        records = json.loads((folder / f"{split}.json").read_text())
        assert len(records) == many
        media = [name for record in records for name in [record.get("image") or record.get("pcl")]]
        assert all((folder / name).is_file() for name in media)


def test_a_hundred_drafts_go_from_generation_to_a_training_step(
    page: Any, services: Services, make_recipe: Callable[..., Any], tmp_path: Path
) -> None:
    scans = services.settings.uploads / "scans"
    runpy.run_path(str(services.settings.demo / "drafts.py"))["scans"](scans)
    page.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Generate drafts").click()
    generate(page, "csv", each=6, look=True)
    generate(page, "osd", folder=scans, each=10)
    page.screenshot(path=SCREENSHOTS / "review-loop-generated.png", full_page=True)

    page.get_by_role("tab", name="Queue", exact=True).click()
    pressed = review_by_keys(page, 100)
    assert min(pressed.values()) >= 1 and sum(pressed.values()) == 100
    counts = services.reviews.store.counts()
    assert {status: counts[status] for status in pressed} == pressed
    page.screenshot(path=SCREENSHOTS / "review-loop-reviewed.png")

    page.get_by_role("tab", name="Import and export").click()
    page.get_by_label("Name", exact=True).fill("hundred-1")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#review details[data-name] b")).to_have_text("hundred-1", timeout=30_000)
    folder = services.settings.reviews / "exports" / "hundred-1"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sum(manifest["records"].values()) == pressed["accepted"] + pressed["edited"]
    assert {"demo", "osd"} <= set(manifest["counts"]["source"])

    model = make_recipe().to_dict()["model"]
    model["modalities"]["pointcloud"] = {"encoder": "scene", "lora": {"r": 4, "alpha": 8}}
    data = [{"path": str(folder / "train.json"), "sha256": manifest["content_hash"]}]
    recipe = make_recipe(model=model, data=data, batch_tokens=512, max_steps=1, eval_fraction=0.0)
    train(recipe, run=tmp_path / "run", cache=tmp_path, progress=False)
    (step,) = read_events(tmp_path / "run")
    assert step["step"] == 1 and math.isfinite(step["loss"])


def generate(page: Any, reader: str, *, each: int, folder: Path | None = None, look: bool = False) -> None:
    """Run the stand-in writer over a source from the page, follow the run and put its drafts into the queue."""
    panel = page.locator("#review [data-panel=generate]")
    runs = panel.locator(".rv-jobs > li")
    panel.get_by_label("Source").select_option(reader)
    for tick in panel.get_by_role("checkbox").all():
        tick.check()
    if folder is not None:
        panel.get_by_label("Folder", exact=True).fill(str(folder))
    panel.get_by_label("At most, of each kind").fill("20")
    panel.get_by_label("From one picture or scan").fill(str(each))
    if look:
        panel.get_by_role("button", name="Show a prompt and the cost").click()
        expect(panel.locator("pre")).to_contain_text("A tabby cat looks past the camera", timeout=60_000)
        expect(panel).to_contain_text("csv C3: 20 pairs, 20 requests")
        expect(panel).to_contain_text("out (estimates), US$ 0.0")
        page.screenshot(path=SCREENSHOTS / "review-loop-prompt.png")
    done, added = (runs.filter(has_text=words).filter(has_text="done:") for words in ("drafts, ", "Adding run"))
    before = done.count()
    panel.get_by_role("button", name="Start generating").click()
    expect(done).to_have_count(before + 1, timeout=120_000)
    done.first.get_by_role("button", name="Add to the queue").click()
    expect(added).to_have_count(before + 1, timeout=60_000)


def review_by_keys(page: Any, many: int) -> dict[str, int]:
    """Decide about so many drafts as a person would who trusts the checks; how many decisions stand, by status."""
    desk = page.locator("#review .rv")
    item = "document.querySelector('#review .rv').dataset.item"
    stands = dict.fromkeys(("accepted", "edited", "rejected", "flagged", "skipped"), 0)
    expect(page.locator("#review .rv-turn").first).to_be_visible(timeout=30_000)
    for number in range(many):
        found = page.locator("#review .rv-checks li.found").count()
        status = "rejected" if found else {7: "flagged", 8: "skipped"}.get(number % 10, "accepted")
        status = "edited" if number % 10 == 9 else status
        before = desk.get_attribute("data-item")
        decide(page, status)
        page.wait_for_function(f"(before) => {item} !== before", arg=before)
        if number % 20 == 19:  # on second thoughts: taken back, seen again, accepted
            saved(page)  # what is taken back before it is saved comes back with what was typed
            page.keyboard.press("u")
            page.wait_for_function(f"(before) => {item} === before", arg=before)
            status = "accepted"
            decide(page, status)
            page.wait_for_function(f"(before) => {item} !== before", arg=before)
        stands[status] += 1
    saved(page)
    return stands


def saved(page: Any) -> None:
    """Wait until no decision is on its way any more."""
    page.wait_for_function("!Object.keys(localStorage).some((name) => name.includes('outbox'))", timeout=120_000)


def decide(page: Any, status: str) -> None:
    """Press the keys of a decision."""
    if status == "edited":
        page.keyboard.press("e")
        expect(page.locator("#review .rv-talk textarea:focus")).to_have_count(1)
        page.keyboard.type(" Seen.")
        page.keyboard.press("Control+Enter")
    elif status == "rejected":
        page.keyboard.press("r")
        page.keyboard.press("1")
    else:
        page.keyboard.press({"accepted": "a", "flagged": "f", "skipped": "s"}[status])
