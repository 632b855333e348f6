"""Times opening and filtering two runs of 60,000 records beside pandas.

Does not know real runs: both are drawn from one seed into a temporary folder, half pictures with boxes, half counting.
``open_seconds`` is the first opening, before there is a cache; ``reopen_seconds`` is with it. The last line printed is
one JSON object.

    python benchmarks/inspection.py
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from app.inspection.pairing import cells, pair, rows_of, select
from app.inspection.record_index import CACHE_NAME, open_index, read_record, store_index
from app.inspection.word_diff import compared

WORDS = [
    "a",
    "red",
    "blue",
    "green",
    "dog",
    "cat",
    "cup",
    "person",
    "stands",
    "lies",
    "beside",
    "under",
    "the",
    "table",
    "on",
    "left",
    "right",
    "of",
    "two",
    "three",
    "there",
    "is",
]

FILTERS: tuple[dict[str, Any], ...] = (
    {"cell": "a"},
    {"words": "red cup"},
    {"cell": "b", "words": "dog", "order": "b"},
    {"words": "a"},
)


def write_run(path: Path, *, records: int, seed: int) -> None:
    """A run as the runner writes it. Prompts and truth are the same for every seed, answers are not."""
    truth, answers = random.Random(0), random.Random(seed)
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8") as file:
        for number in range(records):
            box = [round(truth.random() / 2 + shift, 3) for shift in (0.0, 0.0, 0.4, 0.4)]
            near = [round(min(1.0, max(0.0, value + answers.gauss(0, 0.06))), 3) for value in box]
            label = truth.choice(WORDS)
            target: Any = label if number % 2 else truth.randrange(20)
            parsed: Any = answers.choice(
                [target, target, answers.choice(WORDS) if number % 2 else answers.randrange(20)]
            )
            failed = answers.random() < 0.03
            score = None if failed else float(parsed == target)
            record = {
                "run": path.parent.name,
                "task": "synthetic",
                "version": 1,
                "baseline": None,
                "id": f"sample/{number:06d}",
                "group": f"picture-{number // 3}",
                "media": [{"modality": "image", "path": f"pictures/{number // 3:06d}.jpg"}],
                "prompt": " ".join(truth.choices(WORDS, k=14)) + "?",
                "target": target,
                "text": " ".join(answers.choices(WORDS, k=answers.randrange(4, 40))),
                "extraction": "rule",
                "parsed": None if failed else parsed,
                "score": score,
                "reason": "the class is right" if score else "another class",
                "parts": {"accuracy": [score or 0.0, 1.0]},
                "detail": {
                    "truth_boxes": [{"label": label, "box": box}],
                    "answer_boxes": [{"label": label, "box": near}],
                },
                "latency_seconds": 0.21,
                "tokens": 17,
                "metadata": {"source_dataset": "synthetic", "source_id": str(number)},
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def opened_by_us(first: Path, second: Path) -> Any:
    """What the first view takes: both indexed, paired, counted into cells, ordered, and its sample read."""
    indexes = [open_index(path) for path in (first, second)]
    pairing = pair([rows_of(index.columns, None) for index in indexes])
    cells(pairing)
    shown = select(pairing)
    texts = [read_record(index, int(rows[shown[0]]))["text"] for index, rows in zip(indexes, pairing.rows, strict=True)]
    compared(texts[0], texts[1])
    return pairing


def opened_by_pandas(first: Path, second: Path) -> Any:
    """The plain way: read both, merge by id, count the four cells, sort by difference."""
    import pandas

    one, other = (pandas.read_json(path, lines=True) for path in (first, second))
    both = one.merge(other, on="id", suffixes=("_a", "_b"))
    both["right_a"], both["right_b"] = both.score_a >= 0.5, both.score_b >= 0.5
    both.groupby(["right_a", "right_b"]).size()
    both["difference"] = (both.score_a.fillna(0) - both.score_b.fillna(0)).abs()
    return both.sort_values("difference", ascending=False, kind="stable")


def found_by_pandas(table: Any, words: str) -> Any:
    """The rows of which one answer holds the words."""
    first, second = (table[name].str.contains(words, case=False, regex=False) for name in ("text_a", "text_b"))
    return table[first | second]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it takes, and what came of it."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name / "records.jsonl" for name in ("first", "second")]
        for seed, path in enumerate(paths, start=1):
            write_run(path, records=options.records, seed=seed)
        size = sum(path.stat().st_size for path in paths)
        print(f"two runs of {options.records:,} records, {size / 1e6:.0f} MB")
        cold, warm, plain = [], [], []
        filters: dict[str, list[float]] = {}
        plain_filters: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for path in paths:
                path.with_name(CACHE_NAME).unlink(missing_ok=True)
            cold.append(seconds(lambda: opened_by_us(*paths))[0])
            for path in paths:
                store_index(open_index(path))
            took, pairing = seconds(lambda: opened_by_us(*paths))
            warm.append(took)
            took, table = seconds(lambda: opened_by_pandas(*paths))
            plain.append(took)
            for wanted in FILTERS:
                pairing.searched.clear()
                filters.setdefault(str(wanted), []).append(seconds(partial(select, pairing, **wanted))[0])
            for words in ("red cup", "dog"):
                plain_filters.setdefault(words, []).append(seconds(partial(found_by_pandas, table, words))[0])
        result = {
            "records": options.records,
            "open_seconds": round(statistics.median(cold), 3),
            "reopen_seconds": round(statistics.median(warm), 3),
            "filter_seconds": round(max(map(statistics.median, filters.values())), 3),
            "baseline": "pandas.read_json(lines=True) of both, merge",
            "baseline_open_seconds": round(statistics.median(plain), 3),
            "baseline_filter_seconds": round(max(map(statistics.median, plain_filters.values())), 3),
            "ratio": round(statistics.median(plain) / statistics.median(cold), 2),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
