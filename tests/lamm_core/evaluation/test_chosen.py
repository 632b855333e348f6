"""Exactly the samples that a file names: exports, marks and lists of ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lamm_core.conversation import Sample, Turn
from lamm_core.errors import DataError, TaskError
from lamm_core.evaluation.chosen import chosen_ids, only

SAMPLES = [Sample(f"w-{number}", (Turn("user", "Read it."),)) for number in range(5)]


def write(path: Path, *records: dict[str, str]) -> Path:
    array = json.dumps(records)
    path.write_text(array if path.suffix == ".json" else "\n".join(map(json.dumps, records)))
    return path


def test_exports_marks_and_lists_name_samples_of_their_task(tmp_path: Path) -> None:
    export = write(
        tmp_path / "train.json",
        {"id": "a", "src_dataset": "words", "src_id": "w-3"},
        {"id": "b", "src_dataset": "words", "src_id": "w-1"},
        {"id": "c", "src_dataset": "words", "src_id": "w-3"},
        {"id": "d", "src_dataset": "cells", "src_id": "w-2"},
        {"id": "e", "src_image": "words"},
    )
    marked = write(tmp_path / "marked.jsonl", {"task": "words", "id": "w-4"}, {"task": "chat", "id": "w-0"})
    listed = tmp_path / "ids.txt"
    listed.write_text("w-2\n\n w-0 \n")
    assert chosen_ids(export, task="words") == ("w-3", "w-1")
    assert chosen_ids(marked, task="words") == ("w-4",)
    assert chosen_ids(listed, task="words") == ("w-2", "w-0")
    assert [sample.id for sample in only(SAMPLES, export, task="words")] == ["w-1", "w-3"]


def test_what_names_nothing_or_what_is_not_there_is_said(tmp_path: Path) -> None:
    marked = write(tmp_path / "marked.jsonl", {"task": "words", "id": "gone"})
    with pytest.raises(TaskError, match="gone"):
        only(SAMPLES, marked, task="words")
    with pytest.raises(DataError, match="names no sample of cells"):
        chosen_ids(marked, task="cells")
    with pytest.raises(DataError, match="cannot be read"):
        chosen_ids(tmp_path / "absent.txt", task="words")
    (tmp_path / "odd.json").write_text("{]")
    with pytest.raises(DataError, match="no list of records"):
        chosen_ids(tmp_path / "odd.json", task="words")
