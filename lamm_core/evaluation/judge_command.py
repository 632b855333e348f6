"""``lamm bench judge A B``: a language model says which run's answers are better.

Does not know how judging is done: it reads its arguments, calls the library and prints what came out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import strftime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["judge_command"]

err = Console(stderr=True)


def judge_command(
    first: Annotated[str, typer.Argument(metavar="A", help="Folder of a run; A:blind or A:shuffled is its baseline.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Folder of another run of the same task.")],
    api_base: Annotated[
        str,
        typer.Option("--api-base", "--api-url", help="OpenAI-compatible address of the judge (key: OPENAI_API_KEY)."),
    ],
    api_model: Annotated[str, typer.Option(help="The judge's name there.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Judge so many common samples, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw, of the resampling, and sent to the judge.")] = 0,
    ratings: Annotated[bool, typer.Option(help="Also have each answer rated from 0 to 10.")] = True,
    show_media: Annotated[
        bool, typer.Option("--show-media", help="Show the judge the picture, not the reference alone.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--out", help="Folder of the judgements; one that exists is gone on with.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again where the judge failed.")] = False,
    at_once: Annotated[int, typer.Option(min=1, help="Questions asked at the same time.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the judge has for one answer.")] = 120.0,
) -> None:
    """Which run answers better, by a judge that sees both orders; and whether the judge agrees with the metric.

    The last line printed is one JSON object.
    """
    from lamm_core.errors import ConfigError
    from lamm_core.evaluation.compare import load_side, paired
    from lamm_core.evaluation.endpoint import Endpoint
    from lamm_core.evaluation.judge.judging import ask_judge, pairs_of
    from lamm_core.evaluation.judge.outcome import outcome
    from lamm_core.evaluation.judge.prompts import prompt_hash
    from lamm_core.evaluation.run_folder import write_summary
    from lamm_core.evaluation.tasks import TASKS

    a, b = load_side(first), load_side(second)
    ours, theirs, notes = paired(a, b)
    task = next((one for one in TASKS if one.name == a.manifest["task"]), None)
    if show_media and a.manifest["modality"] != "image":
        raise ConfigError(
            f"The judge can be shown pictures only, and {a.manifest['task']} shows {a.manifest['modality']}s."
        )
    pairs = pairs_of(ours, theirs, task, limit=limit, seed=seed, show_media=show_media)
    judge = Endpoint(
        api_base, api_model, key=os.environ.get("OPENAI_API_KEY") or "none", at_once=at_once, timeout_seconds=timeout,
        seed=seed,
    )  # fmt: skip
    about = {
        "model": api_model, "endpoint": api_base, "a": first, "b": second, "task": a.manifest["task"], "limit": limit,
        "seed": seed, "show_media": show_media,
    }  # fmt: skip
    folder = to or Path("runs") / "judgements" / f"{a.manifest['task']}-{strftime('%Y%m%d-%H%M%S')}"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bars:
        shown = bars.add_task(f"{api_model} judges", total=None)
        judgements = ask_judge(
            judge, pairs, folder=folder, about=about, ratings=ratings, retry_failed=retry_failed,
            progress=lambda done, total: bars.update(shown, completed=done, total=total),
        )  # fmt: skip
    kept = {pair.id for pair in pairs}
    scores = {
        mine["id"]: (mine["score"] or 0.0, other["score"] or 0.0)
        for mine, other in zip(ours, theirs, strict=True)
        if mine["id"] in kept
    }
    result = about | {
        "prompt_sha256": {"pair": prompt_hash("pair"), "rating": prompt_hash("rating")},
        **outcome(judgements, scores, seed=seed),
        "notes": notes,
        "judgements": str(folder / "judgements.jsonl"),
    }
    write_summary(folder, result)
    for note in notes:
        err.print(f"[yellow]{note}[/yellow]")
    print(json.dumps(result))
