"""Existing data as drafts: LAMM's JSON, LLaVA's JSON, folders of Parquet from the Hub, and marked answers.

Does not know the store. Every reader streams; a record that is broken becomes a `Broken` with its place and reason, and
the reading goes on.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from annotation.review.items import Check, Draft
from annotation.review.marks import marked_drafts
from annotation.sources import json_items
from annotation.sources.source import Broken
from lamm_core.conversation import Media, Role, Turn
from lamm_core.errors import DataError
from lamm_core.registry import lookup

__all__ = ["IMPORTERS", "read_drafts"]

MARKS = {"image": "<image>", "pointcloud": "<pointcloud>"}
MARK = re.compile("|".join(MARKS.values()))
SPEAKERS: Mapping[str, Role] = {
    "human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant", "system": "system",
}  # fmt: skip
MEDIA_KEYS = {"image": "image", "images": "image", "pcl": "pointcloud", "point_clouds": "pointcloud"}
OWN_KEYS = frozenset((*MEDIA_KEYS, "id", "conversations", "messages", "src_image", "src_dataset", "source_dataset",
                      "src_id", "source_id", "kind", "status"))  # fmt: skip
SIGNATURES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}
MISSING = "missing file"

Found = Iterator[Draft | Broken]


def read_drafts(form: str, path: Path, *, media_root: Path | None = None, source: str = "") -> Found:
    """Drafts of a file or folder in one of `IMPORTERS`. Raises ConfigError for another form, DataError for no file.

    Relative media paths start at ``media_root``, by default the folder of the file. ``source`` names the set where the
    records do not.
    """
    reader = lookup(IMPORTERS, form, kind="form to import")
    if not path.exists():
        raise DataError(f"There is no {path} to import. Give the path of a file or folder.")
    root = (media_root or (path if path.is_dir() else path.parent)).absolute()
    return reader(path, root, source or path.stem)


def _json_records(path: Path, root: Path, source: str) -> Found:
    """LAMM's and LLaVA's JSON: an array, or a record a line."""
    numbered = json_items.lines(path) if path.suffix == ".jsonl" else enumerate(json_items.items(path, "item"))
    for index, record in numbered:
        yield record if isinstance(record, Broken) else _guarded(record, f"{path.name}, record {index}", root, source)


def _parquet_rows(path: Path, root: Path, source: str) -> Found:
    """Folders as the Hub has them: pictures inside are written beside, named by what they hold."""
    import pyarrow.parquet  # heavy, and only wanted here

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} has no .parquet file in it. Give the folder of a downloaded data set.")
    for file in files:
        try:
            index = 0
            for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=64):
                for row in batch.to_pylist():
                    yield _guarded(row, f"{file.name}, row {index}", root, source)
                    index += 1
        except (pyarrow.ArrowException, OSError) as error:
            yield Broken(file.name, f"the file cannot be read from here on ({str(error)[:160]})")


def _guarded(record: Any, place: str, root: Path, source: str) -> Draft | Broken:
    try:
        if not isinstance(record, Mapping):
            raise DataError("not an object with keys")
        return _draft(record, root, source, place)
    except DataError as error:
        return Broken(place, str(error))


def _draft(record: Mapping[str, Any], root: Path, source: str, place: str) -> Draft:
    media = [
        Media(modality, _path(one, root))
        for key, modality in MEDIA_KEYS.items()
        for one in _listed(record.get(key), key)
    ]
    turns = _with_media(_turns(record), media)
    annotation = {key: _plain(value) for key, value in record.items() if key not in OWN_KEYS and value is not None}
    named = record.get("src_dataset") or record.get("source_dataset") or record.get("src_image") or source
    identity = record.get("src_id") or record.get("source_id") or record.get("id") or place
    gone = tuple(Check(MISSING, 1.0, f"{medium.path} is not there") for medium in media if not medium.path.is_file())
    kind = str(record.get("kind") or "other")
    return Draft(
        kind, str(named), turns, annotation=annotation, checks=gone, generator="imported", source_id=str(identity)
    )


def _turns(record: Mapping[str, Any]) -> list[Turn]:
    said = record.get("conversations") if record.get("conversations") is not None else record.get("messages")
    if said is None and isinstance(record.get("question"), str) and isinstance(record.get("answer"), str):
        said = [{"role": "user", "content": record["question"]}, {"role": "assistant", "content": record["answer"]}]
    if not isinstance(said, list) or not said:
        raise DataError("'conversations' is missing or empty")
    turns = []
    for number, one in enumerate(said):
        speaker = (one.get("from") or one.get("role")) if isinstance(one, Mapping) else None
        if not isinstance(speaker, str) or speaker not in SPEAKERS:
            raise DataError(f"turn {number} is from {speaker!r}; known are {', '.join(SPEAKERS)}")
        text = one.get("value") if one.get("value") is not None else one.get("content")
        if isinstance(text, list):
            parts = (MARKS["image"] if part.get("type") == "image" else str(part.get("text") or "") for part in text)
            text = "\n".join(parts)
        if not isinstance(text, str):
            raise DataError(f"turn {number} has no text")
        turns.append(Turn(SPEAKERS[speaker], text.replace("<pcl>", MARKS["pointcloud"])))
    return turns


def _with_media(turns: list[Turn], media: list[Media]) -> tuple[Turn, ...]:
    """Each placeholder takes the next medium of its kind; with none, the first question shows them all."""
    first = next((number for number, turn in enumerate(turns) if turn.role == "user"), None)
    marks = [mark for turn in turns if turn.role == "user" for mark in MARK.findall(turn.text)]
    if first is None:
        raise DataError("nobody asks anything")
    if not media or not marks:
        return tuple(
            Turn(turn.role, turn.text, tuple(media) if number == first else ()) for number, turn in enumerate(turns)
        )
    waiting = {mark: [medium for medium in media if MARKS[medium.modality] == mark] for mark in MARKS.values()}
    for mark, own in waiting.items():
        if marks.count(mark) != len(own):
            raise DataError(f"the text has {marks.count(mark)} {mark} and the record lists {len(own)} such media")
    placed = []
    for turn in turns:
        taken = [waiting[mark].pop(0) for mark in MARK.findall(turn.text)] if turn.role == "user" else []
        # A placeholder at the start says no more than that the medium is shown before the text.
        text = re.sub(rf"^\s*(?:(?:{MARK.pattern})\s*)+", "", turn.text) if taken else turn.text
        keep = len(MARK.findall(text)) not in (0, len(taken))
        placed.append(Turn(turn.role, turn.text if keep or not text.strip() else text, tuple(taken)))
    return tuple(placed)


def _listed(value: Any, key: str) -> list[Any]:
    listed = [] if value is None else value if isinstance(value, list) else [value]
    for one in listed:
        named = isinstance(one, str) or (isinstance(one, Mapping) and (one.get("bytes") or one.get("path")))
        if not named or not one:
            raise DataError(f"{key!r} is neither a path nor bytes")
    return listed


def _path(value: Any, root: Path) -> Path:
    if isinstance(value, str):
        return root / value
    content = value.get("bytes")
    if not content:
        return root / str(value["path"])
    digest = hashlib.sha256(content).hexdigest()
    suffix = next((suffix for start, suffix in SIGNATURES.items() if content.startswith(start)), None)
    path = root / "media" / digest[:2] / (digest + (suffix or Path(str(value.get("path") or "")).suffix or ".img"))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_bytes(content)
        os.replace(partial, path)
    return path


def _plain(value: Any) -> Any:
    """A value as JSON has it: bytes and dates of a table become words."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def _marked(path: Path, root: Path, source: str) -> Found:
    return marked_drafts(path, root)


IMPORTERS: Mapping[str, Callable[[Path, Path, str], Found]] = {
    "lamm": _json_records,
    "llava": _json_records,
    "parquet": _parquet_rows,
    "marked": _marked,
}
