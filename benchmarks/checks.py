"""How well the machine checks find errors: precision and recall of each, AUC of the order they give the queue.

``python benchmarks/checks.py --source coco-detection=FOLDER,instances=... --source osd=FOLDER`` composes answers about
these sources by the fake writer, half of them with one known error each, checks them, and compares. ``--fit`` fits the
weights that turn findings into a chance on one half of the sources and measures on the other. Keys ``auc``,
``precision``, ``recall`` (of any finding of at least 0.5), ``checks`` and ``clean_flagged``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from annotation.checks import CHECKS, Calibration, Checker
from annotation.checks.calibration import UNKNOWN, worst
from annotation.fake.errors import ERRORS
from annotation.fake.writer import write
from annotation.generation.answers import SHAPES, parse
from annotation.generation.drafts import make, pairs_of
from annotation.generation.facts import facts
from annotation.sources import Reading, open_source
from annotation.sources.source import Source

WEIGHTS = Path(__file__).resolve().parent.parent / "annotation" / "checks" / "weights.json"
NAMES = (*CHECKS, "repeat")
FLAG = 0.5
RIDGE = 0.2
BOUNDS = (0.5, 12.0)


class Case(NamedTuple):
    """One checked draft: the error put into it, the worst score of each check, the chance the shipped weights give."""

    source: str
    error: str
    scores: dict[str, float]
    expected: float


def cases(sources: list[Source], *, seed: int, copies: int) -> list[Case]:
    """Drafts about all sources, as many clean ones as such with an error."""
    checker = Checker()
    found = []
    for source in sources:
        for kind in ("C1", "C3"):
            for copy in range(copies):
                rng = random.Random(f"{seed} {source.id} {kind} {copy}")
                asked = rng.choice(list(ERRORS)) if rng.random() < 0.5 else None
                shape = SHAPES[kind]
                text, error = write(facts(source), shape.__name__, rng, error=asked)
                draft = make(source, kind, pairs_of(parse(text, "stop", shape)), prompt_hash="", generator="fake")
                # Each draft as if it came from another source: copies of one are alike by design.
                checks, expected = checker(replace(draft, source_id=source.id), source)
                found.append(Case(source.id, error, worst(checks), expected))
    return found


def auc(scores: np.ndarray, wrong: np.ndarray) -> float:
    """The chance that a wrong draft comes before a right one; ties count half."""
    order = scores.argsort(kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        ranks[scores == value] = ranks[scores == value].mean()
    positive = int(wrong.sum())
    return float((ranks[wrong].sum() - positive * (positive + 1) / 2) / (positive * (len(wrong) - positive)))


def fit(found: list[Case]) -> Calibration:
    """Weights of a logistic model inside BOUNDS, held near UNKNOWN where the data say little."""
    features = np.array([[1.0, *(case.scores.get(name, 0.0) for name in NAMES)] for case in found])
    sign = np.array([1.0 if case.error != "clean" else -1.0 for case in found])
    prior = np.array([0.0, *[UNKNOWN] * len(NAMES)])
    ridge = np.array([0.0, *[RIDGE] * len(NAMES)])

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (features @ weights)).sum() + (ridge * (weights - prior) ** 2).sum())

    best = minimize(loss, prior, method="L-BFGS-B", bounds=[(None, None), *[BOUNDS] * len(NAMES)]).x
    named = {name: round(float(weight), 3) for name, weight in zip(NAMES, best[1:], strict=True)}
    return Calibration(round(float(best[0]), 3), named)


def figures(found: list[Case], expected: list[float]) -> dict[str, object]:
    """All figures of one set of cases."""
    wrong = np.array([case.error != "clean" for case in found])
    flagged = np.array([max(case.scores.values(), default=0.0) >= FLAG for case in found])
    table = {}
    seeded = Counter(case.error for case in found)
    for name in NAMES:
        hits = [case for case in found if case.scores.get(name, 0.0) >= FLAG]
        right = [case for case in hits if case.error == name]
        clean = sum(case.error == "clean" for case in hits)
        table[name] = {
            "seeded": seeded[name], "found": len(right), "recall": _ratio(len(right), seeded[name]),
            "flagged": len(hits), "on_clean": clean, "precision": _ratio(len(hits) - clean, len(hits)),
        }  # fmt: skip
    return {
        "drafts": len(found), "with_error": int(wrong.sum()), "auc": round(auc(np.array(expected), wrong), 3),
        "precision": _ratio(int((flagged & wrong).sum()), int(flagged.sum())),
        "recall": _ratio(int((flagged & wrong).sum()), int(wrong.sum())),
        "clean_flagged": _ratio(int((flagged & ~wrong).sum()), int((~wrong).sum())), "checks": table,
    }  # fmt: skip


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def main() -> None:
    """Measure, fit where asked, print one JSON object and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", required=True)
    parser.add_argument("--limit", type=int, default=200, help="sources of each set")
    parser.add_argument("--copies", type=int, default=4, help="drafts of each source and kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fit", action="store_true", help="fit on half of the sources and write the weights")
    given = parser.parse_args()
    sources = [one for text in given.source for one in Reading(open_source(text).items(), name=text, limit=given.limit)]
    held = [one for one in sources if int(hashlib.sha256(one.id.encode()).hexdigest(), 16) % 2]
    if given.fit:
        trained = fit(cases([one for one in sources if one not in held], seed=given.seed, copies=given.copies))
        WEIGHTS.write_text(json.dumps({"base": trained.base, "weights": dict(trained.weights)}, indent=1) + "\n")
    else:
        values = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        trained = Calibration(values["base"], values["weights"])
    found = cases(held, seed=given.seed + 1, copies=given.copies)
    expected = [1 / (1 + np.exp(-trained.base - sum(trained.weights.get(n, 0) * s for n, s in case.scores.items())))
                for case in found]  # fmt: skip
    result = figures(found, expected)
    print(f"{'check':<12} {'seeded':>7} {'recall':>7} {'flagged':>8} {'on clean':>9} {'precision':>10}")
    for name, row in result["checks"].items():  # type: ignore[attr-defined]
        recall, precision = ("–" if row[key] is None else row[key] for key in ("recall", "precision"))
        print(f"{name:<12} {row['seeded']:>7} {recall:>7} {row['flagged']:>8} {row['on_clean']:>9} {precision:>10}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
