"""Makes run folders as the runner leaves them, with records of any kind.

Does not know what is tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HOSTILE = (
    "<script>window.hacked = 1</script> **bold** [link](javascript:alert(1)) <img src=x onerror='window.hacked = 1'>"
)


def record(name: str, score: float | None, **fields: Any) -> dict[str, Any]:
    """One record with the fields that every record has."""
    return {
        "run": "run",
        "task": "animals",
        "version": 1,
        "baseline": None,
        "id": name,
        "group": f"group of {name}",
        "media": [],
        "prompt": f"What is in {name}?",
        "target": "cat",
        "text": "A cat." if score else "A dog.",
        "extraction": "first label" if score is not None else "none",
        "parsed": None if score is None else "cat" if score else "dog",
        "score": score,
        "reason": "the class is right" if score else "another class",
        "parts": {"accuracy": [score or 0.0, 1.0]},
        "detail": {},
        "latency_seconds": 0.25,
        "tokens": 3,
        "cached": False,
        "metadata": {"source_dataset": "made"},
    } | fields


def write_run(
    folder: Path,
    records: Iterable[Mapping[str, Any] | str],
    *,
    task: str = "animals",
    model: str = "lamm-mini",
    state: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
    **manifest: Any,
) -> Path:
    """Write a run folder; a record given as text is written as it is. Gives the path of records.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "format": 1,
        "name": folder.name,
        "task": task,
        "title": f"Name {task}",
        "task_version": 1,
        "modality": "image",
        "metrics": [{"name": "accuracy", "higher_is_better": True}],
        "model": {"name": model},
        "inference": {"mode": "direct"},
        "data": "data",
        "limit": None,
        "seed": 0,
        "n": 4,
        "created": "2026-11-25T12:00:00",
    }
    (folder / "run.json").write_text(json.dumps(about | manifest), encoding="utf-8")
    (folder / "state.json").write_text(
        json.dumps(state or {"state": "completed", "done": 4, "total": 4}), encoding="utf-8"
    )
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in records]
    path = folder / "records.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return path


def figures(value: float, *, n: int = 4, unparsed: int = 0) -> dict[str, Any]:
    """What summary.json says of one series."""
    return {
        "n": n,
        "accuracy": value,
        "interval": [value - 0.1, value + 0.1],
        "intervals": {"accuracy": [value - 0.1, value + 0.1]},
        "unparsed": unparsed,
        "failed": 0,
        "broken": 0,
    }
