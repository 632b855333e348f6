"""The command line of measuring: ``python -m lamm_core.evaluation --task iiit5k --data FOLDER``.

Does not know how a task is scored.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import strftime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lamm_core.__main__ import find_model, load_model
from lamm_core.errors import LammError
from lamm_core.evaluation.runner import Baseline, measure
from lamm_core.evaluation.task import Task
from lamm_core.evaluation.tasks import task as find_task

__all__ = ["evaluate", "main"]


def evaluate(
    task: Annotated[str, typer.Option(help="What to measure: cifar10, iiit5k, osd_grounding, ...")],
    data: Annotated[Path, typer.Option(help="Folder that holds the raw sets (cifar10/, iiit5k/, ...).")],
    model: Annotated[str, typer.Option(help="A name from `lamm models`, a folder, or a hub id.")] = "lamm-mini",
    out: Annotated[
        Path | None, typer.Option(help="Folder for records.jsonl; default runs/evaluation/TASK-TIME.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many samples, drawn by the seed.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples that are answered together.")] = 16,
    seed: Annotated[int, typer.Option(help="Same seed, same samples, wordings and shuffling.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1; left out: the best there is.")] = None,
    baselines: Annotated[bool, typer.Option(help="Also ask without a picture and with somebody else's.")] = True,
) -> None:
    """Measure a model on one task, beside the same model blind and with shuffled pictures.

    The last line printed is one JSON object.
    """
    console = Console(stderr=True)
    try:
        result = _run(
            find_task(task), data, model, out or Path("runs") / "evaluation" / f"{task}-{strftime('%Y%m%d-%H%M%S')}",
            limit=limit, batch=batch, seed=seed, device=device, baselines=baselines, console=console,
        )  # fmt: skip
    except LammError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None
    print(json.dumps(result))


def _run(
    chosen: Task, data: Path, model: str, out: Path, *,
    limit: int | None, batch: int, seed: int, device: str | None, baselines: bool, console: Console,
) -> dict[str, Any]:  # fmt: skip
    samples = chosen.samples(data, out / "media", limit=limit, seed=seed)
    loaded = load_model(find_model(model), device=device, quantize=None)
    from lamm_core.inference.engine import Engine

    engine = Engine(loaded)
    kinds: tuple[Baseline | None, ...] = (None, "blind", "shuffled") if baselines else (None,)
    results: dict[str, dict[str, Any]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for kind in kinds:
            bar = progress.add_task(f"{chosen.name} {kind or 'model'}", total=len(samples))
            results[kind or "model"] = measure(
                engine, chosen, samples, out=out, baseline=kind, batch=batch, seed=seed,
                progress=lambda done, bar=bar: progress.update(bar, completed=done),  # type: ignore[misc]
            )  # fmt: skip
    console.print(table(chosen, results))
    whole = results.pop("model") | {"model": model, "records": str(out / "records.jsonl")}
    return {key: value for key, value in whole.items() if key != "baseline"} | results


def table(chosen: Task, results: dict[str, dict[str, Any]]) -> Table:
    """The metrics of the model and its baselines side by side, each with its 95 % interval."""
    first = next(iter(results.values()))
    view = Table(title=f"{chosen.name}, {first['n']} samples")
    view.add_column("metric")
    for name in results:
        view.add_column(name, justify="right")
    for metric in chosen.metrics:
        view.add_row(metric, *(_cell(result, metric) for result in results.values()))
    view.add_row("unparsed", *(str(result["unparsed"]) for result in results.values()))
    return view


def _cell(result: dict[str, Any], metric: str) -> str:
    value, ends = result.get(metric), result["intervals"].get(metric)
    between = f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return "none" if value is None else f"{value:.3f}{between}"


def main() -> None:
    """Run the command line."""
    typer.run(evaluate)


if __name__ == "__main__":
    main()
