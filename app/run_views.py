"""What a run's model comes to, as values of the training tab's components: measurements, exports, and the first steps.

Does not know where they come from. Every text from a file or a person is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from app.inspection.board import is_percent, title_of
from app.inspection.figures import figure_of, time_left, told, told_difference
from app.inspection.run_shelf import Run
from app.inspection.view import View, to_query
from app.run_models import Beside
from app.training import LeftOut

__all__ = ["guide_view", "jobs_view", "left_out_view", "measured_view"]

_SIGNS = {"running": "◐", "done": "✓", "failed": "✗", "stopped": "■"}
# A sketch of what a run shows, in the colours of its charts: training as a line, held-apart samples as diamonds.
_SKETCH = (
    '<svg class="run-sketch" viewBox="0 0 300 90" role="img" aria-label="A sketch: the loss of training falls as a '
    'line; diamonds mark the loss of samples held apart">'
    '<path d="M8 12C40 44 60 56 100 62S200 72 292 75" class="line"/>'
    '<path d="M60 44L64 40 68 44 64 48zM130 62L134 58 138 62 134 66zM200 68L204 64 208 68 204 72zM270 71L274 67 278 71'
    ' 274 75z" class="apart"/></svg>'
)


def guide_view(data: Sequence[tuple[str, str]], off: str) -> str:
    """What to do first, and what a run will show; ``data`` is what was found on this machine."""
    found = "".join(f"<li>{escape(label)}</li>" for label, _ in data[:5])
    more = f"<li>and {len(data) - 5} more</li>" if len(data) > 5 else ""
    here = (
        f"<p>Found on this machine:</p><ul>{found}{more}</ul>"
        if data
        else "<p>No reviewed version is here yet: decide about some pairs in Review, then export them. Any LAMM JSON, "
        "Parquet or data set of the Hub will do as well.</p>"
    )
    steps = (
        "<li><b>New run</b>, and a preset to start from.</li>"
        "<li>Name the data and look into it.</li>"
        "<li><b>Only check</b> shows the first batch as the model sees it, and what memory it will take.</li>"
        "<li><b>Check and start</b>. Runs queue; they go on when the page is closed.</li>"
    )
    return (
        f'<section class="run-guide"><h3>First steps</h3>{_off(off)}<ol>{steps}</ol>{here}'
        f"<h3>What a run shows</h3>{_SKETCH}<p>Loss of training and of samples held apart, learning rate, gradient "
        "norm, tokens a second, the share of time spent waiting for data, and when it will be through. At each look at "
        "the held-apart samples it answers the same few in words.</p><p>Then: chat with it, benchmark it beside the "
        "model it came from, export it, push it to the Hub.</p></section>"
    )


def _off(off: str) -> str:
    return f'<p role="status" class="run-off">{escape(off)}</p>' if off else ""


def measured_view(measured: Sequence[Run], beside: Sequence[tuple[str, Beside]]) -> str:
    """Scores of the run's model, then what may be claimed beside others; each with a link to its samples."""
    if not measured:
        return ""
    rows = "".join(_row(run) for run in measured)
    pairs = "".join(_pair(name, one) for name, one in beside)
    return (
        "<details open><summary>Measured</summary><table class='run-table'><tr><th>task</th><th>score (95 %)</th>"
        f"<th>samples</th></tr>{rows}</table>{pairs}</details>"
    )


def _row(run: Run) -> str:
    title = escape(title_of(run.task, [run]))
    link = f'<a href="?{escape(to_query(View(task=run.task, picked=(run.name,))))}">{title}</a>'
    if run.phase != "completed" or run.summary is None:
        done, total = run.state.get("done") or 0, run.state.get("total") or 0
        how = f"{done:,} of {total:,} {time_left(run.state.get('eta_seconds'))}" if run.live else run.phase or "begun"
        return f"<tr><td>{link}</td><td>{escape(how)}</td><td></td></tr>"
    metric, higher = next(iter(run.metrics.items()), ("score", True))
    figure = figure_of(run.summary, metric, None)
    score = told(figure.value, figure.low, figure.high, percent=is_percent(metric, higher)) if figure else ""
    count = f"{figure.count:,}" if figure and figure.count else ""
    named = " · exactly those of a file" if run.manifest.get("only") else ""
    return f"<tr><td>{link}</td><td>{escape(metric)} {escape(score)}</td><td>{count}{named}</td></tr>"


def _pair(name: str, one: Beside) -> str:
    query = to_query(View(task=one.first.task, picked=(one.first.name, one.second.name)))
    link = f'<a href="?{escape(query)}">sample by sample</a>'
    head = f"<h3>Beside {escape(name)}: {escape(title_of(one.first.task, [one.first]))}</h3>"
    if one.found is None:
        return f"{head}<p>{escape(one.trouble)}</p>"
    found = one.found
    percent = is_percent(found.metric, found.higher_is_better)
    gap = told_difference(found.difference, found.low, found.high, percent=percent)
    table = (
        "<table class='run-table'><tr><th></th><th>A: this run</th><th>B</th><th>A − B (95 %)</th></tr>"
        f"<tr><td>{escape(found.metric)}</td><td>{told(found.a, percent=percent)}</td>"
        f"<td>{told(found.b, percent=percent)}</td><td>{escape(gap)}</td></tr></table>"
    )
    notes = " ".join(found.notes)
    return f"{head}{table}<p>{escape(found.sentence)} {link}</p>" + (
        f'<p class="muted">{escape(notes)}</p>' if notes else ""
    )


def left_out_view(left: LeftOut) -> str:
    """The samples that a run did not learn from, and why; nothing where it learned from all."""
    if not left.total:
        return ""
    rows = "".join(f"<tr><td>{escape(one['id'])}</td><td>{escape(one['reason'])}</td></tr>" for one in left.first)
    more = f'<p class="muted">The first {len(left.first)} of them; all stand in dropped.jsonl in the run\'s folder.</p>'
    samples = "1 sample was" if left.total == 1 else f"{left.total:,} samples were"
    return (
        f"<details><summary>{samples} left out</summary><table class='run-table'><tr><th>sample</th><th>why</th></tr>"
        f"{rows}</table>{more if left.total > len(left.first) else ''}</details>"
    )


def jobs_view(jobs: Sequence[Mapping[str, str]]) -> str:
    """Exports and pushes: how each stands, and the command that does it."""
    lines = "".join(
        f'<li class="{escape(one["state"])}"><b>{_SIGNS.get(one["state"], "")} {escape(one["state"])}</b> '
        f"{escape(one['title'])}<br><code>{escape(one['command'])}</code>"
        + (f"<br>{escape(one['said'])}" if one["said"] else "")
        + "</li>"
        for one in jobs
    )
    return f'<ul class="run-jobs" role="status">{lines}</ul>' if lines else ""
