"""Charts of a comparison: how scores, overlaps and errors are spread, one line a series.

Does not know the page. Figures fit a light and a dark page alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.inspection.comparison import Comparison
from app.inspection.pairing import RIGHT

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["charts"]

_COLOURS = ("#0072B2", "#D55E00", "#8b929d", "#8b929d", "#8b929d", "#8b929d")
_PATTERNS = ("", "/", ".", "x", "-", "+")  # never colour alone
_BINS = 10
_WORDS = "#7d8796"  # grey that is read on white and on black


def charts(comparison: Comparison) -> go.Figure:
    """Histograms over the shared samples: the score, and overlap and error where the records have them."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    kinds = {
        name: values for name in ("score", "overlap", "error") if (values := _values(comparison, name)) is not None
    }
    titles = [_TITLES[name] for name in kinds]
    count = max(1, len(kinds))
    figure = make_subplots(rows=count, cols=1, subplot_titles=titles, vertical_spacing=0.32 / count)
    for row, (name, values) in enumerate(kinds.items(), start=1):
        edges = _edges(values, name)
        for number, one in enumerate(comparison.series):
            counts, _ = np.histogram(np.clip(values[number], edges[0], edges[-1]), edges)
            middle = (edges[:-1] + edges[1:]) / 2
            figure.add_trace(
                go.Bar(
                    x=middle,
                    y=counts,
                    name=one.letter,
                    showlegend=row == 1,
                    legendgroup=one.letter,
                    marker={"color": _COLOURS[number], "pattern": {"shape": _PATTERNS[number], "size": 5}},
                    hovertemplate=f"{one.letter}, %{{x:.2f}}: %{{y}}<extra></extra>",
                ),
                row=row,
                col=1,
            )
        if name == "score":
            figure.add_vline(x=RIGHT, line={"color": _WORDS, "dash": "dot", "width": 1}, row=row, col=1)
        figure.update_yaxes(title_text="samples", row=row, col=1)
    figure.update_annotations(font={"size": 12, "color": _WORDS})
    figure.update_xaxes(color=_WORDS, gridcolor="rgba(125,135,150,0.2)", zeroline=False)
    figure.update_yaxes(color=_WORDS, gridcolor="rgba(125,135,150,0.2)", zeroline=False, rangemode="tozero")
    return figure.update_layout(
        height=64 + 148 * count,
        margin={"l": 8, "r": 8, "t": 28, "b": 36},
        bargap=0.15,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _WORDS, "size": 11},
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0, "yref": "container", "yanchor": "bottom"},
        dragmode=False,
        modebar={"remove": _TOOLS},
    )


_TOOLS = ["toimage", "zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "resetscale"]
_TITLES = {
    "score": "Score",
    "overlap": "Best overlap (IoU) with the true boxes",
    "error": "How far the number is off",
}


def _values(comparison: Comparison, name: str) -> list[NDArray[np.float64]] | None:
    """The values of each series without those that are not there; None where no sample has any."""
    found = []
    for one, rows in zip(comparison.series, comparison.pairing.rows, strict=True):
        values = getattr(one.index.columns, name)[rows].astype(float)
        found.append(values[~np.isnan(values)])
    return found if any(len(values) for values in found) else None


def _edges(values: list[NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    if name != "error":
        return np.linspace(0, 1, _BINS + 1)
    # The last bar holds what is further off than nearly all.
    high = max(1.0, float(np.percentile(np.concatenate(values), 98)))
    return np.linspace(0, high, _BINS + 1)
