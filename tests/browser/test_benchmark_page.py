"""The benchmark tab in a real browser: example, cells, keys, marks, links, live runs, hostile words, phone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings import REPOSITORY
from tests.app.inspection.made_runs import HOSTILE, figures, record, write_run

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
SLOW = 60_000  # milliseconds; software draws
DEMO = REPOSITORY / "assets" / "demo"
BOX = {"label": "cat", "box": [0.1, 0.1, 0.8, 0.9]}
CUBE = {"label": "cup", "box": [0.1, 0.1, 0.05, 0.1, 0.1, 0.1]}


@pytest.fixture(scope="module")
def runs(served: Any) -> Path:
    """Runs of three tasks in the page's folder."""
    folder: Path = served.services.settings.benchmarks
    picture = [{"modality": "image", "path": str(DEMO / "cat.jpg")}]

    def made(name: str, score: float, text: str) -> dict[str, Any]:
        detail = {"truth_boxes": [BOX], "answer_boxes": [BOX | {"label": text}]}
        return record(name, score, text=text, media=picture, detail=detail)

    first = [made("one", 1.0, "It is a cat."), made("two", 1.0, "A cat."), made("three", 0.0, "No idea")]
    second = [made("one", 1.0, "It is a cat."), made("two", 0.0, "A dog."), made("three", 1.0, "A cat.")]
    blind = [made("one", 0.0, "A car.") | {"baseline": "blind", "media": []}]
    summary = figures(0.67, n=3, unparsed=1) | {"blind": figures(0.1, n=1)}
    write_run(folder / "animals-a", [*first, *blind], summary=summary)
    write_run(folder / "animals-b", second, model="other", summary=figures(0.67, n=3))
    words = dict.fromkeys(("prompt", "text", "target", "reason", "parsed"), HOSTILE)
    hostile = record(HOSTILE, 0.0, media=picture, detail={"truth_boxes": [BOX | {"label": HOSTILE}]}, **words)
    for name in ("hostile-a", "hostile-b"):
        write_run(folder / name, [hostile], task="hostile", title=HOSTILE, model=HOSTILE, summary=figures(0.0, n=1))
    scan = [{"modality": "pointcloud", "path": str(DEMO / "table.ply")}]
    for name, boxes in (("scan-a", [CUBE]), ("scan-b", [])):
        detail = {"truth_boxes": [CUBE], "answer_boxes": boxes}
        write_run(folder / name, [record("scan", float(bool(boxes)), media=scan, detail=detail)], task="scans")
    return folder


@pytest.fixture
def tab(visit: Visit, runs: Path) -> Callable[..., Any]:
    """Opens the tab for a new person, with these series if any are given."""

    def open_tab(*series: str, **options: Any) -> Any:
        visitor = visit(**options)
        visitor.page.get_by_role("tab", name="Benchmark").click()
        expect(visitor.page.locator("#bench-board .board-rows li").first).to_be_visible(timeout=SLOW)
        if series:
            visitor.page.goto(f"{visitor.page.url.split('?')[0]}?tab=benchmark&order=file&runs={'~'.join(series)}")
            expect(visitor.page.locator(".answer").first).to_be_visible(timeout=SLOW)
        return visitor

    return open_tab


def place(page: Any) -> Any:
    return page.locator("#bench-bar .bar-place")


def cell(page: Any, name: str) -> Any:
    return page.locator(f"#bench-bar [data-cell='{name}']")


def test_the_empty_tab_teaches_and_its_button_opens_the_example(tab: Callable[..., Any]) -> None:
    visitor = tab()
    page = visitor.page
    expect(page.locator("#bench-look .lead")).to_have_text("See where two models differ")
    visitor.shot("benchmark-empty")
    page.get_by_role("button", name="Open the example").click()
    expect(page.locator(".answer")).to_have_count(2, timeout=SLOW)
    expect(page.locator("#bench-facts .facts-sentence")).to_contain_text("where B is wrong", timeout=SLOW)
    expect(page.locator("#bench-look .look-picture img")).to_be_visible()
    expect(page.locator("#bench-plot .js-plotly-plot").first).to_be_visible(timeout=SLOW)
    visitor.shot("benchmark-example")
    page.keyboard.press("d")
    visitor.shot("benchmark-example-dark")
    assert visitor.outside == [] and visitor.errors == []


