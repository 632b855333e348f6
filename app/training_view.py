"""What runs, checks and data look like as values of the training tab's components.

Does not know where they come from. Every text from a file, a model or a person is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from app.thumbnails import thumbnail
from app.training import ViewedRun
from lamm_core.conversation import Sample
from lamm_core.launchers.commands import in_words
from lamm_core.training.preflight import CheckReport, SeenSample

__all__ = [
    "alert",
    "choices",
    "compared_figure",
    "curves_figure",
    "delete_question",
    "differences",
    "info",
    "log_view",
    "memory_view",
    "preview_view",
    "report_view",
    "run_chip",
    "samples_view",
    "status_view",
]

GIB = 2**30
MOST_POINTS = 800  # of a curve; each is then the mean of several steps, and none is left out
SIGNS = {
    "queued": "◌", "preparing": "◐", "running": "▶", "stopping": "◑", "completed": "✓", "stopped": "■", "failed": "✗",
    "lost": "?",
}  # fmt: skip
# Names of events, titles and units, in the order of the small charts.
CURVES: tuple[tuple[str, str], ...] = (
    ("loss", "loss: training, held apart"),
    ("learning_rate", "learning rate"),
    ("grad_norm", "gradient norm"),
    ("tokens_per_second", "tokens a second"),
    ("data_wait_share", "waiting for data"),
)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#8b929d")


def choices(runs: Sequence[ViewedRun]) -> list[tuple[str, str]]:
    """The runs for a list to choose from: label and name."""
    return [(_label(run), run.name) for run in runs]


def _label(run: ViewedRun) -> str:
    status = run.status
    share = f" {status.share:.0%}" if status.share is not None and status.state in ("running", "stopping") else ""
    left = f" · {in_words(status)}" if status.eta_seconds is not None else ""
    return f"{SIGNS[status.state]} {status.title} · {status.state}{share}{left}"


def alert(title: str, text: str) -> str:
    """What went wrong, in words."""
    return f'<div role="alert"><b>{escape(title)}</b> {escape(text)}</div>'


def info(text: str) -> str:
    """What is going on, in words."""
    return f'<div role="status">{escape(text)}</div>'


def delete_question(title: str, size: int) -> str:
    """Asks once, by name."""
    return (
        f"<p>Delete <b>{escape(title)}</b> with its checkpoints and log, {size / 1e6:,.1f} MB? "
        "This cannot be undone.</p>"
    )


def run_chip(runs: Sequence[ViewedRun]) -> str:
    """What runs, for the header; empty when nothing does."""
    active = [run for run in runs if run.status.state in ("preparing", "running", "stopping")]
    if not active:
        return ""
    status = active[0].status
    waiting = sum(run.status.state == "queued" for run in runs)
    share = f"{status.share:.0%}" if status.share is not None else status.state
    left = f" · {in_words(status)}" if status.eta_seconds is not None else ""
    more = f" · {waiting} queued" if waiting else ""
    width = f"{status.share:.0%}" if status.share is not None else "0%"
    return (
        f'<button type="button" class="chip" data-action="runs" title="Training">▶ <b>{escape(status.title)}</b>'
        f'<span role="status">{share}{left}{more}</span><span class="bar"><i style="width:{width}"></i></span></button>'
    )


def status_view(run: ViewedRun | None) -> str:
    """How the chosen run stands, in words."""
    if run is None:
        return (
            '<div class="run-empty"><p class="lead">Train a model of your own</p><p>Press New run: choose a preset, '
            "name your data, look at the first batch, and start. The run goes on when this page or the laptop is "
            "closed; it is here when you come back.</p></div>"
        )
    status = run.status
    step = f"step {status.step:,} of {status.total_steps:,}" if status.total_steps else ""
    saved = f"checkpoint of step {status.saved_step:,}" if status.saved_step else "no checkpoint yet"
    if status.state == "completed":
        saved = "the model is saved"
    left = in_words(status) if status.eta_seconds is not None else ""
    facts = " · ".join(part for part in (status.doing or step, left, saved) if part)
    width = f"{status.share:.1%}" if status.share is not None else "0%"
    why = "".join(f"<p>{escape(text)}</p>" for text in (status.reason, status.remedy) if text)
    alert = f'<div role="alert" class="run-why">{why}</div>' if why else ""
    return (
        f'<div class="run-status {status.state}"><h2>{escape(status.title)}</h2>'
        f'<p><b>{SIGNS[status.state]} {status.state}</b> <span role="status">{escape(facts)}</span></p>'
        f'<div class="run-bar"><i style="width:{width}"></i></div>{alert}</div>'
    )


def curves_figure(events: Sequence[Mapping[str, Any]]) -> Any:
    """Small charts of everything a run writes down."""
    return _figure({"": events})


def compared_figure(events: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    """The curves of several runs laid over each other, a colour and a line style for each."""
    return _figure(events)


def _figure(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=2, cols=6, subplot_titles=[title for _, title in CURVES], vertical_spacing=0.16, horizontal_spacing=0.08,
        specs=[[{"colspan": 4}, None, None, None, {"colspan": 2}, None], [{"colspan": 2}, None] * 3],
    )  # fmt: skip
    places = ((1, 1), (1, 5), (2, 1), (2, 3), (2, 5))
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    for number, (name, events) in enumerate(runs.items()):
        words = name.replace("<", "‹").replace("&", "＆")  # Plotly reads some markup in texts
        colour, dash = COLOURS[number % len(COLOURS)], dashes[number % len(dashes)] if len(runs) > 1 else "solid"
        for (key, _), (row, column) in zip(CURVES, places, strict=True):
            x, y = _thinned(events, key)
            line = {"color": colour, "width": 1.5, "dash": dash}
            shown = {"name": words or "training", "legendgroup": words, "showlegend": key == "loss"}
            figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, **shown), row=row, col=column)
        x, y = _thinned([event for event in events if "eval_loss" in event], "eval_loss")
        if x:
            other = COLOURS[1] if len(runs) == 1 else colour
            shown = {"name": f"{words} held apart".strip(), "legendgroup": words}
            marker = {"color": other, "symbol": "diamond", "size": 7}
            line = {"color": other, "width": 1, "dash": dash}
            figure.add_trace(
                go.Scatter(x=x, y=y, mode="lines+markers", marker=marker, line=line, **shown), row=1, col=1
            )
    figure.update_annotations(font_size=12)
    figure.update_xaxes(gridcolor="rgba(139,146,157,0.25)", zeroline=False)
    figure.update_yaxes(gridcolor="rgba(139,146,157,0.25)", zeroline=False, exponentformat="e")
    figure.update_yaxes(tickformat=".2~%", row=2, col=5)
    return figure.update_layout(
        height=460,
        autosize=True,
        margin={"l": 40, "r": 8, "t": 28, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7a828f", "size": 11},
        legend={"orientation": "h", "y": -0.08, "x": 0, "yanchor": "top"},
        uirevision="kept",
        hovermode="x unified",
    )


def _thinned(events: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    points = [(float(event["step"]), float(event[key])) for event in events if event.get(key) is not None]
    size = -(-len(points) // MOST_POINTS) if points else 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [group[-1][0] for group in groups], [sum(value for _, value in group) / len(group) for group in groups]


def samples_view(answers: Sequence[Mapping[str, Any]]) -> str:
    """Answers to a fixed set of questions at the newest evaluation, the worst first, beside those of the first."""
    if not answers:
        return ""
    steps = sorted({int(one["step"]) for one in answers})
    before = {one["id"]: str(one["answer"]) for one in answers if int(one["step"]) == steps[0]}
    rows = sorted((one for one in answers if int(one["step"]) == steps[-1]), key=lambda one: -float(one["loss"]))
    places = {0: "worst", len(rows) - 1: "best"} if len(rows) > 1 else {}
    earlier = len(steps) > 1

    def row(place: int, one: Mapping[str, Any]) -> str:
        said = [
            _asked(str(one["question"])),
            one["target"],
            *([before.get(one["id"], "–")] if earlier else []),
            one["answer"],
        ]
        words = [places.get(place, ""), *(escape(str(text)) for text in said), f"{float(one['loss']):.2f}"]
        return f"<tr>{''.join(f'<td>{word}</td>' for word in words)}</tr>"

    cells = "".join(row(place, one) for place, one in enumerate(rows))
    first = f"<th>at step {steps[0]:,}</th>" if earlier else ""
    return (
        f"<details open><summary>Answers to held-apart samples at step {steps[-1]:,}, the worst first</summary>"
        f"<table class='run-table'><tr><th></th><th>asked</th><th>right</th>{first}<th>answered</th><th>loss</th></tr>"
        f"{cells}</table></details>"
    )


def _asked(text: str) -> str:
    """The question without the names of the roles that chat templates write around it."""
    return re.sub(r"^\s*user\s+|\s+assistant\s*$", "", text)


def log_view(text: str) -> str:
    """The end of a run's log."""
    lines = text.replace("\r", "\n").splitlines()[-200:]
    return f'<pre class="run-log" tabindex="0">{escape(chr(10).join(lines))}</pre>' if lines else ""


