"""The review desk: one component drawn by our own script, with one function on this side that answers what it asks.

Does not know the queue; assets/js/review*.js draws what the answers carry, all words as text and never as markup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.viewer.routes import script_address

__all__ = ["review_desk"]

_VIEWS = (
    ("queue", "Queue"),
    ("browse", "Browse"),
    ("disagreements", "Disagreements"),
    ("progress", "Progress"),
    ("data", "Import and export"),
    ("generate", "Generate"),
)

_DESK = """
<div class="rv" data-view="queue">
  <div class="rv-top">
    <div class="rv-nav" role="tablist" aria-label="Review">__TABS__</div>
    <span class="rv-saved" role="status"></span>
    <button type="button" class="rv-keys" data-do="keys">Change keys</button>
  </div>
  <div class="rv-banner" role="alert" hidden></div>
  <section class="rv-panel rv-queue" data-panel="queue" role="tabpanel" aria-label="Queue">
    <aside class="rv-left" aria-label="Queue and filters">
      <form class="rv-filters" aria-label="Filters"></form>
      <div class="rv-counts" role="group" aria-label="Items by status"></div>
      <h2>Next</h2><ol class="rv-next"></ol>
      <h2>Decided just now</h2><ol class="rv-done"></ol>
    </aside>
    <div class="rv-middle">
      <div class="rv-about"></div>
      <div class="rv-stage">
        <div class="rv-frame" hidden><div class="rv-picture"><img alt="" draggable="false">
          <svg preserveAspectRatio="none" viewBox="0 0 1000 1000" aria-label="Boxes"></svg>
          <div class="rv-labels"></div></div></div>
        <div class="rv-cloud lamm-cloud" role="region" aria-label="Point cloud" hidden></div>
        <div class="rv-gone" role="alert" hidden></div>
        <div class="rv-message" hidden></div>
      </div>
      <div class="rv-bar">
        <span class="rv-strip" role="group" aria-label="Media of this item"></span>
        <button type="button" data-do="show-boxes" aria-pressed="true" title="Boxes on or off (B)">Boxes</button>
        <button type="button" data-do="edit-boxes" aria-pressed="false">Edit boxes</button>
        <span class="rv-hint"></span>
      </div>
      <div class="rv-conflict" role="alert" hidden></div>
      <div class="rv-talk" tabindex="0" role="region" aria-label="Conversation"></div>
    </div>
    <aside class="rv-right" aria-label="Decision">
      <div class="rv-decide"></div>
      <label class="rv-note">Note for reject or flag<input type="text" maxlength="2000" autocomplete="off"></label>
      <section><h2>Checks</h2><ul class="rv-checks"></ul></section>
      <section><h2>Boxes</h2><ol class="rv-boxes"></ol></section>
      <section><h2>Source annotation</h2><dl class="rv-facts"></dl></section>
      <section><h2>History</h2><ol class="rv-history"></ol></section>
    </aside>
  </section>
  __PANELS__
  <div class="rv-start" hidden></div>
  <div class="rv-tip" role="tooltip" id="rv-tip" hidden></div>
  <dialog class="rv-remap" aria-labelledby="rv-remap-title"></dialog>
</div>
"""

# The template holds no ${value}: it is drawn once, and what a person types outlives every answer.
_ON_LOAD = "window.lamm.reviewDesk(element, {script: '__SCRIPT__'}, server, upload);"


def review_desk(review: Callable[..., dict[str, Any]]) -> gr.HTML:
    """The desk; ``review`` answers one request of the browser."""
    tabs = "".join(
        f'<button type="button" role="tab" data-view="{name}" aria-selected="{str(name == "queue").lower()}">'
        f"{title}</button>"
        for name, title in _VIEWS
    )
    panels = "".join(
        f'<section class="rv-panel" data-panel="{name}" role="tabpanel" aria-label="{title}" hidden></section>'
        for name, title in _VIEWS[1:]
    )
    return gr.HTML(
        value={},
        html_template=_DESK.replace("__TABS__", tabs).replace("__PANELS__", panels),
        js_on_load=_ON_LOAD.replace("__SCRIPT__", script_address()),
        server_functions=[review],
        elem_id="review",
        apply_default_css=False,
    )
