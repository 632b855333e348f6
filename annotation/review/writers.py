"""Files of records: a JSON array, or Parquet that `datasets` loads and the Hub shows.

Does not know what a record means. A file is complete once it is closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["JsonFile", "ParquetFiles", "RecordFile", "card"]

GROUP_BYTES = 64 << 20  # of media that wait in memory before they are written
SHARD_BYTES = 500 << 20  # about the size of file that the Hub recommends


class RecordFile(Protocol):
    """Takes records one by one."""

    records: int

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""

    def close(self) -> list[Path]:
        """Finish; the files that were written."""


class JsonFile:
    """A JSON array, a record a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = 0
        self._file = path.open("w", encoding="utf-8")
        self._file.write("[")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""
        # Text with half of a surrogate pair cannot be written as UTF-8, so it is written as an escape.
        text = json.dumps(record, ensure_ascii=False)
        if not _encodable(text):
            text = json.dumps(record)
        self._file.write((",\n" if self.records else "\n") + text)
        self.records += 1

    def close(self) -> list[Path]:
        """Finish the array."""
        self._file.write("\n]\n")
        self._file.close()
        return [self.path]


class ParquetFiles:
    """Shards ``SPLIT-00000.parquet``, each with the features of its columns in it."""

    def __init__(self, folder: Path, split: str) -> None:
        import datasets  # heavy, and only wanted here

        self.folder = folder
        self.split = split
        self.records = 0
        text = datasets.Value("string")
        self._features = datasets.Features(
            {
                "id": text,
                "images": datasets.List(datasets.Image()),
                "point_clouds": datasets.List({"bytes": datasets.Value("binary"), "path": text}),
                "messages": datasets.List({"role": text, "content": text}),
                "task_type": text,
                "kind": text,
                "status": text,
                "source_dataset": text,
                "source_id": text,
                "annotation": text,
            }
        )
        self._waiting: list[Mapping[str, Any]] = []
        self._waiting_bytes = 0
        self._shard_bytes = 0
        self._writer: Any = None
        self._paths: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one row."""
        self._waiting.append(record)
        self._waiting_bytes += sum(len(one["bytes"]) for key in ("images", "point_clouds") for one in record[key])
        self.records += 1
        if self._waiting_bytes > GROUP_BYTES or len(self._waiting) >= 1000:
            self._flush()

    def close(self) -> list[Path]:
        """Write what waits; the shards."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
        return self._paths

    def _flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        if not self._waiting:
            return
        if self._writer is not None and self._shard_bytes > SHARD_BYTES:
            self._writer.close()
            self._writer = None
        schema = self._features.arrow_schema
        if self._writer is None:
            path = self.folder / f"{self.split}-{len(self._paths):05d}.parquet"
            self._paths.append(path)
            self._writer = pyarrow.parquet.ParquetWriter(path, schema)
            self._shard_bytes = 0
        self._writer.write_table(pyarrow.Table.from_pylist([dict(row) for row in self._waiting], schema=schema))
        self._shard_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0


def card(name: str, splits: Mapping[str, int], *, event: int, sources: Mapping[str, int]) -> str:
    """The README.md of a data set on the Hub: which files are which split, and what a person should know."""
    configs = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in splits)
    numbers = "\n".join(f"| {split} | {count:,} |" for split, count in splits.items())
    origins = "\n".join(f"- {source}: {count:,}" for source, count in sources.items())
    return f"""---
configs:
- config_name: default
  data_files:
{configs}task_categories:
- visual-question-answering
---
# {name}

Instruction pairs about pictures and point clouds, drafted by a language model from annotations and reviewed by people
in LAMM Studio, as of event {event:,}. `manifest.json` says what it holds and names it by the hash of its content.

| split | records |
|---|---|
{numbers}

Sources, whose own terms apply to the media:

{origins}
"""


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
