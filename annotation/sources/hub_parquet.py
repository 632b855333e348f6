"""Parquet as the Hub stores picture sets: bytes of pictures, class names in the schema, text in columns.

Does not know what is asked of them. Pictures are written once to a folder, named by row, because media are files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.lib
import pyarrow.parquet as parquet
from PIL import Image

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.reader import Expected, Files, Reader, number, share
from annotation.sources.source import Box, Broken, Joint, Question, Source, Word
from annotation.visual_tasks.readers import JOINTS
from lamm_core.conversation import Media
from lamm_core.errors import DataError

__all__ = ["READER"]

TERMS = "as the set's card says"
PICTURES = ("image", "img", "picture")
CAPTIONS = ("captions", "caption", "sentences")
BATCH = 32  # rows decoded at once


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each row."""
    path = files["table"]
    try:
        table = parquet.ParquetFile(path)
    except (OSError, pyarrow.lib.ArrowException) as error:
        raise DataError(f"{path} is no Parquet file ({error}).") from error
    with table:
        names = _class_names(table)
        index = 0
        try:
            for batch in table.iter_batches(batch_size=BATCH):
                for row in batch.to_pylist():
                    try:
                        yield _source(row, index, files, names)
                    except (OSError, *BROKEN_VALUES) as error:
                        yield Broken(f"{path.name}, row {index}", problem(error))
                    index += 1
        except (OSError, pyarrow.lib.ArrowException) as error:
            yield Broken(f"{path.name}, row {index}", f"the file cannot be read from here on ({error})")


def _class_names(table: Any) -> dict[str, list[str]]:
    """Column to class names, as ``datasets`` writes them into the schema."""
    written = (table.schema_arrow.metadata or {}).get(b"huggingface")
    if not written:
        return {}
    features = json.loads(written).get("info", {}).get("features", {})
    return {column: one["names"] for column, one in features.items() if isinstance(one, dict) and "names" in one}


def _source(row: Mapping[str, Any], index: int, files: Files, names: Mapping[str, list[str]]) -> Source:
    column = next((name for name in PICTURES if row.get(name)), None)
    if column is None:
        raise ValueError(f"it has no picture in {', '.join(PICTURES)}")
    path = files["table"]
    file = _stored(row[column], files["media"], path.parent)
    with Image.open(file) as image:
        width, height = image.size
    label = row.get("label")
    captions = next((row[name] for name in CAPTIONS if row.get(name)), ())
    fields: dict[str, Any] = {
        "label": names["label"][label] if isinstance(label, int) and "label" in names else _text(label),
        "captions": (captions,) if isinstance(captions, str) else tuple(captions),
        "words": (Word(str(row["text"])),) if row.get("text") else (),
        "boxes": tuple(_boxes(row.get("objects"), width, height)),
    }
    if row.get("question") and (answer := row.get("answer") or row.get("answers")):
        fields["questions"] = (
            Question(str(row["question"]), _text(answer[0] if isinstance(answer, list) else answer)),
        )
    if row.get("joints"):
        wide, high = row.get("width", width), row.get("height", height)
        places = zip(JOINTS, row["joints"], strict=True)
        fields["joints"] = tuple(Joint(name, share(xy[0], wide), share(xy[1], high)) for name, xy in places)
    dataset = path.parent.name or path.stem
    return Source(
        f"{dataset}-{path.stem}-{index:06d}", dataset, (Media("image", file),), TERMS, width, height, **fields
    )


def _text(value: Any) -> Any:
    return None if value is None else str(value)


def _stored(picture: Any, folder: Path, beside: Path) -> Path:
    """The file of a picture: where the row names one that exists that one, else its bytes written once."""
    if isinstance(picture, str):
        return beside / picture
    content, name = picture.get("bytes"), picture.get("path")
    if not content:
        return beside / str(name)
    ending = Path(name or "").suffix or (".png" if content[:4] == b"\x89PNG" else ".jpg")
    file = folder / f"{hashlib.sha256(content).hexdigest()[:24]}{ending}"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.partial")
        partial.write_bytes(content)
        partial.replace(file)
    return file


def _boxes(objects: Any, width: int, height: int) -> Iterator[Box]:
    if not objects:
        return
    labels = objects.get("category") or objects.get("categories") or objects.get("label") or []
    for box, label in zip(objects.get("bbox") or objects.get("bboxes") or [], labels, strict=True):
        x, y, w, h = (number(value, "a side of the box") for value in box)
        yield Box(str(label), share(x, width), share(y, height), share(x + w, width), share(y + h, height))


READER = Reader(
    "parquet",
    "Parquet as the Hub stores picture sets",
    TERMS,
    "image",
    ("C1", "C3", "C4"),
    (
        Expected("table", "train.parquet", "the Parquet file"),
        Expected("media", "media", "the folder its pictures are written to", written=True),
    ),
    read,
)