def memory_view(report: CheckReport) -> str:
    """The estimate as a table, and what was measured."""
    if not report.memory and report.probed_bytes is None:
        return '<p class="muted">No estimate: this language model is not on this machine and not a known one.</p>'
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{value / GIB:.2f}</td></tr>" for name, value in report.memory.items()
    )
    total = sum(report.memory.values()) / GIB
    where = "a CUDA card" if report.memory_device == "cuda" else "this processor"
    probe = ""
    if report.probed_bytes is not None:
        probe = (
            f"<p><b>Measured</b> on a batch of the longest sample: {report.probed_bytes / GIB:.2f} GiB at the peak, "
            f"{report.probed_seconds or 0:.2f} s a batch.</p>"
        )
    head = f"<h3>Memory on {where}: about {total:.1f} GiB <small>estimate</small></h3>" if report.memory else ""
    for_batch = f'<p class="muted">For a batch of {escape(report.memory_batch)}.</p>' if report.memory else ""
    return f'{head}<table class="run-table numbers">{rows}</table>{for_batch}{probe}'


def report_view(report: CheckReport | None) -> str:
    """What a check found."""
    if report is None:
        return ""
    lines = [f'<li class="problem">✗ {escape(text)}</li>' for text in report.problems]
    lines += [f'<li class="remark">· {escape(text)}</li>' for text in report.remarks]
    head = (
        f"<p><b>✓ It can start.</b> {report.samples:,} samples an epoch, {report.media:,} media.</p>"
        if report.fine
        else f"<p><b>✗ {len(report.problems)} to put right first.</b></p>"
    )
    bars = "".join(
        f"<p>{title} tokens of {len(counts)} opened samples: {min(counts):,} to {max(counts):,}</p>{_bars(counts)}"
        for title, counts in (("Text", report.text_tokens), ("Media", report.media_tokens))
        if counts
    )
    batch = "".join(_seen(sample) for sample in report.first_batch)
    legend = '<p class="muted">As the model sees it; <mark>what it learns</mark> is marked.</p>' if batch else ""
    return f'<div class="run-check">{head}<ul>{"".join(lines)}</ul>{bars}{legend}{batch}</div>'


