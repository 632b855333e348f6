"""The components of the 3D tab drawn by our own script: the empty stage, the doctor's card, the talk, the table.

Does not know scenes; assets/js/scene.js draws what these carry, all words as text and never as markup.
"""

from __future__ import annotations

from html import escape

import gradio as gr

from app.examples import SCENES

__all__ = ["cloud_table", "doctor_card", "empty_stage", "linked_picture", "scene_list", "talk"]

_EMPTY = """
<div class="cloud-cover" data-state="empty">
  <div class="cloud-start">
    <p class="lead">Drop a scan here</p>
    <p>a point cloud or mesh from any device. You see it at once, what is odd about it is said in words,
       and answers light up the objects that they name.</p>
    <p>A picture of the same name that comes with it is shown beside it.</p>
    <p class="cloud-kinds">PLY, PCD, LAS, LAZ, E57, XYZ, TXT, CSV, PTS, NPY, NPZ, OFF, OBJ, GLB, STL</p>
    <p class="stage-actions"><button type="button" class="primary" data-do="example">Load the example</button>
      <button type="button" data-do="upload">Choose a file</button></p>
  </div>
  <p class="cloud-doing" role="status"></p>
  <div class="cloud-refused" role="alert" hidden><b></b><span></span>
    <button type="button" data-do="dismiss" aria-label="Close this message">Close</button></div>
</div>
"""

_DOCTOR = """
<section class="doctor" aria-labelledby="doctor-title"><h2 id="doctor-title">Doctor</h2>
<p class="doctor-none">Opens with a scan: what its unit is, which way is up, whether colours, points and ground look
  right, and one click to put right what does not.</p>
<div class="doctor-body"></div></section>
"""

_PICTURE = """
<figure class="linked-picture" hidden><img src="data:," alt=""><figcaption></figcaption></figure>
"""

_TALK = """
<div class="talk"><div class="talk-empty"><p>Ask about the scan: which object is furthest to the left, how many there
  are, how tall one is, what stands behind another.</p>
  <p>Click an object in the scan to speak of it in your question.</p></div>
<div class="talk-messages" role="log" aria-label="Conversation about the scan"></div></div>
"""

_TABLE = """
<div class="boxes" tabindex="0" role="region" aria-label="Boxes"><table><thead><tr><th scope="col">Object</th>
<th scope="col">Label</th><th scope="col">Centre x, y, z</th><th scope="col">Size x, y, z</th>
<th scope="col">Confidence</th></tr></thead><tbody></tbody></table><p class="boxes-none"></p></div>
"""


def empty_stage() -> gr.HTML:
    """Lies over the viewer: teaches while nothing is open, says what is being done and why a file is refused.

    ``example`` asks for the first example.
    """
    return gr.HTML(
        value={"open": False, "doing": "", "refused": None},
        html_template=_EMPTY,
        js_on_load="window.lamm.sceneCover(element, props, watch, () => trigger('example', {index: 0}));",
        elem_id="cloud-cover",
        apply_default_css=False,
    )


def doctor_card() -> gr.HTML:
    """Findings and fixes; the event ``fix`` carries the names of the findings whose fixes are wanted."""
    return gr.HTML(
        value={"name": "", "facts": [], "notes": [], "findings": [], "made": []},
        html_template=_DOCTOR,
        js_on_load="window.lamm.doctor(element, props, watch, (names) => trigger('fix', {names}));",
        elem_id="cloud-doctor",
        apply_default_css=False,
    )


def linked_picture() -> gr.HTML:
    """The picture that came with the scan; hidden where there is none."""
    return gr.HTML(
        value=None,
        html_template=_PICTURE,
        js_on_load="window.lamm.linkedPicture(element, props, watch);",
        elem_id="cloud-picture",
        apply_default_css=False,
    )


def talk() -> gr.HTML:
    """The conversation with objects as chips. ``retry``, ``undo`` and ``review`` are about the newest question."""
    return gr.HTML(
        value={"messages": [], "writing": False, "open": False},
        html_template=_TALK,
        js_on_load="window.lamm.talk(element, props, watch, {retry: () => trigger('retry', {}), "
        "undo: () => trigger('undo', {}), review: () => trigger('review', {})});",
        elem_id="cloud-talk",
        apply_default_css=False,
    )


def cloud_table() -> gr.HTML:
    """Every box; pointing at a row lights it in the scan, a click flies there."""
    return gr.HTML(
        value={"rows": [], "unit": "m", "open": False},
        html_template=_TABLE,
        js_on_load="window.lamm.boxTable(element, props, watch);",
        elem_id="cloud-table",
        apply_default_css=False,
    )


def scene_list() -> gr.HTML:
    """The shipped scans as buttons; the event ``example`` carries the index of the one chosen."""
    buttons = "".join(
        f'<li><button type="button" data-index="{index}"><span><b>{escape(scene.title)}</b>'
        f"<small>{escape(scene.question)}</small></span></button></li>"
        for index, scene in enumerate(SCENES)
    )
    return gr.HTML(
        '<section class="examples" aria-labelledby="scenes-title"><h2 id="scenes-title">Examples</h2>'
        f"<ul>{buttons}</ul></section>",
        js_on_load="window.lamm.examples(element, (index) => trigger('example', {index}));",
        elem_id="cloud-examples",
        apply_default_css=False,
    )
