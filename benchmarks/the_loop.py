"""Once around the loop on real data: measure, review, export, train on that version, measure the same samples again.

Does not know the page: each station is the command that a person would type, but for the decisions, which are those of
a reviewer who knows the set's own truth. Half of the photos are held apart when the version is exported; what counts
is how their questions are answered. The last line is JSON; ``python benchmarks/the_loop.py --data DATA --out FOLDER``.
Killed, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from annotation.review.filters import Filter
from annotation.review.store import ReviewStore
from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import RunStarter
from app.inspection.service import Inspection
from app.inspection.view import View
from app.marks import MarkBook
from app.viewer.shelf import CloudShelf
from lamm_core.conversation import Turn
from lamm_core.evaluation.compare import Side, compare, load_side

REPOSITORY = Path(__file__).resolve().parents[1]
TASK = "coco128_hallucination"
METRICS = ("f1_adversarial", "accuracy_adversarial", "yes_rate")


def typed(*words: object, module: str = "lamm_core") -> None:
    """Run a command and show it."""
    command = ["python", "-m", module, *map(str, words)]
    print("$", " ".join(command), file=sys.stderr, flush=True)
    subprocess.run([sys.executable, *command[1:]], cwd=REPOSITORY, check=True, stdout=sys.stderr)


def mark(run: Path, out: Path, *, balanced: bool) -> None:
    """Mark every sample of a run for review, as the Benchmark tab does, or as many no as yes of each photo."""
    book = MarkBook(out)
    inspection = Inspection(RunShelf([run.parent]), RunStarter(out), marks=book, clouds=CloudShelf())
    records = load_side(run).records
    ids = frozenset(chosen_evenly(records) if balanced else records)
    print(inspection.mark(View(task=TASK, picked=(run.name,), ticked=ids), by="the_loop"), file=sys.stderr)


def chosen_evenly(records: Mapping[str, Any]) -> Iterator[str]:
    """The ids about what a photo shows, and as many, by the alphabet, about what it does not."""
    photos: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for id, record in sorted(records.items()):
        photos[record["group"]][record["target"]].append(id)
    for asked in photos.values():
        yield from asked["yes"]
        yield from asked["no"][: len(asked["yes"])]


def decide(url: str) -> dict[str, int]:
    """Accept what is right, correct what is wrong, one item after the other as the page gives them out."""
    queue = ReviewStore(url, blind_share=0.0)
    counts = {"accepted": 0, "edited": 0}
    while (item := queue.claim("ann", Filter(status=("draft",)))) is not None:
        *asked, said = item.turns
        truth = str(item.annotation["target"])
        if said.text.strip().rstrip(".").casefold() == truth:
            queue.accept("ann", item.seen)
            counts["accepted"] += 1
        else:
            queue.edit("ann", item.seen, turns=[*asked, Turn("assistant", truth)])
            counts["edited"] += 1
    queue.close()
    return counts


def write_recipe(version: Path, out: Path, *, steps: int, rate: float) -> None:
    """Go on from the shipped model with what was reviewed, pinned by its hash; what is held apart is only measured."""
    digest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))["content_hash"]
    recipe = {
        "model": str(REPOSITORY / "assets" / "lamm-mini"),
        "data": [{"path": str(version / "train.json"), "sha256": digest}],
        "eval_data": [{"path": str(version / "test.json"), "sha256": digest}],
        "eval_fraction": 0.0, "eval_steps": 24, "eval_samples": 24,
        "epochs": 20, "max_steps": steps, "batch_size": 4, "batch_tokens": 4000,
        "learning_rate": rate, "schedule": "cosine", "seed": 0,
    }  # fmt: skip
    out.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


def beside(after: Side, before: Side) -> dict[str, Any]:
    """Who is right on the samples that both answered, by kind of sample, and the metrics with their differences."""
    ids = [id for id in after.records if id in before.records]
    was = {id: bool(before.records[id]["score"]) for id in ids}
    now = {id: bool(after.records[id]["score"]) for id in ids}
    kinds = {
        "all": ids,
        "wrong_before": [id for id in ids if not was[id]],
        "right_before": [id for id in ids if was[id]],
        "there": [id for id in ids if before.records[id]["target"] == "yes"],
        "not_there": [id for id in ids if before.records[id]["target"] == "no"],
    }
    rows: dict[str, Any] = {
        kind: {"n": len(some), "right_before": sum(was[id] for id in some), "right_after": sum(now[id] for id in some)}
        for kind, some in kinds.items()
    }
    rows["newly_right"], rows["newly_wrong"] = (
        sum(now[id] > was[id] for id in ids),
        sum(now[id] < was[id] for id in ids),
    )
    for metric in METRICS:
        one = compare(after, before, metric=metric)
        rows[metric] = {"before": one.b, "after": one.a, "difference": one.difference, "low": one.low, "high": one.high}
    right = compare(after, before)  # of the main metric: an answer is right or wrong
    return rows | {"p": right.p, "photos": right.groups}


def main() -> None:
    """Go round once and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--steps", type=int, default=48)
    options.add_argument("--balanced", action="store_true", help="as many no as yes of each photo")
    options.add_argument("--held", type=Path, help="measure the samples of this file; by default the split held apart")
    options.add_argument("--rate", type=float, default=3e-4)
    given = options.parse_args()
    data, out = given.data.absolute(), given.out.absolute()
    before, version, model = out / "before", out / "reviewed-1", out / "run" / "model"
    url = f"sqlite:///{out / 'reviews.db'}"

    typed("bench", "run", "--task", TASK, "--data", data, "--no-baselines", "--out", before)
    if not version.exists():
        mark(before, out, balanced=given.balanced)
        typed("review", "import", "marked", out / "marked.jsonl", "--store", url, "--blind", 0, module="annotation")
        print(decide(url), file=sys.stderr)
        typed("review", "export", version, "--store", url, "--held-apart", 0.5, module="annotation")
    write_recipe(version, out / "recipe.yaml", steps=given.steps, rate=given.rate)
    if not model.exists():
        typed("train", out / "recipe.yaml", "--run", out / "run", "--resume")
    named = {"test": (given.held or version / "test.json").absolute(), "train": version / "train.json"}
    for split, file in named.items():
        words = ("--model", model, "--only", file, "--out", out / f"after-{split}")
        typed("bench", "run", "--task", TASK, "--data", data, "--no-baselines", *words)

    found = {split: beside(load_side(out / f"after-{split}"), load_side(before)) for split in named}
    manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    print(json.dumps({"content_hash": manifest["content_hash"], "records": manifest["records"], **found}))


if __name__ == "__main__":
    main()
