"""Samples aligned by id, the two-by-two table, filters and orders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.inspection.pairing import Pairing, cells, pair, rows_of, select
from app.inspection.record_index import open_index, read_record
from lamm_core.evaluation.compare import rights
from tests.app.inspection.made_runs import record, write_run


def paired(folder: Path, *runs: Sequence[dict[str, Any]], metric: str = "accuracy") -> Pairing:
    indexes = [open_index(write_run(folder / f"run{number}", records)) for number, records in enumerate(runs)]
    return pair([rows_of(index.columns, None) for index in indexes], metric)


def scores(**values: float | None) -> list[dict[str, Any]]:
    return [record(name, value) for name, value in values.items()]


def test_samples_meet_by_id_whatever_their_order(tmp_path: Path) -> None:
    found = paired(tmp_path, scores(a=1.0, b=0.0, c=1.0), scores(c=0.0, d=1.0, a=1.0))
    assert len(found) == 2 and found.alone == (1, 1)
    assert found.score.tolist() == [[1.0, 1.0], [1.0, 0.0]]


def test_the_four_cells_and_what_could_not_be_parsed(tmp_path: Path) -> None:
    first = scores(a=1.0, b=1.0, c=0.0, d=0.0, e=None)
    second = scores(a=1.0, b=0.0, c=1.0, d=0.0, e=1.0)
    assert cells(paired(tmp_path, first, second)) == {
        "": 5,
        "both": 1,
        "a": 1,
        "b": 2,
        "neither": 1,
        "unparsed": 1,
        "failed": 0,
    }


def test_an_answer_that_never_came_is_in_no_cell_but_its_own(tmp_path: Path) -> None:
    first = [*scores(a=1.0), record("b", None, extraction="failed"), record("c", None, extraction="broken")]
    found = cells(paired(tmp_path, first, scores(a=0.0, b=1.0, c=1.0)))
    assert found == {"": 3, "both": 0, "a": 1, "b": 0, "neither": 0, "unparsed": 0, "failed": 2}


def test_right_follows_the_main_metric_where_it_is_all_or_nothing(tmp_path: Path) -> None:
    whole = [record("a", 0.9, parts={"accuracy": [0, 1]}), record("b", None, parts={"accuracy": [1, 1]})]
    assert paired(tmp_path, whole).right.tolist() == [[False, True]]
    assert paired(tmp_path, whole, metric="another").right.tolist() == [[True, False]]
    shares = [record("a", 0.9, parts={"accuracy": [0, 1]}), record("b", 0.6, parts={"accuracy": [1.5, 3]})]
    assert paired(tmp_path, shares).right.tolist() == [[True, True]]


def test_cells_agree_with_what_the_comparison_counts(tmp_path: Path) -> None:
    first = [
        record("a", 0.9, parts={"accuracy": [0, 1]}),
        record("b", 0.6, parts={"accuracy": [1.5, 3]}),
        *scores(c=None),
    ]
    second = [record("a", 0.2), record("b", 1.0), record("c", 1.0)]
    found = paired(tmp_path, first, second)
    for records, right in zip((first, second), found.right, strict=True):
        assert rights(records, "accuracy", higher=True) == right.tolist()


def test_one_series_alone_has_right_and_wrong(tmp_path: Path) -> None:
    found = cells(paired(tmp_path, scores(a=1.0, b=0.0, c=0.2)))
    assert (found["a"], found["neither"], found["both"], found["b"]) == (1, 2, 0, 0)


def test_of_repeated_ids_the_last_record_counts(tmp_path: Path) -> None:
    index = open_index(write_run(tmp_path / "run", [record("a", 0.0), record("b", 1.0), record("a", 1.0)]))
    rows = rows_of(index.columns, None)
    assert rows.repeats == 1 and [read_record(index, int(row))["score"] for row in rows.rows] == [1.0, 1.0]


def test_a_baseline_is_a_series_of_its_own(tmp_path: Path) -> None:
    index = open_index(write_run(tmp_path / "run", [record("a", 1.0), record("a", 0.0, baseline="blind")]))
    found = pair([rows_of(index.columns, None), rows_of(index.columns, "blind")])
    assert len(found) == 1 and found.score.tolist() == [[1.0], [0.0]]
    assert len(rows_of(index.columns, "shuffled").rows) == 0


@pytest.mark.parametrize(
    ("order", "names"),
    [("difference", "cbad"), ("a", "bdac"), ("b", "cadb"), ("worst", "dcba"), ("file", "abcd")],
)
def test_orders(tmp_path: Path, order: Any, names: str) -> None:
    found = paired(tmp_path, scores(a=0.5, b=1.0, c=0.1, d=0.0), scores(a=0.8, b=0.2, c=1.0, d=0.0))
    ids = "abcd"
    assert "".join(ids[place] for place in select(found, order=order)) == names


def test_words_are_found_in_id_prompt_target_and_either_answer(tmp_path: Path) -> None:
    first = [record("Ähre", 1.0), record("b", 1.0, prompt="Where is the RED cup?"), record("c", 1.0, target="zebra")]
    second = [record("Ähre", 1.0), record("b", 1.0), record("c", 1.0, text="It is a Gnu.")]
    found = paired(tmp_path, first, second)
    for words, places in (
        ("ähre", [0]),
        ("red CUP", [1]),
        ("zebra", [2]),
        ("gnu", [2]),
        ("a cat.", [0, 1, 2]),
        ("nothing", []),
    ):
        assert sorted(select(found, words=words).tolist()) == places, words


def test_words_do_not_reach_from_one_record_into_the_next(tmp_path: Path) -> None:
    found = paired(tmp_path, [record("a", 1.0, text="ends with red"), record("cup", 1.0)])
    assert select(found, words="redcup").tolist() == [] and select(found, words="red\x1fcup").tolist() == []


def test_filters_add_up(tmp_path: Path) -> None:
    found = paired(tmp_path, scores(a=1.0, ab=1.0, b=0.0), scores(a=0.0, ab=0.0, b=0.0))
    assert [place for place in select(found, cell="a", words="is in ab")] == [1]


def test_series_that_share_nothing_pair_to_nothing(tmp_path: Path) -> None:
    found = paired(tmp_path, scores(a=1.0), scores(b=1.0))
    assert len(found) == 0 and found.alone == (1, 1) and select(found).tolist() == [] and found.find(3) is None
