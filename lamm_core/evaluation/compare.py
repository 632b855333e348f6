"""Two runs on the items both answered: the difference, how sure it is, and what that means in words.

Does not know how answers came about, nor how a comparison is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.desiderata import chance, match_ratio, relative_robustness
from lamm_core.evaluation.records import BROKEN, FAILED, RECORDS, last_records
from lamm_core.evaluation.run_folder import read_manifest
from lamm_core.evaluation.statistics import Record, clustered_mcnemar, difference, is_right, metric_value
from lamm_core.evaluation.task import CorpusMetric
from lamm_core.evaluation.tasks import TASKS
from lamm_core.registry import lookup

__all__ = ["Comparison", "Side", "compare", "following", "load_side", "paired", "rights", "robustness"]

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Side:
    """One run, or one of its baselines: its manifest and its records by id."""

    name: str
    manifest: Mapping[str, Any]
    records: Mapping[str, Record]


@dataclass(frozen=True)
class Comparison:
    """A minus B in one metric on ``n`` common items.

    ``both``, ``only_a``, ``only_b`` and ``neither`` count who is right; ``p`` is the exact two-sided McNemar test of
    those counts, whole groups turned round together. ``low`` and ``high`` are the 95 % interval of the difference.
    """

    task: str
    metric: str
    higher_is_better: bool
    n: int
    groups: int
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    both: int
    only_a: int
    only_b: int
    neither: int
    p: float
    sentence: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def load_side(place: str | Path) -> Side:
    """A run by its folder; ``FOLDER:blind`` and ``FOLDER:shuffled`` are its baselines. Raises TaskError."""
    text = str(place)
    head, _, tail = text.rpartition(":")
    folder, baseline = (Path(head), tail) if head and tail in ("blind", "shuffled") else (Path(text), None)
    manifest = read_manifest(folder)
    records = {id: record for (kind, id), record in last_records(folder / RECORDS).items() if kind == baseline}
    if not records:
        raise TaskError(f"{text} holds no {baseline or 'model'} records yet.")
    return Side(manifest["name"] + (f" ({baseline})" if baseline else ""), manifest, records)


def paired(a: Side, b: Side) -> tuple[list[Record], list[Record], list[str]]:
    """The records of both about the items that both answered, in one order, and what was left out in words.

    Raises ConfigError where the two are not runs of one version of one task.
    """
    for key, word in (("task", "task"), ("task_version", "version of the task")):
        if a.manifest[key] != b.manifest[key]:
            raise ConfigError(
                f"{a.name} and {b.name} cannot be compared: the {word} is {a.manifest[key]} and {b.manifest[key]}. "
                "Measure one of them again."
            )
    common = [id for id in a.records if id in b.records]
    notes = []
    if alone := len(a.records) + len(b.records) - 2 * len(common):
        notes.append(
            f"The runs hold different samples: {len(common)} are common and compared, {alone} are in one only."
        )
    lost = [id for id in common if {a.records[id]["extraction"], b.records[id]["extraction"]} & {FAILED, BROKEN}]
    if lost:
        notes.append(f"{len(lost)} common samples are left out: no answer came, or the picture does not open.")
    kept = [id for id in common if id not in set(lost)]
    ours, theirs = [a.records[id] for id in kept], [b.records[id] for id in kept]
    if other := sum(one["prompt"] != two["prompt"] for one, two in zip(ours, theirs, strict=True)):
        notes.append(f"{other} of them were asked in other words.")
    if other := sum(one["target"] != two["target"] for one, two in zip(ours, theirs, strict=True)):
        raise ConfigError(f"{other} common ids have other right answers in {b.name}: these are different data.")
    if not kept:
        raise ConfigError(f"{a.name} and {b.name} have no answered sample in common.")
    return ours, theirs, notes


def compare(a: str | Path | Side, b: str | Path | Side, *, metric: str | None = None, seed: int = 0) -> Comparison:
    """Compare two runs in a metric, by default the task's main one. Raises ConfigError, TaskError."""
    one, two = (side if isinstance(side, Side) else load_side(side) for side in (a, b))
    ours, theirs, notes = paired(one, two)
    directions = {entry["name"]: bool(entry["higher_is_better"]) for entry in one.manifest["metrics"]}
    name = metric or next(iter(directions))
    higher = lookup(directions, name, kind="metric")
    corpus = _corpus(one.manifest["task"], name)
    found = difference(ours, theirs, name, corpus, seed=seed)
    first, second = metric_value(ours, name, corpus), metric_value(theirs, name, corpus)
    if found is None or first is None or second is None:
        raise TaskError(f"{name} has no value on the samples that {one.name} and {two.name} have in common.")
    hits = list(zip(*(rights(run, name, higher=higher) for run in (ours, theirs)), strict=True))
    nets: dict[str, int] = defaultdict(int)
    for record, (mine, other) in zip(ours, hits, strict=True):
        nets[record["group"]] += mine - other
    only_a, only_b = hits.count((True, False)), hits.count((False, True))
    p = clustered_mcnemar(list(nets.values()))
    return Comparison(
        one.manifest["task"], name, higher, len(ours), len(nets), first, second, found.value, found.low, found.high,
        hits.count((True, True)), only_a, only_b, hits.count((False, False)), p,
        _sentence(name, higher, len(ours), only_a, only_b, found.value, found.low, found.high, p, len(nets)),
        tuple(notes),
    )  # fmt: skip


