"""The viewer as a component of the page.

Does not know clouds: its value names one, the browser fetches it. Events: ``pick`` (a click on a point or a box, to be
read with `read_pick`) and ``plain`` (this browser cannot draw it; show `app.viewer.plain`'s figure instead).
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.viewer.routes import script_address
from app.viewer.value import EMPTY_VALUE

__all__ = ["point_cloud_viewer"]

# The template holds no ${value}: it is drawn once, and the canvas outlives every new value.
_TEMPLATE = '<div class="lamm-cloud" role="region" aria-label="Point cloud"></div>'

_ON_LOAD = """
const root = (window.gradio_config?.root ?? '').replace(/\\/$/, '');
const place = element.querySelector('.lamm-cloud');
import(root + '__SCRIPT__').then(({ Viewer }) => {
  const viewer = new Viewer(place, { root, name: '__NAME__',
    onPick: (picked) => trigger('pick', picked), onPlain: (reason) => trigger('plain', { reason }) });
  const show = () => viewer.show(props.value || {});
  watch('value', show);
  show();
}).catch((error) => {
  place.textContent = 'The viewer could not be loaded: ' + error.message + '. Reload the page.';
});
"""


def point_cloud_viewer(*, elem_id: str, value: dict[str, Any] | None = None, height: str = "560px") -> gr.HTML:
    """A point cloud with boxes; the value is what `app.viewer.value.view_value` makes.

    ``elem_id`` is also the name under which the page's scripts find it: ``lammViewers.get(name).setHighlight(3)``.
    """
    # A function and no subclass: Gradio writes a .pyi file into the sources for each subclass of its components.
    return gr.HTML(
        value=dict(EMPTY_VALUE) if value is None else value,
        html_template=_TEMPLATE,
        css_template=f".lamm-cloud {{ height: {height}; }}",
        js_on_load=_ON_LOAD.replace("__SCRIPT__", script_address()).replace("__NAME__", elem_id),
        elem_id=elem_id,
        apply_default_css=False,
    )