def _bars(counts: Sequence[int], columns: int = 16) -> str:
    low, high = min(counts), max(counts)
    heights = [0] * columns
    for count in counts:
        heights[min(columns - 1, (count - low) * columns // (high - low + 1))] += 1
    top = max(heights)
    bars = "".join(
        f'<rect x="{place * 10}" y="{40 - 38 * height / top:.1f}" width="9" height="{38 * height / top:.1f}"/>'
        for place, height in enumerate(heights)
    )
    box = f'viewBox="0 0 {columns * 10} 40" preserveAspectRatio="none"'
    return f'<svg class="run-bars" {box} role="img" aria-label="histogram">{bars}</svg>'


def _seen(sample: SeenSample) -> str:
    pieces = []
    for piece in sample.pieces:
        if piece.medium:
            pieces.append(f"{thumbnail(Path(piece.medium))}<em>[{piece.tokens} media tokens]</em>")
        else:
            text = escape(piece.text)
            pieces.append(f"<mark>{text}</mark>" if piece.learned else f"<span>{text}</span>")
    return (
        f'<figure class="run-seen"><figcaption>{escape(sample.name)}</figcaption><pre>{"".join(pieces)}</pre></figure>'
    )


def preview_view(samples: Sequence[Sample], start: int) -> str:
    """Samples of a data file as they are told: media, question, answer."""
    if not samples:
        return f'<p class="muted">There is no sample {start:,} and none after it.</p>'
    cards = []
    for place, sample in enumerate(samples, start=start):
        media = "".join(thumbnail(medium.path) for medium in sample.media[:4])
        turns = "".join(f"<p><b>{turn.role}</b> {escape(turn.text[:600])}</p>" for turn in sample.turns[:6])
        cards.append(f'<article class="run-sample"><h3>{place:,} · {escape(sample.id)}</h3>{media}{turns}</article>')
    return f'<div class="run-preview">{"".join(cards)}</div>'


def differences(recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings in which runs differ, one row for each."""
    flat = {name: dict(_flat(recipe)) for name, recipe in recipes.items()}
    keys = sorted({key for values in flat.values() for key in values} - {"out"})
    differing = [key for key in keys if len({str(values.get(key)) for values in flat.values()}) > 1]
    if not differing:
        return '<p class="muted">Their settings are the same.</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in flat)
    rows = "".join(
        f"<tr><td>{escape(key)}</td>"
        + "".join(f"<td>{escape(_said(values.get(key)))}</td>" for values in flat.values())
        + "</tr>"
        for key in differing
    )
    return f'<h3>Where they differ</h3><table class="run-table"><tr><th>setting</th>{head}</tr>{rows}</table>'


def _said(value: Any) -> str:
    """A setting as the table tells it; a dash where it is not set, or is none of that run's."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value == "" else str(value)


def _flat(values: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(values, Mapping):
        return [pair for key, value in values.items() for pair in _flat(value, f"{prefix}{key}.")]
    if isinstance(values, list) and any(isinstance(value, Mapping | list) for value in values):
        return [pair for place, value in enumerate(values) for pair in _flat(value, f"{prefix}{place}.")]
    return [(prefix.rstrip("."), values)]