def test_picking_two_series_makes_cells_that_filter(tab: Callable[..., Any]) -> None:
    page = tab().page
    page.locator("#bench-board .board-task select").first.select_option("animals")
    page.click("#bench-board [data-key='animals-a']")
    expect(cell(page, "a")).to_contain_text("2")
    page.click("#bench-board [data-key='animals-b']")
    expect(cell(page, "both")).to_contain_text("1")
    expect(page.locator("#bench-board [data-key='animals-b'] .letter")).to_have_text("B")
    expect(page.locator("#bench-board [data-key='animals-a']")).to_contain_text("33.3% unparsed")
    cell(page, "b").click()
    expect(place(page)).to_have_text("1 of 1")
    expect(page.locator(".asked")).to_contain_text("three")
    expect(page.locator(".answer.a")).to_contain_text("wrong")
    expect(page.locator(".answer.b ins").first).to_contain_text("A cat")
    page.fill("#bench-bar input[type=search]", "nothing like this")
    expect(place(page)).to_have_text("no sample")


def test_keys_step_and_tick_but_not_while_typing(tab: Callable[..., Any]) -> None:
    page = tab("animals-a", "animals-b").page
    expect(place(page)).to_have_text("1 of 3")
    page.keyboard.press("ArrowRight")
    expect(place(page)).to_have_text("2 of 3")
    page.keyboard.press("ArrowRight")
    expect(place(page)).to_have_text("3 of 3")
    page.keyboard.press("ArrowLeft")
    expect(place(page)).to_have_text("2 of 3")
    page.keyboard.press("x")
    expect(page.locator("#bench-bar [data-do=tick]")).to_have_attribute("aria-pressed", "true")
    page.focus("#bench-bar input[type=search]")
    page.keyboard.type("xx")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#bench-bar [data-do=untick]")).to_be_visible()
    expect(page.locator("#bench-bar [data-do=mark]")).to_have_text("Mark 1 for review")


