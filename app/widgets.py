"""The components drawn by our own script: the stage with its overlay, the objects, what one does with an answer.

Does not know conversations; assets/js/studio.js draws what these carry, all words as text and never as markup.
"""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import gradio as gr
from PIL import Image

from app.examples import EXAMPLES

__all__ = ["answer_actions", "comparison", "example_list", "object_list", "stage"]

_THUMBNAIL = 112  # pixels, twice the shown side

_STAGE = """
<div class="stage" data-empty="yes">
  <div class="stage-empty">
    <p class="lead">Drop a picture here</p>
    <p>or paste one, then ask about it in words: what it is, where something is, how many there are, what it says.
       Boxes and points of the answer appear on the picture.</p>
    <p class="stage-actions"><button type="button" class="primary" data-do="example">Fill in an example</button>
      <button type="button" data-do="upload">Choose a file</button>
      <button type="button" data-do="camera">Camera</button></p>
  </div>
  <div class="stage-canvas"><div class="stage-picture"><img alt="">
    <svg preserveAspectRatio="none" aria-hidden="true"></svg><div class="stage-labels"></div></div></div>
  <div class="stage-bar">
    <div class="stage-strip" role="group" aria-label="Pictures of this conversation"></div>
    <span class="stage-name"></span>
    <button type="button" data-do="marks" aria-pressed="true" title="Boxes and points on or off (B)">Boxes</button>
    <button type="button" data-do="camera" title="Take a picture with the camera">Camera</button>
    <button type="button" data-do="upload" title="Choose a file">Add picture</button>
  </div>
  <dialog class="camera" aria-label="Camera"><video muted playsinline></video>
    <p class="stage-actions"><button type="button" class="primary" data-do="shoot">Take the picture</button>
    <button type="button" data-do="close-camera">Close</button></p></dialog>
</div>
"""

_OBJECTS = """
<section class="objects" aria-labelledby="objects-title"><h2 id="objects-title">In the picture</h2>
<p class="objects-none">Ask where something is: boxes and points of the newest answer are listed here.</p>
<ol></ol></section>
"""


_ACTIONS = """
<div class="answer-actions" hidden><span class="answer-sent" role="status"></span>
  <select aria-label="Compare this answer with" title="Ask another model or adapter the same"></select>
  <button type="button" data-do="review"
    title="Put this question, its answer and its media where the review queue imports them (M)">Send to review</button>
</div>
"""

_COMPARISON = """
<section class="comparison" aria-label="Two answers side by side" hidden><div class="comparison-sides"></div>
<button type="button" data-do="close" aria-label="Close the comparison" title="Close">✕</button></section>
"""


def answer_actions() -> gr.HTML:
    """What can be done with the newest answer; ``review`` sends it, ``compare`` carries a model and an adapter."""
    return gr.HTML(
        value={"ready": False, "choices": [], "sent": "", "failed": False},
        html_template=_ACTIONS,
        js_on_load="window.lamm.answerActions(element, props, watch, {review: () => trigger('review', {}), "
        "compare: (choice) => trigger('compare', choice)});",
        elem_id="answer-actions",
        apply_default_css=False,
    )


def comparison() -> gr.HTML:
    """Two answers beside each other; the event ``dismiss`` asks for the first alone."""
    return gr.HTML(
        value={"sides": []},
        html_template=_COMPARISON,
        js_on_load="window.lamm.comparison(element, props, watch, () => trigger('dismiss', {}));",
        elem_id="comparison",
        apply_default_css=False,
    )


def stage() -> gr.HTML:
    """The picture with boxes. ``value`` carries the marks, ``pictures`` the pictures; ``example`` asks for one."""
    return gr.HTML(
        value={"writing": False, "marks": []},
        pictures=[],
        html_template=_STAGE,
        js_on_load="window.lamm.stage(element, props, watch, () => trigger('example', {index: 0}));",
        elem_id="stage",
        apply_default_css=False,
    )


def object_list() -> gr.HTML:
    """The marks as a list; pointing at one shows it alone on the stage."""
    return gr.HTML(
        value={"writing": False, "marks": []},
        html_template=_OBJECTS,
        js_on_load="window.lamm.objects(element, props, watch);",
        elem_id="objects",
        apply_default_css=False,
    )


def example_list(folder: Path) -> gr.HTML:
    """The shipped pictures as buttons; the event ``example`` carries the index of the one chosen."""
    buttons = "".join(
        f'<li><button type="button" data-index="{index}"><img src="{_thumbnail(folder / example.file)}" alt="">'
        f"<span><b>{escape(example.title)}</b><small>{escape(example.question)}</small></span></button></li>"
        for index, example in enumerate(EXAMPLES)
    )
    return gr.HTML(
        f'<section class="examples" aria-labelledby="examples-title"><h2 id="examples-title">Examples</h2>'
        f"<ul>{buttons}</ul></section>",
        js_on_load="window.lamm.examples(element, (index) => trigger('example', {index}));",
        elem_id="examples",
        apply_default_css=False,
    )


def _thumbnail(file: Path) -> str:
    with Image.open(file) as picture:
        small = picture.convert("RGB")
    side = min(small.size)
    left, top = (small.width - side) // 2, (small.height - side) // 2
    small = small.crop((left, top, left + side, top + side)).resize((_THUMBNAIL, _THUMBNAIL))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()
