"""The commands under ``lamm bench``; ``python -m lamm_core.evaluation`` is ``lamm bench run``.

Does not know how anything is measured or compared: each command reads its arguments and calls one library function.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import strftime
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from lamm_core.errors import ConfigError
from lamm_core.evaluation.judge_command import judge_command
from lamm_core.evaluation.respondent import Respondent
from lamm_core.evaluation.task import Task

__all__ = ["bench_app", "main"]

RUNS = Path("runs") / "evaluation"

bench_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Measure models, and compare two of them sample by sample."
)
err = Console(stderr=True)
out = Console()


@bench_app.callback()
def bench() -> None:
    """Measure models, and compare two of them sample by sample."""


@bench_app.command("run")
def run_command(
    task: Annotated[str, typer.Option(help="What to measure; `lamm bench tasks` lists what there is.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the raw sets (cifar10/, iiit5k/, ...).")],
    model: Annotated[str, typer.Option(help="A name from `lamm models`, a folder, or a hub id.")] = "lamm-mini",
    adapter: Annotated[
        str | None, typer.Option(help="Answer with this adapter; left out, that of the task's media. '' is none.")
    ] = None,
    quantize: Annotated[Literal["nf4"] | None, typer.Option(help="Keep the language model in 4 bits.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many samples, drawn by the seed.")] = None,
    only: Annotated[
        Path | None,
        typer.Option(
            help="Measure exactly the samples that this file names: an export, marked.jsonl, or an id a line."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same samples, wordings and shuffling.")] = 0,
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run; one that exists is gone on with. Default runs/evaluation/..."),
    ] = None,
    mode: Annotated[
        Literal["direct", "ppl", "cot"],
        typer.Option(help="direct: say the answer. ppl: choose the likeliest option. cot: think aloud first."),
    ] = "direct",
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer; left out, the task's own.")
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Also ask without a picture and with somebody else's.")] = True,
    batch: Annotated[int, typer.Option(min=1, help="Samples that are answered together.")] = 16,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1; left out: the best there is.")] = None,
    cache: Annotated[bool, typer.Option(help="Take answers from earlier runs of the same model and question.")] = True,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again where no answer came.")] = False,
    corrupt: Annotated[
        str | None,
        typer.Option(help="Disturb what is shown: noise, blur, jpeg, brightness, occlusion, dropout, jitter."),
    ] = None,
    remap: Annotated[
        str | None, typer.Option(help="Let options be answered by other names: digits, roman, ordinals, rotated.")
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(help="Measure the model behind this OpenAI-compatible address (key: OPENAI_API_KEY).")
    ] = None,
    api_model: Annotated[str | None, typer.Option(help="Its name there.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the address has for one answer.")] = 120.0,
    setting: Annotated[
        Literal["zero-shot", "fine-tuned"] | None,
        typer.Option(help="How the model knows the data, for the leaderboard."),
    ] = None,
) -> None:
    """Measure a model on one task, beside the same model blind and with shuffled pictures.

    Killed at any point, the same command with the same --out goes on where it was. The last line printed is one JSON
    object: task, n, each metric, intervals, unparsed, failed, broken, blind, shuffled, model, records.
    """
    from lamm_core.__main__ import cache_folder
    from lamm_core.evaluation import chosen as named
    from lamm_core.evaluation.disturb import disturbed
    from lamm_core.evaluation.identity import code_version
    from lamm_core.evaluation.predictions import PredictionCache
    from lamm_core.evaluation.remap import Remapped
    from lamm_core.evaluation.report import result_table
    from lamm_core.evaluation.run_folder import full_disk_told
    from lamm_core.evaluation.runner import Plan, run
    from lamm_core.evaluation.tasks import task as find_task
    from lamm_core.training.stopping import StopSignal

    chosen: Task = find_task(task)
    if remap is not None:
        chosen = Remapped(chosen, remap)
    folder = to or RUNS / f"{chosen.name}-{strftime('%Y%m%d-%H%M%S')}"
    with full_disk_told(folder):
        samples = chosen.samples(data, folder / "media", limit=limit, seed=seed)
        if only is not None:
            samples = named.only(samples, only, task=find_task(task).name)
        if corrupt is not None:
            samples = disturbed(samples, corrupt, folder=folder / "media", seed=seed)
    respondent = (
        _endpoint(api_base, api_model, chosen, batch=batch, timeout=timeout)
        if api_base is not None
        else _local(model, chosen.modality if adapter is None else adapter, quantize, batch=batch, device=device)
    )
    about = {
        "setting": setting, "data": str(data.absolute()), "limit": limit, "corrupt": corrupt, "remap": remap,
        "only": str(only.absolute()) if only is not None else None, "created": strftime("%Y-%m-%dT%H:%M:%S%z"),
        "code_version": code_version(),
    }  # fmt: skip
    plan = Plan(
        chosen, mode=mode, kinds=(None, "blind", "shuffled") if baselines else (None,), seed=seed, batch=batch,
        max_new_tokens=max_tokens, retry_failed=retry_failed, about=about,
    )  # fmt: skip
    kept = PredictionCache(cache_folder() / "predictions.sqlite") if cache else None
    with _bars() as bars, StopSignal() as stop:
        shown: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(f"{task} {what}", total=total)
            bars.update(shown[what], completed=done)

        result = run(folder, plan, samples, respondent, cache=kept, progress=progress, stop=stop)
    err.print(result_table(chosen, result))
    print(json.dumps(result))


def _local(name: str, adapter: str, quantize: Literal["nf4"] | None, *, batch: int, device: str | None) -> Respondent:
    from lamm_core.__main__ import find_model, load_model
    from lamm_core.evaluation.identity import model_identity
    from lamm_core.evaluation.respondent import LocalModel

    folder = find_model(name)
    loaded = load_model(folder, device=device, quantize=quantize)
    from lamm_core.inference.engine import LocalEngine

    identity = model_identity(
        loaded, name=Path(name).name, folder=str(folder), adapter=adapter or None, quantize=quantize
    )
    return LocalModel(LocalEngine(loaded, media_kept=256), adapter=adapter, batch=batch, identity=identity)


def _endpoint(base: str, model: str | None, task: Task, *, batch: int, timeout: float) -> Respondent:
    from lamm_core.evaluation.endpoint import Endpoint

    if model is None:
        raise ConfigError("--api-base needs --api-model, the name of the model there.")
    if task.modality != "image":
        raise ConfigError(
            f"{task.name} shows {task.modality}s, and an OpenAI-compatible address is shown pictures only."
        )
    return Endpoint(base, model, key=os.environ.get("OPENAI_API_KEY") or "none", at_once=batch, timeout_seconds=timeout)


@bench_app.command("tasks")
def tasks_command() -> None:
    """List the tasks: name, what it is, metrics."""
    from lamm_core.evaluation.report import task_table
    from lamm_core.evaluation.tasks import TASKS

    out.print(task_table(TASKS))


@bench_app.command("list")
def list_command(
    folder: Annotated[Path, typer.Argument(help="Folder below which runs lie.")] = RUNS,
) -> None:
    """List runs: how far each is, and its main figure."""
    from lamm_core.evaluation.report import run_table
    from lamm_core.evaluation.run_folder import run_folders

    out.print(run_table(run_folders(folder)))


@bench_app.command("leaderboard")
def leaderboard_command(
    folder: Annotated[Path, typer.Argument(help="Folder below which runs lie.")] = RUNS,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
) -> None:
    """Our finished runs with their baselines, beside the figures that papers report; one table a task."""
    from lamm_core.evaluation.leaderboard import leaderboard, readable
    from lamm_core.evaluation.report import leaderboard_tables
    from lamm_core.evaluation.run_folder import run_folders

    fine, troubles = readable(run_folders(folder))
    for table in leaderboard_tables(leaderboard(fine, task=task)):
        out.print(table)
    for trouble in troubles:
        err.print(Text(trouble, style="yellow"))


@bench_app.command("compare")
def compare_command(
    first: Annotated[str, typer.Argument(metavar="A", help="Folder of a run; A:blind or A:shuffled is its baseline.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Folder of another run of the same task.")],
    metric: Annotated[str | None, typer.Option(help="Left out: the task's main metric.")] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
) -> None:
    """Compare two runs on the items both answered: interval of the difference, exact test, and what it means in words.

    The last line printed is one JSON object.
    """
    from lamm_core.evaluation.compare import compare
    from lamm_core.evaluation.report import comparison_tables

    found = compare(first, second, metric=metric, seed=seed)
    for table in comparison_tables(found):
        err.print(table)
    for note in found.notes:
        err.print(f"[yellow]{note}[/yellow]")
    err.print(found.sentence)
    print(json.dumps(found.to_dict()))


@bench_app.command("export")
def export_command(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, of one task or several.")],
    to: Annotated[Path, typer.Option("--out", help="A new folder, or an earlier export.")],
    title: Annotated[str, typer.Option(help="What stands above it.")] = "Benchmark",
) -> None:
    """Write runs as a folder that opens without Python: index.html, data, copies of the pictures.

    It can be pushed as it is as a static Space. The last line printed is one JSON object.
    """
    from lamm_core.evaluation.export import export

    with _bars() as bars:
        shown = bars.add_task("export", total=None)
        made = export(
            runs, to, title=title, progress=lambda done, total: bars.update(shown, completed=done, total=total)
        )
    if made.missing:
        err.print(f"[yellow]{made.missing} pictures or clouds were not there; the page says so.[/yellow]")
    err.print(f"Open {made.folder / 'index.html'}.")
    print(
        json.dumps({"out": str(made.folder), "series": made.series, "samples": made.samples, "missing": made.missing})
    )


@bench_app.command("following")
def following_command(
    plain: Annotated[Path, typer.Argument(help="Folder of a run with the options as they are.")],
    remapped: Annotated[list[Path], typer.Argument(help="Folders of runs of the same task with --remap.")],
) -> None:
    """How well instructions are followed: does a model mean the same option when options have other names?

    Printed is one JSON line a remapped run: accuracy with and without, and the match ratio.
    """
    from lamm_core.evaluation.compare import following

    for folder in remapped:
        print(json.dumps(following(plain, folder)))


@bench_app.command("robustness")
def robustness_command(
    clean: Annotated[Path, typer.Argument(help="Folder of a run with the media as they are.")],
    corrupted: Annotated[list[Path], typer.Argument(help="Folders of runs of the same task with --corrupt.")],
) -> None:
    """How much of what a model is better than chance is left when its media are disturbed; one JSON line a run."""
    from lamm_core.evaluation.compare import robustness

    for folder in corrupted:
        print(json.dumps(robustness(clean, folder)))


@bench_app.command("scaling")
def scaling_command(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe whose mix is trained on at growing shares.")],
    task: Annotated[list[str], typer.Option(help="What to measure; may be given several times.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the raw sets.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for everything; one that exists is gone on with.")],
    shares: Annotated[str, typer.Option(help="Shares of the mix in percent.")] = "10,30,100",
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many samples of each task.")] = None,
    seed: Annotated[int, typer.Option(help="Of the shares, samples and wordings.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Samples that are answered together.")] = 16,
    equal_steps: Annotated[
        bool, typer.Option("--equal-steps", help="Go through less data more often, so that only the data differ.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1; left out: the best there is.")] = None,
) -> None:
    """Train on growing shares of one mix, measure each, and draw score against data (scaling.html, scaling.json).

    The last line printed is one JSON object.
    """
    from lamm_core.__main__ import cache_folder
    from lamm_core.evaluation.predictions import PredictionCache
    from lamm_core.evaluation.scaling import scale
    from lamm_core.evaluation.tasks import task as find_task
    from lamm_core.training.recipe import TrainingRecipe
    from lamm_core.training.trainer import train

    try:
        parts = [float(share) / 100 for share in shares.split(",")]
    except ValueError as error:
        raise ConfigError(f"--shares is {shares!r}; expected percents such as 10,30,100.") from error
    result = scale(
        TrainingRecipe.from_yaml(recipe), shares=parts, tasks=[find_task(name) for name in task], data=data, out=to,
        train=lambda reduced, folder: train(reduced, run=folder, cache=cache_folder()),
        respondent=lambda model, chosen: _local(str(model), chosen.modality, None, batch=batch, device=device),
        limit=limit, seed=seed, batch=batch, equal_steps=equal_steps,
        cache=PredictionCache(cache_folder() / "predictions.sqlite"), progress=lambda text: err.print(text),
    )  # fmt: skip
    print(json.dumps(result))


bench_app.command("judge")(judge_command)


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)


def main() -> None:
    """Run ``lamm bench run``; errors are shown as `lamm` shows them."""
    from lamm_core.__main__ import main as show_errors

    single = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    single.command()(run_command)
    show_errors(single)


if __name__ == "__main__":
    main()