def rights(records: Sequence[Record], metric: str, *, higher: bool) -> list[bool]:
    """Which answers are right in a metric: by its own parts where all are all or nothing, else by their scores."""
    parts = [record["parts"].get(metric) for record in records]
    if higher and all(part is not None and part[1] == 1 and part[0] in (0, 1) for part in parts):
        return [bool(part[0]) for part in parts if part is not None]
    return [is_right(record) for record in records]


def _corpus(task: str, metric: str) -> CorpusMetric | None:
    known = next((one for one in TASKS if one.name == task), None)
    return next((one for one in known.corpus if one.name == metric), None) if known is not None else None


def _sentence(
    metric: str, higher: bool, n: int, only_a: int, only_b: int,
    value: float, low: float | None, high: float | None, p: float, groups: int,
) -> str:  # fmt: skip
    start = f"A is right on {only_a} of {n} samples where B is wrong, and B on {only_b} where A is wrong (p = {p:.2g})."
    if low is None or high is None:
        return f"{start} All samples are about one picture or scan, so no difference can be claimed."
    gap = f"The difference in {metric} is {value:+.4f} (95 % interval {low:+.4f} to {high:+.4f}, {groups} groups)"
    apart = low > 0 or high < 0
    better = "A" if (value > 0) == higher else "B"
    if apart and p < SIGNIFICANT:
        return f"{start} {gap}: {better} is better on these data."
    if apart:
        # Of few samples the resampled interval is too narrow; the exact test has the last word.
        return f"{start} {gap}, but the exact test does not exclude chance: no difference can be claimed."
    zero = f"{start} {gap} and includes zero"
    if p < SIGNIFICANT:
        return f"{zero}: one is right more often, but no difference in {metric} can be claimed."
    return f"{zero}: no difference can be claimed."


def following(plain: Path, remapped: Path) -> dict[str, Any]:
    """Accuracy with and without a remap of the options, and the match ratio, on the common answered samples."""
    one, two = load_side(plain), load_side(remapped)
    if not two.manifest.get("remap"):
        raise ConfigError(f"{remapped} was measured without --remap.")
    ours, theirs, notes = paired(one, two)
    main = one.manifest["metrics"][0]["name"]
    corpus = _corpus(one.manifest["task"], main)
    return {
        "task": one.manifest["task"], "remap": two.manifest["remap"], "n": len(ours),
        main: metric_value(ours, main, corpus), f"{main}_remapped": metric_value(theirs, main, corpus),
        "match_ratio": match_ratio(ours, theirs), "unparsed_remapped": sum(one["score"] is None for one in theirs),
        "notes": [note for note in notes if "other words" not in note],
    }  # fmt: skip


def robustness(clean: Path, corrupted: Path) -> dict[str, Any]:
    """What is left of a model's score above chance when its media are disturbed, on the common answered samples."""
    one, two = load_side(clean), load_side(corrupted)
    if not two.manifest.get("corrupt"):
        raise ConfigError(f"{corrupted} was measured without --corrupt.")
    ours, theirs, notes = paired(one, two)
    main = one.manifest["metrics"][0]["name"]
    corpus = _corpus(one.manifest["task"], main)
    if not one.manifest["metrics"][0]["higher_is_better"]:
        raise ConfigError(f"Robustness is a share of a score, and lower is better in {main}.")
    score, disturbed = metric_value(ours, main, corpus), metric_value(theirs, main, corpus)
    if score is None or disturbed is None:
        raise TaskError(f"{main} has no value on the common samples.")
    blind = chance(ours)
    return {
        "task": one.manifest["task"], "corrupt": two.manifest["corrupt"], "n": len(ours), main: score,
        f"{main}_corrupted": disturbed, "chance": blind,
        "relative_robustness": relative_robustness(score, disturbed, chance=blind), "notes": notes,
    }  # fmt: skip
