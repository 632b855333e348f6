"""Texts of models, files, data sets and people, driven through every tab: all of them are text, none runs."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from annotation.review.items import Check, Draft, Span
from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.settings import REPOSITORY
from app.ui import build_ui, launch_options
from lamm_core.conversation import Media, Turn
from lamm_core.launchers.run import create_run
from lamm_core.training.progress import ANSWERS, RunFiles
from tests.app.inspection.made_runs import figures, record, write_run

from .attacks import ALL, ATTACKS, FILE, TRACES, assert_nothing_ran

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

DEMO = REPOSITORY / "assets" / "demo"
SLOW = 60_000  # milliseconds; software draws
BOX = {"label": ALL, "box": [0.1, 0.1, 0.8, 0.9]}


@dataclass
class Victim:
    """One person's browser, and what attacks did to it."""

    page: Any
    address: str
    services: Services
    outside: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Services]]:
    """A page all of whose texts are attacks: models, adapters, runs, records, drafts."""
    folder = tmp_path_factory.mktemp("attacked")
    hostile = folder / "models" / FILE
    (hostile / f"adapter-{FILE}").mkdir(parents=True)
    (hostile / "config.json").write_text("{}")
    services = scripted_services(folder, ScriptedEngine({"": f"{ALL} dog at [0.10, 0.20, 0.50, 0.90] [obj1] {ALL}"}))
    (folder / "models" / "tiny" / f"adapter-{FILE}").mkdir()
    settings = services.settings
    words = dict.fromkeys(("prompt", "text", "target", "reason", "parsed", "extraction", "group"), ALL)
    picture = [{"modality": "image", "path": str(DEMO / "cat.jpg")}]
    detail = {"truth_boxes": [BOX], "answer_boxes": [BOX]}
    wrong = record(ALL, 0.0, media=picture, detail=detail, metadata={ALL: ALL}, **words)
    for name in ("a", FILE):
        write_run(settings.benchmarks / name, [wrong], task=ALL, title=ALL, model=ALL, summary=figures(0.0, n=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(settings.uploads))
        page = build_ui(services).queue(default_concurrency_limit=4)
        _, address, _ = page.launch(
            **{**launch_options(services), "server_port": None}, prevent_thread_lock=True, quiet=True
        )
        yield address, services
        page.close()


@pytest.fixture(scope="module")
def victim(attacked: tuple[str, Services], browser: Any) -> Iterator[Victim]:
    address, services = attacked
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    victim = Victim(context.new_page(), address, services)

    def outside(route: Any) -> None:
        victim.outside.append(route.request.url)
        route.abort()

    def dialog(shown: Any) -> None:
        victim.dialogs.append(shown.message)
        shown.dismiss()

    context.route(lambda url: not url.startswith((address, "data:", "blob:")), outside)
    victim.page.on("dialog", dialog)
    victim.page.goto(address)
    victim.page.wait_for_selector("#ask textarea", timeout=SLOW)
    expect(victim.page.locator("#model-chip")).to_contain_text("ready", timeout=SLOW)
    yield victim
    context.close()


def hostile_copy(source: Path, folder: Path) -> Path:
    return Path(shutil.copyfile(source, folder / f"{FILE}{source.suffix}"))


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).first.click(timeout=SLOW)


