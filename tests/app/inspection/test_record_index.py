"""The index of a records.jsonl: what it counts as broken, and when it reads the file again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from app.inspection import record_index
from app.inspection.record_columns import digest, mean_overlap
from app.inspection.record_index import CACHE_NAME, open_index, read_record, store_index
from lamm_core.errors import TaskError
from tests.app.inspection.made_runs import record, write_run


@pytest.fixture
def always_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_index, "_CACHED_FROM", 1)


def test_every_record_is_found_again(tmp_path: Path) -> None:
    index = open_index(write_run(tmp_path / "run", [record("one", 1.0), record("zwei ü", 0.0), record("three", None)]))
    assert [read_record(index, row)["id"] for row in range(3)] == ["one", "zwei ü", "three"]
    assert index.columns.identity.tolist() == [digest(name) for name in ("one", "zwei ü", "three")]
    assert index.columns.score.tolist()[:2] == [1.0, 0.0] and np.isnan(index.columns.score[2])


@pytest.mark.parametrize(
    "wrong",
    [
        "3",
        "[]",
        json.dumps(record("x", 1.0) | {"id": None}),
        json.dumps(record("x", 1.0) | {"id": ""}),
        json.dumps(record("x", 1.0) | {"score": 1.5}),
        json.dumps(record("x", 1.0) | {"score": "right"}),
        json.dumps(record("x", 1.0) | {"score": True}),
        json.dumps(record("x", 1.0) | {"baseline": "deaf"}),
        json.dumps(record("x", 1.0) | {"text": None}),
        json.dumps(record("x", 1.0) | {"version": "1"}),
        json.dumps(record("x", 1.0) | {"parts": {"accuracy": 1}}),
        json.dumps(record("x", 1.0) | {"parts": [1]}),
        json.dumps(record("x", 1.0) | {"extraction": []}),
    ],
)
def test_a_record_with_wrong_fields_is_counted_and_told(tmp_path: Path, wrong: str) -> None:
    index = open_index(write_run(tmp_path / "run", [record("one", 1.0), wrong, record("two", 1.0)]))
    assert len(index.columns) == 2
    assert (index.flaws.broken, index.flaws.wrong) == (0, 1) and index.flaws.examples[0][0] == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"detail": 3},
        {"detail": {"truth_boxes": [{"box": "x"}], "answer_boxes": []}},
        {"media": "x"},
        {"media": [3]},
        {"parsed": {"a": 1}},
        {"target": [1]},
        {"group": 7},
        {"metadata": None},
    ],
)
def test_odd_fields_that_scores_do_not_need_are_borne(tmp_path: Path, odd: dict[str, object]) -> None:
    index = open_index(write_run(tmp_path / "run", [record("one", 1.0) | odd]))
    assert len(index.columns) == 1 and index.flaws.wrong == 0


def test_lines_that_are_no_json_are_counted_and_a_torn_last_one_is_not(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0), "{broken", '{"score": NaN}', ""])
    with path.open("a") as file:
        file.write('{"id": "torn')
    flaws = open_index(path).flaws
    assert (flaws.broken, flaws.wrong, flaws.torn) == (2, 0, True)
    assert [line for line, _ in flaws.examples] == [2, 3]


def test_a_whole_last_line_without_its_end_counts(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0)])
    path.write_text(path.read_text().rstrip("\n"))
    assert len(open_index(path).columns) == 1


@pytest.mark.usefixtures("always_cached")
def test_a_grown_file_is_read_on_from_where_the_cache_ends(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0, media=[{"path": "a.png"}]), "{broken"])
    store_index(open_index(path))
    with path.open("a") as file:
        file.write(json.dumps(record("two", 0.0, parts={"other": [1, 2]}, media=[{"path": "b.png"}])) + "\n{broken\n")
    grown, anew = open_index(path), open_index(path, cache=False)
    for name in ("start", "length", "identity", "score", "word_start", "medium"):
        assert getattr(grown.columns, name).tolist() == pytest.approx(getattr(anew.columns, name).tolist(), nan_ok=True)
    assert grown.columns.words == anew.columns.words and grown.columns.paths == ("a.png", "b.png")
    assert grown.flaws == anew.flaws and [line for line, _ in grown.flaws.examples] == [2, 4]
    assert np.isnan(grown.columns.gained["other"][0]) and grown.columns.possible["other"][1] == 2
    assert read_record(grown, 1)["id"] == "two"


@pytest.mark.usefixtures("always_cached")
def test_a_cache_of_another_content_is_not_believed(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0), record("two", 1.0)])
    store_index(open_index(path))
    write_run(tmp_path / "run", [record("uno", 1.0), record("two", 1.0), record("three", 1.0)])
    os.utime(path, (1, 1))
    assert read_record(open_index(path), 0)["id"] == "uno"
    assert digest("one") not in open_index(path).columns.identity.tolist()


@pytest.mark.usefixtures("always_cached")
def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0)])
    store_index(open_index(path))
    cache = path.with_name(CACHE_NAME)
    content = cache.read_bytes()
    for damaged in (b"", b"PK", content[: len(content) // 2], b"x" * len(content)):
        cache.write_bytes(damaged)
        assert len(open_index(path).columns) == 1


@pytest.mark.usefixtures("always_cached")
def test_a_second_opening_takes_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_run(tmp_path / "run", [record("one", 0.5, media=[{"path": "a.png"}])])
    first = open_index(path)
    store_index(first)

    def refuse(*_: object) -> None:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(record_index, "_read", refuse)
    second = open_index(path)
    assert second.stamp == first.stamp and second.columns.paths == ("a.png",) and second.flaws == first.flaws


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot be read"):
        open_index(tmp_path / "records.jsonl")


def test_a_record_of_a_file_that_changed_under_the_index_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [record("one", 1.0), record("two", 1.0)])
    index = open_index(path)
    path.write_text("short")
    with pytest.raises(TaskError, match="changed while"):
        read_record(index, 1)


def test_overlap_is_the_mean_of_each_true_boxs_best() -> None:
    truth = [{"label": "a", "box": [0, 0, 0.2, 0.2]}, {"label": "b", "box": [0.5, 0.5, 1, 1]}]
    answer = [{"label": "x", "box": [0, 0, 0.2, 0.1]}, {"label": "y", "box": [0, 0, 0.2, 0.2]}]
    assert mean_overlap({"truth_boxes": truth, "answer_boxes": answer}) == pytest.approx(0.5)
    assert mean_overlap({"truth_boxes": truth, "answer_boxes": []}) == 0.0
    space = [{"label": "a", "box": [0, 0, 0, 1, 1, 1]}]
    assert mean_overlap({"truth_boxes": space, "answer_boxes": [{"box": [0.5, 0, 0, 1, 1, 1]}]}) == pytest.approx(1 / 3)
    assert np.isnan(mean_overlap({"answer_boxes": answer}))
