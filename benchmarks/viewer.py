"""Times the point-cloud viewer beside Plotly's Scatter3d: one page, one run, headless Chromium with software WebGL.

Does not know real scans: the cloud is a room of random points. Each time is from the click on a button of the page to
points on the screen, so it holds the server's event, the transfer and the drawing; both have drawn a small cloud
before, so it does not hold the loading of scripts. Each counts as drawn when the graphics card is through with the
frame that first holds all points. Usage: python benchmarks/viewer.py [--repeats 3] [--screenshots FOLDER]. The last
line is JSON, medians in seconds: ``ratio`` is Plotly's time by ours at 200,000 points, ``million_seconds`` is for all
of 1,000,000 points, ``preview_seconds`` for the first 50,000 of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it while it is imported

import gradio as gr
import plotly.graph_objects as go
from playwright.sync_api import Page, sync_playwright

from app.theme import css_variables
from app.viewer.component import point_cloud_viewer
from app.viewer.routes import viewer_routes
from app.viewer.shelf import CloudShelf
from app.viewer.value import view_value
from lamm_core.pointclouds.cloud import PointCloud

COMPARED, MILLION, WARM = 200_000, 1_000_000, 1_000
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]

CLICK = """(button) => { window.clicked = performance.now(); document.querySelector('#' + button).click(); }"""
OURS = """(count) => {
  const { stats } = lammViewers.get('cloud');
  return stats.asked > clicked && stats.drawn && stats.points === count
    ? [stats.preview - clicked, stats.drawn - clicked] : null;
}"""
# Plotly's canvas does not keep its drawing, and no event tells when it is done: its draw calls are watched instead.
# From the first of at least as many corners as there are points the frame is followed until the graphics card is
# through.
WATCH = """() => {
  for (const context of [WebGLRenderingContext, WebGL2RenderingContext]) {
    for (const [name, place] of [['drawArrays', 2], ['drawElements', 1]]) {
      const draw = context.prototype[name];
      context.prototype[name] = function (...values) {
        draw.apply(this, values);
        if (values[place] < window.awaited || !window.awaited || this.canvas.closest('#cloud')) return;
        window.awaited = 0;
        requestAnimationFrame(() => {
          this.readPixels(0, 0, 1, 1, this.RGBA, this.UNSIGNED_BYTE, new Uint8Array(4));
          window.plotlyDrawn = performance.now();
        });
      };
    }
  }
}"""
CLICK_PLOTLY = """([button, count]) => {
  [window.awaited, window.plotlyDrawn, window.clicked] = [count, 0, performance.now()];
  document.querySelector('#' + button).click();
}"""
PLOTLY = "() => window.plotlyDrawn ? [plotlyDrawn - clicked] : null"


def room(count: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A floor, two walls and forty boxes of furniture, 8 m by 6 m: places in metres and colours."""
    random = np.random.default_rng(0)
    uv = random.uniform(size=(count, 2))
    which = random.integers(0, 43, count)
    low = random.uniform([0, 0, 0], [7, 5, 0.2], (43, 3))
    size = random.uniform(0.2, 1.0, (43, 3))
    low[:3], size[:3] = [[0, 0, 0], [0, 6, 0], [0, 0, 0]], [[8, 6, 0], [8, 0, 2.6], [0, 6, 2.6]]
    place = random.uniform(size=(count, 3))
    flat = random.integers(0, 3, count)
    flat[which < 3] = 2 - which[which < 3]
    place[np.arange(count), flat] = np.round(uv[:, 0])
    xyz = low[which] + place * size[which] + random.normal(0, 0.004, (count, 3))
    rgb = random.integers(60, 230, (43, 3))[which] + random.integers(-20, 20, (count, 3))
    return xyz.astype(np.float32), rgb.clip(0, 255).astype(np.uint8)


