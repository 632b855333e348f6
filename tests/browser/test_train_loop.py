"""Once around the loop in the page: measured, marked, reviewed, exported, trained on, measured again, compared."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from typer.testing import CliRunner

from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.training import parse_recipe
from app.ui import build_ui, launch_options
from lamm_core.__main__ import app as lamm
from lamm_core.config import LammConfig
from lamm_core.launchers.run import list_runs
from lamm_core.launchers.status import ACTIVE, look
from lamm_core.model.lamm import LammModel
from lamm_core.training.preflight import check

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parent / "screenshots"
SLOW = 600_000  # training and measuring load torch, on a machine that may be busy
WORDS = 6


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The page's services; what it starts finds the same folders."""
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAMM_MODELS", str(tmp_path / "models"))
    services = scripted_services(tmp_path, ScriptedEngine({}))

    def check_here(text: str, *, probe: bool = False) -> Any:  # without the seconds that a process of its own takes
        return check(parse_recipe(text), cache=tmp_path / "cache")

    monkeypatch.setattr(services.training, "check", check_here)
    return services


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Word crops as the Hub stores them."""
    rows = []
    for shade in range(WORDS):
        content = io.BytesIO()
        Image.new("RGB", (40, 20), (40 * shade, 0, 90)).save(content, "PNG")
        rows.append({"image": {"bytes": content.getvalue(), "path": "w.png"}, "text": f"Word{shade}"})
    (tmp_path / "data" / "iiit5k").mkdir(parents=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "data" / "iiit5k" / "test.parquet")
    return tmp_path / "data"


@pytest.fixture
def base(services: Services, data: Path, tiny_lm_folder: Path, tiny_clip_folder: Path) -> Path:
    """A random model, measured: it reads no word."""
    config = LammConfig.from_dict(
        {"language_model": str(tiny_lm_folder), "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}"}}}
    )
    folder = services.settings.models / "base"
    LammModel.build(config, cache=services.settings.cache).save_pretrained(folder)
    words = ["bench", "run", "--task", "iiit5k", "--data", data, "--model", folder, "--no-baselines", "--device", "cpu"]
    done = CliRunner().invoke(lamm, [*map(str, words), "--out", str(services.settings.benchmarks / "before")])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def page(services: Services, base: Path, browser: Any) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        served = build_ui(services).queue(default_concurrency_limit=4)
        options = {**launch_options(services), "server_port": None}
        _, address, _ = served.launch(**options, prevent_thread_lock=True, quiet=True)
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector("#ask textarea", timeout=60_000)
        yield page
        context.close()
        served.close()
        for run in list_runs(services.settings.training):
            if look(run).state in ACTIVE:
                services.training.stop(run.name)


def test_failures_become_reviewed_data_a_run_and_a_paired_comparison(
    page: Any, services: Services, base: Path, data: Path
) -> None:
    def shot(name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"loop-{name}.png")

    # Benchmark: everything that was wrong, marked.
    page.get_by_role("tab", name="Benchmark").click()
    page.click("#bench-board [data-key='before']")
    page.locator("#bench-bar [data-cell='neither']").click()
    expect(page.locator("#bench-bar .bar-place")).to_have_text(f"1 of {WORDS}", timeout=60_000)
    page.click("#bench-bar [data-do=tick_all]")
    expect(page.locator("#bench-bar [data-do=mark]")).to_have_text(f"Mark {WORDS} for review")
    page.click("#bench-bar [data-do=mark]")
    expect(page.locator("#bench-bar .bar-told")).to_contain_text(f"{WORDS} marked for review")
    shot("marked")

    # Review: imported, each answer put right, exported with half of the pictures held apart.
    page.get_by_role("tab", name="Review").click()
    page.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    expect(page.locator("#review .rv-start h2")).to_have_text("Nothing waits for review")
    page.get_by_role("tab", name="Import and export").click()
    page.get_by_role("button", name="Import them").click()
    expect(page.locator("#review .rv-jobs")).to_contain_text(f"{WORDS} added", timeout=60_000)
    page.get_by_role("tab", name="Queue", exact=True).click()
    target = page.locator("#review dt:text-is('target') + dd")
    for count in range(WORDS):
        expect(target).to_be_visible(timeout=60_000)
        word = target.inner_text()
        page.keyboard.press("e")
        expect(page.locator("#review textarea:focus")).to_have_count(1)  # before words are typed, which are keys else
        page.keyboard.press("Control+a")
        page.keyboard.type(word)
        if not count:
            shot("reviewed")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#review dt:text-is('target') + dd", has_text=word)).to_have_count(0, timeout=60_000)
    page.wait_for_function("!localStorage.getItem(Object.keys(localStorage).find((name) => name.includes('outbox')))")
    assert services.reviews.store.counts()["edited"] == WORDS
    page.get_by_role("tab", name="Import and export").click()
    page.get_by_label("Name", exact=True).fill("round-1")
    page.get_by_label("Share held apart").fill("0.5")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#review details b")).to_have_text("round-1", timeout=60_000)
    version = services.settings.reviews / "exports" / "round-1"
    manifest = json.loads((version / "manifest.json").read_text())
    assert sum(manifest["records"].values()) == WORDS and manifest["records"]["test"] > 0

    # Train: go on from the measured model with that version, pinned by its hash.
    page.get_by_role("tab", name="Train").click()
    page.click("#train-new")
    page.get_by_label("lamm-mini, further").click()
    model = page.locator("#train-base textarea, #train-base input")
    expect(model).to_have_value(re.compile("lamm-mini$"))  # what the preset fills in has come
    model.fill(str(base))
    model.press("Tab")
    expect(page.locator("#train-yaml")).to_contain_text(base.name)
    page.locator("#train-file input").click()
    page.get_by_role("option", name=re.compile("reviewed: round-1")).click()
    page.click("#train-use")
    expect(page.locator("#train-yaml")).to_contain_text(manifest["content_hash"])
    page.fill("#train-max_steps input", "4")
    page.press("#train-max_steps input", "Enter")
    expect(page.locator("#train-yaml")).to_contain_text("max_steps: 4")
    page.fill("#train-name textarea, #train-name input", "round 1")
    page.click("#train-start")
    expect(page.locator("#train-status")).to_contain_text("completed", timeout=SLOW)

    # Measured again: exactly the samples held apart, beside the run they came from.
    expect(page.locator("#train-bench")).to_be_enabled()
    page.click("#train-bench")
    expect(page.locator("#train-notice")).to_contain_text("Measuring iiit5k on the samples of")
    told = page.locator("#train-measured")
    expect(told).to_contain_text("Beside the model it started from", timeout=SLOW)
    expect(told).to_contain_text(f"of {manifest['records']['test']} samples where B is wrong")
    shot("measured")
    again = next(run for run in services.inspection.runs.runs() if run.name != "before" and not run.shipped)
    assert again.manifest["n"] == manifest["records"]["test"] and again.manifest["only"] == str(version / "test.json")
    told.get_by_role("link", name="sample by sample").click()
    expect(page.locator("#bench-facts .facts-sentence")).to_contain_text("where B is wrong", timeout=SLOW)
