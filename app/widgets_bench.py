"""The components of the benchmark tab drawn by our own script: leaderboard, cells and filters, stage, answers, verdict.

Does not know runs; assets/js/bench.js and bench_sample.js draw what these carry, all words as text, never as markup.
"""

from __future__ import annotations

import gradio as gr

__all__ = ["answers", "board", "cells_and_filters", "facts", "sample_stage"]

_BOARD = """
<div class="board">
  <label class="board-task"><span>Task</span><select aria-label="Task"></select></label>
  <label class="board-task board-metric"><span>Metric</span><select aria-label="Metric"></select></label>
  <p class="board-unit"></p>
  <ul class="board-rows"></ul>
  <p class="board-none">No run of yours is here yet. Measure a model below, or in a terminal:
    <code>lamm bench run --task cifar10 --data DATA</code></p>
  <section hidden><h2>Runs</h2><ul class="board-live" aria-live="polite"></ul></section>
  <section hidden><h2>Cannot be shown</h2><ul class="board-problems"></ul></section>
</div>
"""

_BAR = """
<div class="bar" hidden>
  <div class="bar-cells">
    <table class="square" aria-label="Samples by who is right; each cell is a filter">
      <thead><tr><td></td><th scope="col"><b class="letter b">B</b> right</th>
        <th scope="col"><b class="letter b">B</b> wrong</th></tr></thead>
      <tbody><tr><th scope="row"><b class="letter a">A</b> right</th><td></td><td></td></tr>
        <tr><th scope="row"><b class="letter a">A</b> wrong</th><td></td><td></td></tr></tbody></table>
    <div class="others" role="group" aria-label="Other filters"></div>
  </div>
  <div class="bar-filters">
    <button type="button" data-do="previous" title="The sample before (left arrow)"
      aria-label="The sample before">←</button>
    <span class="bar-place" role="status"></span>
    <button type="button" data-do="next" title="The next sample (right arrow)" aria-label="The next sample">→</button>
    <input type="search" placeholder="Find in questions, answers" aria-label="Find in ids, questions and answers"
      maxlength="400">
    <select aria-label="Order"></select>
    <button type="button" data-do="swap" title="A becomes B and B becomes A">Swap A/B</button>
    <button type="button" data-do="tick" aria-pressed="false"
      title="Tick this sample (X)"><span>Tick</span> <kbd>X</kbd></button>
    <button type="button" data-do="tick_all" title="Tick every sample of this filter">Tick all</button>
    <button type="button" data-do="mark"
      title="Write into the file that the review queue reads">Mark for review</button>
    <button type="button" data-do="untick" hidden>Untick all</button>
    <button type="button" data-do="link" title="A link that brings back exactly this view">Copy link</button>
  </div>
  <p class="bar-told" role="status" hidden></p>
</div>
"""

_STAGE = """
<div class="look" data-kind="empty">
  <div class="look-empty">
    <p class="lead">See where two models differ</p>
    <p>Pick runs on the left: the first is A, the second B. The table then says on how many samples both, one or none of
       them is right. Each cell is a filter; the samples behind it are shown here with picture or scan, the truth, both
       answers word by word, how they were read and why they scored so.</p>
    <p class="stage-actions"><button type="button" class="primary" data-do="example">Open the example</button></p>
  </div>
  <div class="look-canvas"><div class="look-picture"><img alt="">
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true"></svg>
    <div class="look-labels"></div></div></div>
  <p class="look-told"></p>
  <div class="look-bar"><span class="look-layers" role="group" aria-label="Whose boxes and points are shown"></span>
    <button type="button" data-do="marks" title="All boxes and points on or off (B)">All <kbd>B</kbd></button>
    <span class="look-name"></span><span class="look-note"></span></div>
</div>
"""

_FACTS = """
<section class="facts" hidden aria-labelledby="facts-title">
  <h2 id="facts-title">What may be claimed</h2>
  <p class="facts-sentence" role="status"></p>
  <table hidden><thead><tr><th scope="col">Metric</th><th scope="col">A</th><th scope="col">B</th>
    <th scope="col">A − B (95 % interval)</th></tr></thead><tbody></tbody></table>
  <p class="facts-p"></p>
  <h2>Series</h2>
  <ul class="facts-series"></ul>
  <ul class="facts-notes" hidden></ul>
</section>
"""


def board() -> gr.HTML:
    """The leaderboard. ``choose`` picks series, ``act`` stops a run."""
    return gr.HTML(
        value={},
        html_template=_BOARD,
        js_on_load="window.lamm.benchBoard(element, props, watch, {choose: (data) => trigger('choose', data), "
        "act: (data) => trigger('act', data)});",
        elem_id="bench-board",
        apply_default_css=False,
    )


def cells_and_filters() -> gr.HTML:
    """The two-by-two table, search, order, position. ``act`` filters and steps, ``choose`` swaps the series."""
    return gr.HTML(
        value={"open": False},
        html_template=_BAR,
        js_on_load="window.lamm.benchBar(element, props, watch, {choose: (data) => trigger('choose', data), "
        "act: (data) => trigger('act', data)});",
        elem_id="bench-bar",
        apply_default_css=False,
    )


def sample_stage() -> gr.HTML:
    """The picture with everybody's boxes, or what there is to say without one. ``choose`` asks for the example."""
    return gr.HTML(
        value={},
        html_template=_STAGE,
        js_on_load="window.lamm.benchStage(element, props, watch, () => trigger('choose', {do: 'example'}));",
        elem_id="bench-look",
        apply_default_css=False,
    )


def answers() -> gr.HTML:
    """Question, truth and answers of the sample."""
    return gr.HTML(
        value={},
        html_template='<div class="answers" hidden tabindex="0" role="region" aria-label="Question and answers"></div>',
        js_on_load="window.lamm.benchAnswers(element, props, watch);",
        elem_id="bench-answers",
        apply_default_css=False,
    )


def facts() -> gr.HTML:
    """What the comparison comes to, and what is odd about it."""
    return gr.HTML(
        value={"open": False},
        html_template=_FACTS,
        js_on_load="window.lamm.benchFacts(element, props, watch);",
        elem_id="bench-facts",
        apply_default_css=False,
    )