def build_page(shelf: CloudShelf) -> gr.Blocks:
    """The viewer, Plotly, and a button for each cloud in each of them."""
    clouds = {count: room(count) for count in (WARM, COMPARED, MILLION)}
    shown = {count: shelf.put("all", PointCloud(xyz, "room"), rgb) for count, (xyz, rgb) in clouds.items()}

    def figure(count: int) -> go.Figure:
        xyz, rgb = clouds[count]
        marker = {"size": 1.5, "color": rgb.astype(np.float32).mean(axis=1), "colorscale": "Viridis"}
        x, y, z = xyz.T
        trace = go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, hoverinfo="skip")
        return go.Figure(trace, {"height": 560, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}})

    with gr.Blocks(analytics_enabled=False) as page:
        view = point_cloud_viewer(elem_id="cloud")
        plot = gr.Plot(elem_id="plot")
        for count in clouds:
            ours = gr.Button(f"ours {count}", elem_id=f"ours-{count}")
            ours.click(lambda chosen=count: view_value(shown[chosen]), None, view, show_progress="hidden")
        for count in (WARM, COMPARED):
            theirs = gr.Button(f"plotly {count}", elem_id=f"plotly-{count}")
            theirs.click(lambda chosen=count: figure(chosen), None, plot, show_progress="hidden")
    return page


def ours(page: Page, count: int) -> tuple[float, float]:
    """Seconds from the click to the preview and to all points."""
    page.evaluate(CLICK, f"ours-{count}")
    preview, whole = page.wait_for_function(OURS, arg=count, timeout=180_000, polling=50).json_value()
    return preview / 1000, whole / 1000


def plotly(page: Page, count: int) -> float:
    """Seconds from the click to all points."""
    page.evaluate(CLICK_PLOTLY, [f"plotly-{count}", count])
    (whole,) = page.wait_for_function(PLOTLY, timeout=180_000, polling=50).json_value()
    return float(whole) / 1000


def measure(page: Page, repeats: int, screenshots: Path | None) -> dict[str, list[float]]:
    """The times of each repeat, in seconds."""
    times: dict[str, list[float]] = {"million": [], "preview": [], "ours": [], "plotly": []}
    for _ in range(repeats):
        ours(page, WARM)
        times["ours"].append(ours(page, COMPARED)[1])
        ours(page, WARM)
        preview, million = ours(page, MILLION)
        times["preview"].append(preview)
        times["million"].append(million)
    if screenshots:
        page.locator("#cloud").screenshot(path=screenshots / "viewer.png")
    ours(page, WARM)
    page.evaluate(WATCH)
    plotly(page, WARM)
    times["plotly"].append(plotly(page, COMPARED))
    if screenshots:
        page.locator("#plot").screenshot(path=screenshots / "plotly.png", timeout=120_000)
    return times


def main() -> None:
    """Serve the page, drive it, print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of ours; Plotly draws once")
    parser.add_argument("--screenshots", type=Path, help="a folder for pictures of what was drawn")
    arguments = parser.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    shelf = CloudShelf()
    blocks = build_page(shelf)
    options: dict[str, Any] = {"css": css_variables(), "app_kwargs": {"routes": viewer_routes(shelf)}}
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, **options)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_function("window.lammViewers && lammViewers.get('cloud')", timeout=60_000)
        times = measure(page, arguments.repeats, arguments.screenshots)
        browser.close()
    blocks.close()
    middle = {name: statistics.median(values) for name, values in times.items()}
    print(f"ours, {COMPARED:,} points     {middle['ours']:8.2f} s   {times['ours']}")
    print(f"Plotly, {COMPARED:,} points   {middle['plotly']:8.2f} s")
    print(f"ours, {MILLION:,} points   {middle['million']:8.2f} s   {times['million']}")
    print(f"its first 50,000         {middle['preview']:8.2f} s   {times['preview']}")
    row = {f"{name}_seconds": round(value, 3) for name, value in middle.items()}
    print(json.dumps({**row, "ratio": round(middle["plotly"] / middle["ours"], 1)}))


if __name__ == "__main__":
    main()
