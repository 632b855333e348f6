"""Runs as a folder that opens without Python: leaderboard, two-by-two table, every sample with its answers.

Does not know how it is drawn; site/ has the page, which reads what is written here. All words go out as data, never as
markup.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamm_core.errors import ConfigError, MediaError, TaskError
from lamm_core.evaluation.compare import rights
from lamm_core.evaluation.leaderboard import leaderboard
from lamm_core.evaluation.records import BROKEN, FAILED, RECORDS, last_records
from lamm_core.evaluation.run_folder import read_manifest
from lamm_core.evaluation.scan_picture import scan_views

__all__ = ["Exported", "export"]

SITE = Path(__file__).parent / "site"
MARKER = "lamm-export.json"
CHUNK = 100  # samples of one file of data
AS_THEY_ARE = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
README = """---
title: {title}
emoji: 📊
colorFrom: indigo
colorTo: blue
sdk: static
app_file: index.html
pinned: false
---

Benchmark runs side by side, made by `lamm bench export`. Open `index.html`; nothing is fetched from elsewhere.
"""


@dataclass(frozen=True)
class Exported:
    """What was written: how many series and samples, and how many pictures or clouds were not there."""

    folder: Path
    series: int
    samples: int
    missing: int


def export(
    runs: Sequence[Path], out: Path, *, title: str = "Benchmark", progress: Callable[[int, int], None] | None = None
) -> Exported:
    """Write runs, with their baselines, into ``out``, which is new, empty or an earlier export.

    Raises ConfigError for another folder, TaskError where a run cannot be read or the disk is full.
    """
    if not runs:
        raise ConfigError("Name at least one run folder to export.")
    _claim(out)
    media = _Media(out / "media")
    by_task: dict[str, list[Path]] = {}
    for folder in runs:
        by_task.setdefault(str(read_manifest(folder)["task"]), []).append(folder)
    tasks, series_count, sample_count = [], 0, 0
    try:
        for number, (name, folders) in enumerate(by_task.items()):
            task = _task(name, folders, number, out, media, progress)
            tasks.append(task)
            series_count += len(task["series"])
            sample_count += len(task["ids"])
        _data(out / "data" / "board.js", f"LAMM.board({_json({'title': title, 'tasks': tasks, 'chunk': CHUNK})});\n")
        for file in SITE.iterdir():
            if file.suffix in {".html", ".css", ".js"}:
                shutil.copyfile(file, out / file.name)
        (out / "README.md").write_text(README.format(title=json.dumps(title)), encoding="utf-8")
        (out / MARKER).write_text(json.dumps({"format": 1, "runs": [str(folder) for folder in runs]}) + "\n")
    except OSError as error:
        raise TaskError(f"{out} cannot be written ({error.strerror}). Make room, or choose another --out.") from error
    return Exported(out, series_count, sample_count, media.missing)


def _claim(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file. Name a folder with --out.")
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARKER).is_file():
            raise ConfigError(f"{out} holds other files. Name a new folder with --out, or an earlier export.")
        for name in ("data", "media"):
            shutil.rmtree(out / name, ignore_errors=True)
    for name in ("data", "media"):
        (out / name).mkdir(parents=True, exist_ok=True)


def _task(
    name: str,
    folders: Sequence[Path],
    number: int,
    out: Path,
    media: _Media,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    series: list[dict[str, Any]] = []
    answers: list[Mapping[str, dict[str, Any]]] = []
    places: list[Path] = []
    for folder in folders:
        manifest = read_manifest(folder)
        found = last_records(folder / RECORDS)
        for kind in (None, "blind", "shuffled"):
            mine = {id: record for (baseline, id), record in found.items() if baseline == kind}
            if mine:
                model = manifest["model"].get("name") or folder.name
                series.append({"title": str(model), "run": str(manifest.get("name", folder.name)), "baseline": kind})
                answers.append(mine)
                places.append(folder)
    if not series:
        raise TaskError(f"{', '.join(map(str, folders))} hold no records yet.")
    metrics = read_manifest(folders[0])["metrics"]
    main, higher = str(metrics[0]["name"]), bool(metrics[0]["higher_is_better"])
    ids = list(dict.fromkeys(id for mine in answers for id in mine))
    for start in range(0, len(ids), CHUNK):
        chunk = [_sample(id, answers, places, media) for id in ids[start : start + CHUNK]]
        path = out / "data" / f"samples-{number}-{start // CHUNK}.js"
        _data(path, f"LAMM.samples({number}, {start // CHUNK}, {_json(chunk)});\n")
        if progress is not None:
            progress(min(start + CHUNK, len(ids)), len(ids))
    return {
        "name": name,
        "title": str(read_manifest(folders[0]).get("title") or name),
        "metrics": metrics,
        "rows": [
            {"title": row.name, "kind": row.kind, "values": dict(row.values), "intervals": dict(row.intervals),
             "n": row.n, "unparsed": row.unparsed}
            for row in leaderboard(folders, task=name)
        ],
        "series": series,
        "ids": ids,
        "scores": [[_score(mine.get(id)) for id in ids] for mine in answers],
        "right": [_right(mine, ids, main, higher=higher) for mine in answers],
    }  # fmt: skip


def _score(record: Mapping[str, Any] | None) -> float | None:
    return None if record is None else record["score"]


def _right(mine: Mapping[str, dict[str, Any]], ids: Sequence[str], metric: str, *, higher: bool) -> list[int | None]:
    """1 or 0; None where the series has no such sample, or no answer to it."""
    answered = {id: record for id, record in mine.items() if record["extraction"] not in (FAILED, BROKEN)}
    found = dict(zip(answered, rights(list(answered.values()), metric, higher=higher), strict=True))
    return [int(found[id]) if id in found else None for id in ids]


def _sample(
    id: str, answers: Sequence[Mapping[str, dict[str, Any]]], places: Sequence[Path], media: _Media
) -> dict[str, Any]:
    records = [mine.get(id) for mine in answers]
    known = [(record, folder) for record, folder in zip(records, places, strict=True) if record is not None]
    # A shuffled series was shown another picture and a blind one none, so theirs are looked at last.
    known.sort(key=lambda pair: (None, "shuffled", "blind").index(pair[0]["baseline"]))
    first = known[0][0]
    shown = next((found for record, folder in known if (found := media.of(record, folder))), None)
    detail = first.get("detail") or {}
    return {
        "id": id,
        "prompt": first.get("prompt", ""),
        "target": first.get("target"),
        "media": shown,
        "truth": {"boxes": detail.get("truth_boxes") or [], "points": detail.get("truth_points") or []},
        "answers": [None if record is None else _answer(record) for record in records],
    }


def _answer(record: Mapping[str, Any]) -> dict[str, Any]:
    detail = record.get("detail") or {}
    return {
        "text": record["text"],
        "parsed": record.get("parsed"),
        "extraction": record.get("extraction", ""),
        "score": record["score"],
        "reason": record.get("reason", ""),
        "boxes": detail.get("answer_boxes") or [],
        "points": detail.get("answer_points") or [],
    }


class _Media:
    """Copies of pictures, and pictures of clouds, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing = 0
        self._made: dict[Path, dict[str, Any]] = {}

    def of(self, record: Mapping[str, Any], folder: Path) -> dict[str, Any] | None:
        """What shows the record's first medium; None for a record without any."""
        for medium in record.get("media") or ():
            path = folder / medium["path"]
            if path not in self._made:
                self._made[path] = self._make(path, str(medium["modality"]))
            return self._made[path]
        return None

    def _make(self, path: Path, modality: str) -> dict[str, Any]:
        if not path.is_file():
            self.missing += 1
            return {"kind": "missing", "name": path.name}
        try:
            return self._cloud(path) if modality == "pointcloud" else self._picture(path)
        except MediaError:
            self.missing += 1
            return {"kind": "missing", "name": path.name}

    def _picture(self, path: Path) -> dict[str, Any]:
        from lamm_core.modalities import modality

        picture = modality("image").load(path)  # also the check that it is one
        name = _name(path)
        if path.suffix.lower() in AS_THEY_ARE:
            name += path.suffix.lower()
            shutil.copyfile(path, self.folder / name)
        else:
            name += ".jpg"
            picture.convert("RGB").save(self.folder / name, quality=90)
        return {"kind": "picture", "file": f"media/{name}", "name": path.name, "width": picture.width,
                "height": picture.height}  # fmt: skip

    def _cloud(self, path: Path) -> dict[str, Any]:
        views = []
        for view in scan_views(path):
            file = f"{_name(path)}-{view.name}.png"
            view.picture.save(self.folder / file, optimize=True)
            size = {"width": view.picture.width, "height": view.picture.height}
            place = {"axes": list(view.axes), "low": list(view.low), "high": list(view.high)}
            views.append({"file": f"media/{file}", "title": view.title} | place | size)
        return {"kind": "cloud", "name": path.name, "views": views}


def _name(path: Path) -> str:
    """Of what the file holds, so that the same picture lies there once and no name of this machine gets out."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:20]


def _json(value: Any) -> str:
    """JSON that stands in a script: ASCII, and no ``<`` that could end it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _data(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
