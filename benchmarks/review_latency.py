"""From the key that decides to the next item shown in the review tab, in Chromium.

Does not know what a person needs to read. Every item has a photograph-sized picture of its own. ``p50_ms`` and
``p95_ms`` are for a person who looks at each item for ``--look`` seconds; ``burst_p95_ms`` for keys without a pause,
where the items at hand run out. ``page_ms`` is what the page's own thread computes for one key, which other processes
of the machine do not lengthen. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from annotation.review.items import Check, Draft, Span
from app.scripted import ScriptedEngine, scripted_services
from app.ui import build_ui, launch_options
from lamm_core.conversation import Media, Turn

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ANSWER = "The picture shows a street with two cars, and a person beside them waits for the light to change. " * 4

# The clock begins when the key goes down and ends in the task after the frame in which the next picture stands.
WATCH = """() => {
  const root = document.querySelector('#review .rv'), image = root.querySelector('.rv-picture img');
  window.waits = [];
  addEventListener('keydown', (event) => {
    if (event.key !== 'a') return;
    const item = root.dataset.item, source = image.src, begun = event.timeStamp;
    const look = () => {
      const there = root.dataset.item !== item && image.src !== source && image.complete && image.naturalWidth;
      if (!there) { requestAnimationFrame(look); return; }
      requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - begun)));
    };
    look();
  }, true);
}"""


def drafts(folder: Path, count: int) -> list[Draft]:
    """Drafts about pictures of 1280 x 960 pixels with some noise, about 300 kB each as JPEG."""
    made = []
    chance = np.random.default_rng(0)
    for number in range(count):
        small = chance.integers(0, 255, (120, 160, 3), np.uint8)
        path = folder / f"{number}.jpg"
        Image.fromarray(small).resize((1280, 960), Image.Resampling.BICUBIC).save(path, quality=88)
        turns = (Turn("user", f"What is in picture {number}?", (Media("image", path),)), Turn("assistant", ANSWER))
        check = Check("objects", 0.5, "the annotation has no car", Span(1, 32, 40))
        objects = [{"label": "person", "bbox": [0.1 * place, 0.2, 0.1 * place + 0.08, 0.6]} for place in range(8)]
        made.append(Draft("C1", "benchmark", turns, annotation={"objects": objects}, checks=(check,)))
    return made


def pressed(page: Any, times: int, pause: float) -> list[float]:
    """Milliseconds from each key to the next item shown."""
    page.evaluate("window.waits = []")
    for number in range(times):
        page.keyboard.press("a")
        if pause:
            page.wait_for_timeout(pause * 1000)
        page.wait_for_function(f"window.waits.length > {number}", timeout=30_000)
    return list(page.evaluate("window.waits"))


def busy(thread: Any) -> dict[str, float]:
    """Seconds of processor time that the page's thread has taken so far."""
    found = {one["name"]: one["value"] for one in thread.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in ("TaskDuration", "ScriptDuration")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=40, help="decisions of each kind of person")
    parser.add_argument("--look", type=float, default=1.0, help="seconds a person looks at an item")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as text, sync_playwright() as playwright:
        folder = Path(text)
        services = scripted_services(folder, ScriptedEngine({}))
        os.environ["GRADIO_TEMP_DIR"] = str(services.settings.uploads)
        services.reviews.store.add_drafts(drafts(folder, 2 * options.keys + 10), actor="benchmark")
        page_of_gradio = build_ui(services).queue()
        _, address, _ = page_of_gradio.launch(
            **{**launch_options(services), "server_port": None}, prevent_thread_lock=True, quiet=True
        )
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("#ask textarea", timeout=60_000)
        page.get_by_role("tab", name="Review").click()
        page.get_by_label("Your name").fill("Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("#review .rv-picture img[src]", timeout=30_000)
        page.wait_for_timeout(3000)
        page.evaluate(WATCH)
        thread = page.context.new_cdp_session(page)
        thread.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = busy(thread)
        calm = pressed(page, options.keys, options.look)
        computed = {name: 1000 * (value - before[name]) / options.keys for name, value in busy(thread).items()}
        burst = pressed(page, options.keys, 0.0)
        browser.close()
        page_of_gradio.close()
    found = {
        "p50_ms": round(statistics.median(calm), 1),
        "p95_ms": round(float(np.quantile(calm, 0.95)), 1),
        "burst_p50_ms": round(statistics.median(burst), 1),
        "burst_p95_ms": round(float(np.quantile(burst, 0.95)), 1),
        "page_ms": round(computed["TaskDuration"], 1),
        "script_ms": round(computed["ScriptDuration"], 1),
        "keys": options.keys,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
