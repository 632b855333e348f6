"""The training tab as a person meets it: a run started, left, found again, stopped, resumed, finished, chatted with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.ui import build_ui, launch_options
from lamm_core.launchers.run import create_run, list_runs
from lamm_core.launchers.status import ACTIVE, look
from tests.browser.faults import serious_faults

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
SCREENSHOTS = Path(__file__).parent / "screenshots"
SLOW = 600_000  # each attempt loads torch, on a machine that may be busy

pytestmark = pytest.mark.browser


@dataclass
class TrainPage:
    """The page, and the services behind it."""

    page: Any
    services: Services

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def open(self) -> None:
        self.page.get_by_role("tab", name="Train").click()
        expect(self.page.locator("#train-new")).to_be_visible()


@pytest.fixture
def train_page(tmp_path: Path, browser: Any, make_recipe: Callable[..., Any]) -> Iterator[TrainPage]:
    services = scripted_services(tmp_path, ScriptedEngine({}))
    recipe = make_recipe(max_steps=700, eval_steps=100, checkpoint_steps=50)
    create_run(services.settings.training, recipe, title="seed <b>run</b>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        served = build_ui(services).queue(default_concurrency_limit=4)
        options = {**launch_options(services), "server_port": None}
        _, address, _ = served.launch(**options, prevent_thread_lock=True, quiet=True)
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        page = context.new_page()
        page.set_default_timeout(120_000)  # the machine may be busy training
        page.goto(address)
        page.wait_for_selector("#ask textarea", timeout=60_000)
        yield TrainPage(page, services)
        context.close()
        served.close()
        for run in list_runs(services.settings.training):
            if look(run).state in ACTIVE:
                services.training.stop(run.name)


def test_a_run_is_started_left_found_again_stopped_resumed_and_chatted_with(train_page: TrainPage) -> None:
    page = train_page.page
    train_page.open()
    status = page.locator("#train-status")
    expect(status).to_contain_text("seed <b>run</b>")
    page.click("#train-copy")
    expect(page.locator("#train-yaml")).to_contain_text("language_model")
    page.fill("#train-name textarea, #train-name input", "from the page")
    page.click("#train-start")
    expect(status).to_contain_text("running", timeout=SLOW)

    page.reload()
    train_page.open()
    expect(status).to_contain_text("from the page", timeout=30_000)
    expect(page.locator("#run-chip")).to_contain_text("from the page", timeout=30_000)
    expect(page.locator("#train-chart .plotly, #train-chart .js-plotly-plot").first).to_be_visible(timeout=120_000)
    train_page.shot("train-running")
    page.click("#train-stop")
    expect(status).to_contain_text("stopped", timeout=SLOW)
    expect(status).to_contain_text("checkpoint of step")
    page.click("#train-resume")
    expect(status).to_contain_text("running", timeout=SLOW)
    expect(status).to_contain_text("completed", timeout=SLOW)
    expect(page.locator("#train-status")).to_contain_text("the model is saved")
    for panel in ("#train-bench-panel", "#train-export-panel"):
        page.locator(f"{panel} button").first.click()
    expect(page.locator("#train-export")).to_be_visible()
    train_page.shot("train-completed")
    assert serious_faults(page) == []
    page.get_by_label("one GGUF file").click()
    page.click("#train-export")
    expect(page.locator("#train-jobs")).to_contain_text("done", timeout=SLOW)
    exported = train_page.services.settings.runs / "exported" / "from-the-page-image.gguf"
    assert exported.read_bytes()[:4] == b"GGUF"
    page.fill("#train-repository textarea, #train-repository input", "team/dogs")
    page.click("#train-push")
    expect(page.locator("#train-notice")).to_contain_text("HF_TOKEN")
    page.click("#train-chat")
    expect(page.locator("#model-chip")).to_contain_text("from-the-page", timeout=30_000)
    expect(page.locator("#ask textarea")).to_be_visible()
    expect(page.locator("#model input")).to_have_value("from-the-page", timeout=30_000)
    run = train_page.services.training.folder("from-the-page")
    assert (train_page.services.settings.models / "from-the-page" / "config.json").is_file()
    assert look(run).attempt == 2


def test_a_preset_is_filled_in_checked_and_data_is_looked_into(train_page: TrainPage, squares: Path) -> None:
    page = train_page.page
    train_page.open()
    page.click("#train-new")
    page.get_by_label("7B on 24 GB").click()
    expect(page.locator("#train-yaml")).to_contain_text("vicuna-7b")
    expect(page.locator("#train-memory")).to_contain_text("GiB")
    expect(page.locator("#train-nf4 input")).to_be_checked()
    page.fill("#train-file input", str(squares))
    page.press("#train-file input", "Enter")
    page.click("#train-look")
    expect(page.locator("#train-preview article")).to_have_count(4)
    expect(page.locator("#train-preview")).to_contain_text("Which colour?")
    page.click("#train-later")
    expect(page.locator("#train-preview article h3").first).to_contain_text("4 · square-4")
    page.click("#train-sooner")
    expect(page.locator("#train-preview article h3").first).to_contain_text("0 · square-0")
    page.click("#train-use")
    expect(page.locator("#train-yaml")).to_contain_text("squares.json")
    page.fill("#train-batch_size input", "0")
    page.press("#train-batch_size input", "Enter")
    expect(page.locator("#train-notice")).to_contain_text("batch_size")
    train_page.shot("train-form")
    assert serious_faults(page) == []
    page.fill("#train-file input", "hub:team/dogs")
    page.press("#train-file input", "Enter")
    page.click("#train-look")
    expect(page.locator("#train-notice")).to_contain_text("could not be read from the Hub", timeout=60_000)
    train_page.services.training.off = "Training is off on this page."
    page.click("#train-start")
    expect(page.locator("#train-notice")).to_contain_text("Training is off on this page.")


def test_deleting_asks_once_by_name(train_page: TrainPage) -> None:
    page = train_page.page
    train_page.open()
    expect(page.locator("#train-status")).to_contain_text("seed")
    page.click("#train-delete")
    expect(page.locator("#train-sure").first).to_contain_text("Delete seed <b>run</b>")
    page.click("#train-really")
    expect(page.locator("#train-status")).to_contain_text("Train a model of your own")
    expect(page.locator("#train-guide")).to_contain_text("First steps")
    assert list_runs(train_page.services.settings.training) == []
