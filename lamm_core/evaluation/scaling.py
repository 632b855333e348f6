"""Score against amount of data: one mix trained on at growing shares, each result measured the same way.

Does not know what a good curve is. A smaller share lies inside every larger one, so two points differ by what was added
and by nothing else. Stopped at any point, the same call goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Media, Sample
from lamm_core.data.instructions import read_samples, write_records
from lamm_core.errors import ConfigError
from lamm_core.evaluation.predictions import PredictionCache
from lamm_core.evaluation.respondent import Respondent
from lamm_core.evaluation.runner import Plan, StopWish, run
from lamm_core.evaluation.summary import higher_is_better, metric_names
from lamm_core.evaluation.task import Task
from lamm_core.training.progress import read_state
from lamm_core.training.recipe import DataSource, TrainingRecipe

__all__ = ["draw", "scale", "share_of_recipe"]

FIGURES = "scaling.json"
CHART = "scaling.html"


def share_of_recipe(
    recipe: TrainingRecipe, share: float, folder: Path, *, equal_steps: bool, seed: int = 0
) -> tuple[TrainingRecipe, int]:
    """The recipe with this share of every file of its mix, written below ``folder``, and how many records those are.

    With ``equal_steps`` it goes through them so much more often that about as much is computed as for the whole mix.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources, total = [], 0
    for place, source in enumerate(recipe.data):
        root = Path(source.media_root) if source.media_root is not None else None
        samples = [
            _absolute(sample)
            for index, sample in enumerate(read_samples(source.path, media_root=root, split=source.split))
            if _rank(seed, place, index) < share
        ]
        path = (folder / f"{place}-{Path(source.path).stem}.json").absolute()
        total += write_records(samples, path)
        if samples:
            sources.append(DataSource(str(path), repeat=source.repeat))
    if not sources:
        raise ConfigError(f"A share of {share:.0%} of this mix is not a single record. Choose a larger one.")
    epochs = max(1, round(recipe.epochs / share)) if equal_steps else recipe.epochs
    return dataclasses.replace(recipe, data=tuple(sources), epochs=epochs, out=None), total


def _rank(seed: int, source: int, index: int) -> float:
    """Where a record stands between 0 and 1, the same in every share."""
    digest = hashlib.sha256(f"{seed} {source} {index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _absolute(sample: Sample) -> Sample:
    turns = tuple(
        dataclasses.replace(turn, media=tuple(Media(one.modality, one.path.absolute()) for one in turn.media))
        for turn in sample.turns
    )
    return dataclasses.replace(sample, turns=turns)


def scale(
    recipe: TrainingRecipe,
    *,
    shares: Sequence[float],
    tasks: Sequence[Task],
    data: Path,
    out: Path,
    train: Callable[[TrainingRecipe, Path], Path],
    respondent: Callable[[Path, Task], Respondent],
    limit: int | None = None,
    seed: int = 0,
    batch: int = 16,
    equal_steps: bool = False,
    cache: PredictionCache | None = None,
    progress: Callable[[str], None] | None = None,
    stop: StopWish | None = None,
) -> dict[str, Any]:
    """Train and measure at each share; write scaling.json and scaling.html below ``out`` and give what the first holds.

    ``train`` carries a recipe out in a folder and returns the model's; ``respondent`` loads that for a task.
    """
    if not shares or not all(0 < share <= 1 for share in shares):
        raise ConfigError(f"Shares are above 0 and at most 1 (100 %), and these are {list(shares)}.")
    points: list[dict[str, Any]] = []
    for share in sorted(set(shares)):
        folder = out / f"share-{share * 100:g}"
        reduced, records = share_of_recipe(recipe, share, folder / "data", equal_steps=equal_steps, seed=seed)
        trained = folder / "train"
        if read_state(trained).get("state") == "done":
            model = trained / "model"
        else:
            if progress is not None:
                progress(f"training on {share:.0%}, {records} records")
            model = train(reduced, trained)
        for task in tasks:
            if progress is not None:
                progress(f"measuring {task.name} after {share:.0%}")
            samples = task.samples(data, out / "media", limit=limit, seed=seed)
            plan = Plan(task, seed=seed, batch=batch, about={"setting": "fine-tuned", "limit": limit, "share": share})
            result = run(folder / task.name, plan, samples, respondent(model, task), cache=cache, stop=stop)
            points.append({"share": share, "records": records, "epochs": reduced.epochs} | _figures(task, result))
        (out / FIGURES).write_text(json.dumps({"seed": seed, "points": points}, indent=2) + "\n", encoding="utf-8")
    draw(points, out / CHART)
    return {"seed": seed, "points": points, "figures": str(out / FIGURES), "chart": str(out / CHART)}


def _figures(task: Task, result: Mapping[str, Any]) -> dict[str, Any]:
    main = metric_names(task)[0]
    return {
        "task": task.name, "metric": main, "higher_is_better": higher_is_better(task, main), "value": result[main],
        "interval": result["interval"], "blind": result["blind"][main], "shuffled": result["shuffled"][main],
        "n": result["n"], "unparsed": result["unparsed"],
    }  # fmt: skip


def draw(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """A chart of score against records that opens without a network: intervals as bars, blind baselines dotted."""
    import plotly.graph_objects as graph

    figure = graph.Figure()
    for name in dict.fromkeys(point["task"] for point in points):
        own = [point for point in points if point["task"] == name and point["value"] is not None]
        label = f"{name}, {own[0]['metric']}" if own else name
        amounts, values = [point["records"] for point in own], [point["value"] for point in own]
        ends = [point["interval"] or [point["value"]] * 2 for point in own]
        bars = {
            "type": "data", "symmetric": False,
            "array": [high - value for value, (_, high) in zip(values, ends, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, ends, strict=True)],
        }  # fmt: skip
        figure.add_scatter(x=amounts, y=values, error_y=bars, mode="lines+markers", name=label)
        figure.add_scatter(
            x=amounts, y=[point["blind"] for point in own], mode="lines", line={"dash": "dot"}, name=f"{label}, blind"
        )
    figure.update_layout(
        title="Score against amount of data (bars: 95 % intervals)", xaxis_title="records trained on",
        yaxis_title="score", template="plotly_white", xaxis_type="log",
    )  # fmt: skip
    figure.write_html(path, include_plotlyjs=True, full_html=True)