def test_a_tick_right_after_a_step_is_of_the_sample_stepped_to(tab: Callable[..., Any]) -> None:
    page = tab("animals-a", "animals-b").page
    for key in ("ArrowRight", "x", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(place(page)).to_have_text("1 of 3")
    expect(page.locator("#bench-bar [data-do=tick]")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#bench-bar [data-do=tick]")).to_have_attribute("aria-pressed", "true")
    expect(place(page)).to_have_text("2 of 3")


def test_ticked_samples_are_written_for_the_queue(tab: Callable[..., Any], served: Any) -> None:
    page = tab("animals-a", "animals-b").page
    for _ in range(2):
        page.keyboard.press("x")
        expect(page.locator("#bench-bar [data-do=tick]")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#bench-bar [data-do=tick]")).to_have_attribute("aria-pressed", "false")
    page.click("#bench-bar [data-do=mark]")
    expect(page.locator("#bench-bar .bar-told")).to_contain_text("2 marked for review")
    lines = [json.loads(line) for line in served.services.marks.file.read_text().splitlines()]
    mine = [line for line in lines if line["task"] == "animals"]
    assert {line["id"] for line in mine} >= {"one", "two"} and mine[0]["target"] == "cat"


def test_the_link_brings_the_view_back_in_another_browser(tab: Callable[..., Any], visit: Visit) -> None:
    page = tab("animals-a", "animals-b").page
    cell(page, "a").click()
    expect(place(page)).to_have_text("1 of 1")
    page.wait_for_function("location.search.includes('cell=a') && location.search.includes('sample=two')")
    other = visit().page
    other.goto(page.url)
    expect(other.locator(".asked")).to_contain_text("two", timeout=SLOW)
    expect(cell(other, "a")).to_have_attribute("aria-pressed", "true")
    other.reload()
    expect(place(other)).to_have_text("1 of 1", timeout=SLOW)


def test_boxes_can_be_switched_and_each_says_whose_it_is(tab: Callable[..., Any]) -> None:
    visitor = tab("animals-a", "animals-b")
    page = visitor.page
    labels = page.locator("#bench-look .look-labels span")
    expect(labels).to_have_text(["truth: cat", "A: It is a cat.", "B: It is a cat."])
    page.locator("#bench-look .look-layers button.a").click()
    expect(labels).to_have_count(2)
    page.keyboard.press("b")
    expect(labels).to_have_count(0)
    page.keyboard.press("b")
    expect(labels).to_have_count(3)


def test_hostile_words_are_shown_as_words(tab: Callable[..., Any]) -> None:
    visitor = tab("hostile-a", "hostile-b")
    page = visitor.page
    expect(page.locator(".asked .prompt")).to_have_text(HOSTILE)
    expect(page.locator(".answer.b .answer-text")).to_have_text(HOSTILE)
    expect(page.locator("#bench-board .board-rows b").first).to_have_text(HOSTILE)
    expect(page.locator("#bench-look .look-labels")).to_contain_text("<script>")
    expect(page.locator("#bench-facts .facts-series")).to_contain_text("<img src=x", timeout=SLOW)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#bench-tab a[href^='javascript']").count() == 0
    assert visitor.outside == [] and visitor.errors == []


def test_a_scan_is_shown_in_the_viewer_with_everybodys_boxes(tab: Callable[..., Any]) -> None:
    visitor = tab("scan-a", "scan-b")
    page = visitor.page
    page.wait_for_function("window.lammViewers?.get('bench-cloud')?.stats.drawn", timeout=SLOW)
    kinds = "window.lammViewers.get('bench-cloud').boxes.map((box) => box.kind)"
    assert page.evaluate(kinds) == ["truth", "a"]
    page.locator("#bench-look .look-layers button.truth").click()
    page.wait_for_function(f"{kinds}.length === 1")
    assert visitor.errors == []


def test_a_run_is_started_followed_and_stopped(
    tab: Callable[..., Any], served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = """
import json, os, pathlib, psutil, signal, sys, time
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
def state(name, done):
    about = {"state": name, "done": done, "total": 90, "rate": 2.0, "pid": os.getpid(), "eta_seconds": 45.0,
             "pid_started": psutil.Process().create_time()}
    (out / ".state").write_text(json.dumps(about))
    os.replace(out / ".state", out / "state.json")
def stop(*_):
    state("stopped", 9)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
about = {"format": 1, "task": "live", "model": {"name": "scripted"}, "metrics": ["accuracy"]}
(out / "run.json").write_text(json.dumps(about))
state("running", 9)
time.sleep(120)
"""
    monkeypatch.setattr(served.services.inspection.starter, "program", (sys.executable, "-c", runner))
    visitor = tab()
    page = visitor.page
    page.get_by_role("button", name="Measure a model").click()
    page.fill("#bench-start-data input, #bench-start-data textarea", "/no/such/folder")
    page.click("#bench-start-go")
    expect(page.locator("#bench-heard")).to_contain_text("is no folder on this machine")
    page.fill("#bench-start-data input, #bench-start-data textarea", str(DEMO))
    page.click("#bench-start-go")
    expect(page.locator("#bench-heard")).to_contain_text("Started", timeout=SLOW)
    live = page.locator("#bench-board .board-live li", has_text="scripted")
    expect(live).to_contain_text("9 of 90", timeout=SLOW)
    visitor.shot("benchmark-live")
    page.reload()
    page.get_by_role("tab", name="Benchmark").click()
    expect(live).to_contain_text("9 of 90", timeout=SLOW)
    live.get_by_role("button", name="Stop").click()
    expect(live).to_have_count(0, timeout=SLOW)


def test_on_a_phone_nothing_is_wider_than_the_screen(tab: Callable[..., Any]) -> None:
    visitor = tab("animals-a", "animals-b", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = visitor.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage, answers, board = (
        page.locator(name).first.bounding_box()["y"] for name in ("#bench-stage", "#bench-answers", "#bench-board")
    )
    assert stage < answers < board
    visitor.shot("benchmark-phone", full_page=True)