def test_the_corpus_would_be_noticed(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(f"<body>{ATTACKS[1]}<a href='javascript:alert(1)'>a</a></body>")
    page.wait_for_function("window.hacked === 'img'")
    assert len(page.evaluate(TRACES)) == 3 + 1
    page.close()


def test_chat(victim: Victim, tmp_path: Path) -> None:
    page = victim.page
    page.set_input_files("#ask input[type=file]", [str(hostile_copy(DEMO / "cat.jpg", tmp_path))])
    expect(page.locator("#ask .thumbnail-item")).to_have_count(1, timeout=SLOW)
    page.fill("#ask textarea", ALL)
    page.press("#ask textarea", "Enter")
    expect(page.locator("#facts")).to_contain_text("tokens", timeout=SLOW)
    expect(page.locator("#facts .writing")).to_have_count(0, timeout=SLOW)
    expect(page.locator("#thread .bot.message").first).to_contain_text("window.hacked='svg'")
    page.click("#model-chip [data-action=model]")
    assert_nothing_ran(victim)


def test_point_clouds(victim: Victim, tmp_path: Path) -> None:
    page = victim.page
    tab(page, "Point clouds")
    expect(page.locator("#cloud-cover .lead")).to_be_visible(timeout=SLOW)
    page.set_input_files("#cloud-left input[type=file]", [str(hostile_copy(DEMO / "table.ply", tmp_path))])
    expect(page.locator("#cloud-table tbody button").first).to_be_visible(timeout=SLOW)
    page.fill("#cloud-ask textarea", ALL)
    page.press("#cloud-ask textarea", "Enter")
    expect(page.locator("#cloud-facts")).to_contain_text("tokens", timeout=SLOW)
    expect(page.locator("#cloud-facts .writing")).to_have_count(0, timeout=SLOW)
    expect(page.locator("#cloud-talk")).to_contain_text("window.hacked='svg'")
    assert_nothing_ran(victim)


def test_benchmark(victim: Victim) -> None:
    page = victim.page
    tab(page, "Benchmark")
    expect(page.locator("#bench-board .board-rows li").first).to_be_visible(timeout=SLOW)
    assert_nothing_ran(victim)
    page.goto(f"{victim.address}?tab=benchmark&order=file&runs=a~{quote(FILE)}")
    expect(page.locator(".answer").first).to_contain_text("window.hacked='svg'", timeout=SLOW)
    assert_nothing_ran(victim)


def test_review(victim: Victim, tmp_path: Path) -> None:
    kept = hostile_copy(DEMO / "cat.jpg", tmp_path)
    # With a mark of its own, so that a second try finds a draft that is still to do.
    turns = (Turn("user", f"{ALL} {secrets.token_hex(4)}", (Media("image", kept),)), Turn("assistant", ALL))
    annotation = {"caption": ALL, ALL: ALL, "objects": [{"label": ALL, "bbox": [0, 0, 1, 1]}], "label": ALL}
    checks = (Check(ALL, 0.5, ALL, Span(1, 0, 20)),)
    draft = Draft(ATTACKS[0], FILE, turns, annotation=annotation, checks=checks, generator=ALL, expected_error=0.9)
    victim.services.reviews.store.add_drafts([draft], actor=ALL)
    page = victim.page
    page.evaluate("(who) => localStorage.setItem('lamm-review-who', JSON.stringify(who))", ATTACKS[1])
    page.goto(victim.address)
    tab(page, "Review")
    expect(page.locator("#review .rv-turn.assistant p").first).to_contain_text("window.hacked='svg'", timeout=SLOW)
    page.locator("#review mark").first.hover()
    page.keyboard.press("e")
    page.keyboard.insert_text(ALL)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#review .rv-saved")).to_contain_text("saved", timeout=SLOW)
    assert_nothing_ran(victim)


def test_train(victim: Victim, make_recipe: Callable[..., Any]) -> None:
    folder = create_run(victim.services.settings.training, make_recipe(), title=ATTACKS[1])
    files = RunFiles(folder)
    files.state("failed", reason=ALL, kind=ATTACKS[1])
    (folder / ANSWERS).write_text(
        json.dumps({"step": 1, "id": ALL, "question": ALL, "target": ALL, "answer": ALL, "loss": 1.0}) + "\n"
    )
    (folder / "log.txt").write_text(ALL)
    page = victim.page
    page.goto(victim.address)
    tab(page, "Train")
    expect(page.locator("#train-status")).to_contain_text("window.hacked='img'", timeout=SLOW)
    expect(page.locator("#train-answers")).to_contain_text("window.hacked='svg'", timeout=SLOW)
    page.click("#train-delete")
    expect(page.locator("#train-sure").first).to_contain_text("onerror", timeout=SLOW)
    assert_nothing_ran(victim)
