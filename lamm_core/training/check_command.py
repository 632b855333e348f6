"""What `lamm train RECIPE --check` prints: problems, figures, and the first batch with what is learned in green.

Does not know how anything is found out; preflight does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lamm_core.errors import DataError
from lamm_core.training.preflight import CheckReport, check, note_worst
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["check_and_print", "histogram"]

BARS = "▁▂▃▄▅▆▇█"
GIB = 2**30


def check_and_print(path: Path, *, cache: Path, probe: bool, report: Path | None) -> None:
    """Check a recipe and say what was found. Raises DataError where the run could not do, after saying why."""
    import torch

    recipe = TrainingRecipe.from_yaml(path)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = check(recipe, cache=cache, device=device, probe=probe)
    if not found.memory:
        note_worst(recipe, found, cache=cache)
    if report is not None:
        report.write_text(found.to_json(), encoding="utf-8")
    show(found, Console())
    if not found.fine:
        raise DataError(f"{path.name}: {len(found.problems)} problems. Put them right and check again.")


def show(report: CheckReport, out: Console) -> None:
    """Print a report."""
    for problem in report.problems:
        out.print(Text(f"✗ {problem}", style="red"))
    for remark in report.remarks:
        out.print(Text(f"· {remark}", style="yellow"))
    out.print(f"{report.samples:,} samples an epoch, {report.media:,} media", highlight=False)
    for title, counts in (("text", report.text_tokens), ("media", report.media_tokens)):
        if counts:
            line = (
                f"{title} tokens of {len(counts)} opened samples: {histogram(counts)}  {min(counts)} to {max(counts)}"
            )
            out.print(line, highlight=False)
    for sample in report.first_batch:
        told = Text(f"{sample.name}\n", style="bold")
        for piece in sample.pieces:
            if piece.medium:
                told.append(f"[{piece.tokens} tokens of {Path(piece.medium).name}]", style="cyan")
            else:
                told.append(piece.text, style="green" if piece.learned else "dim")
        out.print(told)
    if report.memory:
        table = Table(f"memory on {report.memory_device}, estimate", "GiB", box=None, header_style="bold")
        for name, value in report.memory.items():
            table.add_row(name, f"{value / GIB:.2f}")
        table.add_row("together", f"{sum(report.memory.values()) / GIB:.2f}", style="bold")
        out.print(table)
        out.print(f"for a batch of {report.memory_batch}", highlight=False)
    if report.probed_bytes is not None and report.probed_seconds is not None:
        out.print(
            f"measured on a batch of the longest sample: {report.probed_bytes / GIB:.2f} GiB at the peak, "
            f"{report.probed_seconds:.2f} s a batch",
            highlight=False,
        )


def histogram(counts: Sequence[int], *, columns: int = 12) -> str:
    """Counts as a row of bars, from the least to the most."""
    low, high = min(counts), max(counts)
    width = max(1, high - low + 1) / columns
    heights = [0] * columns
    for count in counts:
        heights[min(columns - 1, int((count - low) / width))] += 1
    top = max(heights)
    return "".join(BARS[round(height / top * (len(BARS) - 1))] if height else " " for height in heights)
