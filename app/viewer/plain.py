"""The cloud as flat views, for browsers that cannot draw it in 3D.

Does not know why they cannot. Plotly's own 3D plot needs WebGL as the viewer does; these plots need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image
from plotly.subplots import make_subplots

from app.viewer.encode import preview_order
from app.viewer.value import Kind, ViewBox

__all__ = ["MOST_PLAIN_POINTS", "plain_figure"]

MOST_PLAIN_POINTS = 20_000
_VIEWS = (("From above", 0, 1), ("From the front", 0, 2))
_POINT_PIXELS = 3
_AXES = "xyz"
_COLOURS: dict[Kind, str] = {
    "proposal": "#8b929d",
    "answer": "#E69F00",
    "truth": "#009E73",
    "a": "#0072B2",
    "b": "#D55E00",
}


def plain_figure(
    xyz: NDArray[np.float32], rgb: NDArray[np.uint8] | None, boxes: Sequence[ViewBox] = (), *, height: int = 560
) -> go.Figure:
    """Views from above and from the front of at most MOST_PLAIN_POINTS points, half of them in each, with the boxes.

    ``xyz`` (N, 3) metres, ``rgb`` (N, 3) or None for colour by height; ``height`` in pixels.
    """
    finite = np.flatnonzero(np.isfinite(xyz).all(axis=1))
    share = MOST_PLAIN_POINTS // len(_VIEWS)
    chosen = finite[preview_order(xyz[finite], share)][:share] if len(finite) else finite
    points = xyz[chosen]
    marker = _marker(points, None if rgb is None else rgb[chosen])
    figure = make_subplots(rows=1, cols=len(_VIEWS), subplot_titles=[title for title, _, _ in _VIEWS])
    for column, (_, across, up) in enumerate(_VIEWS, start=1):
        # What is nearest to the eye is drawn last.
        depth = points[:, 2] if up == 1 else -points[:, 1]
        order = np.argsort(depth)
        ordered = {**marker, "color": marker["color"][order]}
        trace = go.Scatter(x=points[order, across], y=points[order, up], mode="markers", marker=ordered)
        figure.add_trace(trace, row=1, col=column)
        for box in boxes:
            _add_box(figure, box, across, up, column)
        figure.update_xaxes(title_text=f"{_AXES[across]} in metres", row=1, col=column)
        # An aspect of 1: a metre is as long upwards as across.
        scale = {"scaleanchor": f"x{column if column > 1 else ''}", "scaleratio": 1}
        figure.update_yaxes(title_text=f"{_AXES[up]} in metres", row=1, col=column, **scale)
    figure.update_traces(hoverinfo="skip")
    return figure.update_layout(height=height, showlegend=False, margin={"l": 8, "r": 8, "t": 32, "b": 8})


def _marker(points: NDArray[np.float32], rgb: NDArray[np.uint8] | None) -> dict[str, Any]:
    """Colours as numbers into a scale: a string for each point would take Plotly longer than all else."""
    if rgb is None or not len(rgb):
        return {"size": _POINT_PIXELS, "color": points[:, 2], "colorscale": "Viridis"}
    few = Image.fromarray(rgb[None]).quantize(256)
    palette = np.array(few.getpalette(), np.uint8).reshape(-1, 3)
    last = max(len(palette) - 1, 1)
    scale = [(number / last, f"rgb({r},{g},{b})") for number, (r, g, b) in enumerate(palette)]
    scale = scale if len(scale) > 1 else [(0, scale[0][1]), (1, scale[0][1])]
    return {"size": _POINT_PIXELS, "color": np.asarray(few)[0], "cmin": 0, "cmax": last, "colorscale": scale}


def _add_box(figure: go.Figure, box: ViewBox, across: int, up: int, column: int) -> None:
    low, high = box.box.low, box.box.high
    line = {"color": _COLOURS[box.kind], "width": 2, "dash": "dash" if box.kind == "truth" else "solid"}
    corners = {"x0": low[across], "x1": high[across], "y0": low[up], "y1": high[up]}
    figure.add_shape(type="rect", line=line, row=1, col=column, **corners)
    if box.kind != "proposal":
        # Plotly reads some markup in texts; without its brackets there is none.
        words = (f"[obj{box.number}] " if box.number is not None else "") + box.label
        words = words.replace("<", "‹").replace("&", "＆")
        place = {"x": low[across], "y": high[up], "xanchor": "left", "yanchor": "bottom"}
        look = {
            "bgcolor": _COLOURS[box.kind],
            "font": {"color": "#ffffff" if box.kind == "a" else "#14110a", "size": 12},
        }
        figure.add_annotation(text=words, showarrow=False, row=1, col=column, **place, **look)
