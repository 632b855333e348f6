"""Two runs are compared on what both answered, and the words say no more than the figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.compare import compare, following, robustness
from lamm_core.evaluation.records import RecordWriter
from lamm_core.evaluation.runner import Plan, run
from lamm_core.evaluation.statistics import mcnemar


def write_run(
    folder: Path, rights: dict[str, Any], *, version: int = 1, each: int = 1, target: str = "x", **manifest: Any
) -> Path:
    """A run whose records are right (1), wrong (0), unparsed (None) or failed ("failed")."""
    facts = {
        "format": 1, "name": folder.name, "task": "made up", "task_version": version,
        "metrics": [{"name": "accuracy", "higher_is_better": True}, {"name": "error", "higher_is_better": False}],
    }  # fmt: skip
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(facts | manifest))
    with RecordWriter(folder / "records.jsonl", task="made up", version=version, run=folder.name) as writer:
        for place, (id, value) in enumerate(rights.items()):
            failed = value == "failed"
            gained = 0 if value is None or failed else value
            writer.add(
                {"id": id, "group": f"g{place // each}", "prompt": "?", "target": target, "parsed": str(value),
                 "score": None if failed else value, "extraction": "failed" if failed else "exact",
                 "parts": {} if failed else {"accuracy": [gained, 1], "error": [3 * (1 - gained), 1]},
                 "detail": {"options": ["x", "y"]}},
                baseline=None,
            )  # fmt: skip
    return folder


def numbered(values: list[Any]) -> dict[str, Any]:
    return {f"s{place}": value for place, value in enumerate(values)}


def test_a_small_difference_is_not_claimed(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", numbered([1] * 112 + [0] * 88))
    b = write_run(tmp_path / "b", numbered([1] * 100 + [0] * 12 + [1] * 9 + [0] * 79))
    found = compare(a, b)
    assert (found.both, found.only_a, found.only_b, found.neither) == (100, 12, 9, 79)
    assert found.p == pytest.approx(mcnemar(12, 9)) and found.difference == pytest.approx(3 / 200)
    assert found.low is not None and found.low < 0 < (found.high or 0)
    assert found.sentence.startswith("A is right on 12 of 200 samples where B is wrong, and B on 9")
    assert found.sentence.endswith("includes zero: no difference can be claimed.")


def test_a_large_difference_names_the_better_one_by_the_metrics_direction(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", numbered([1] * 150 + [0] * 50))
    b = write_run(tmp_path / "b", numbered([1] * 90 + [0] * 110))
    assert "A is better on these data" in compare(a, b).sentence
    assert "B is better on these data" in compare(b, a).sentence
    other = compare(a, b, metric="error")
    assert other.difference < 0 and "A is better" in other.sentence and not other.higher_is_better


def test_an_interval_of_few_samples_does_not_overrule_the_exact_test(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", numbered([1] * 6 + [0] * 2))
    found = compare(a, write_run(tmp_path / "b", numbered([1] * 2 + [0] * 6)))
    assert found.p == 0.125 and found.low is not None and found.low > 0
    assert found.sentence.endswith("does not exclude chance: no difference can be claimed.")


def test_many_samples_of_few_pictures_prove_less(tmp_path: Path) -> None:
    values = numbered([1] * 40 + [0] * 40), numbered([0] * 20 + [1] * 20 + [0] * 40)
    alone = compare(write_run(tmp_path / "a", values[0]), write_run(tmp_path / "b", values[1]))
    grouped = compare(write_run(tmp_path / "c", values[0], each=20), write_run(tmp_path / "d", values[1], each=20))
    assert alone.p < 0.001 and grouped.p == 1.0 and grouped.groups == 4
    assert "better on these data" in alone.sentence and "no difference can be claimed" in grouped.sentence
    one = compare(write_run(tmp_path / "e", values[0], each=99), write_run(tmp_path / "f", values[1], each=99))
    assert one.low is None and "about one picture" in one.sentence


def test_other_sample_sets_are_compared_on_what_is_common_and_said(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", numbered([1, 1, 0, None, "failed", 1]))
    b = write_run(tmp_path / "b", numbered([1, 0, 0, 1, 1]) | {"other": 1})
    found = compare(a, b)
    assert found.n == 4 and (found.only_a, found.only_b) == (1, 1)
    assert "5 are common and compared, 2 are in one only" in found.notes[0]
    assert "1 common samples are left out" in found.notes[1]


def test_other_versions_tasks_and_answers_are_refused(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", numbered([1, 0]))
    with pytest.raises(ConfigError, match="version of the task is 1 and 2"):
        compare(a, write_run(tmp_path / "b", numbered([1, 0]), version=2))
    with pytest.raises(ConfigError, match="task is made up and other"):
        compare(a, write_run(tmp_path / "c", numbered([1, 0]), task="other"))
    with pytest.raises(ConfigError, match="other right answers"):
        compare(a, write_run(tmp_path / "d", numbered([1, 0]), target="y"))
    with pytest.raises(ConfigError, match="no answered sample in common"):
        compare(a, write_run(tmp_path / "e", {"z": 1}))
    with pytest.raises(ConfigError, match="accuracy"):
        compare(a, a, metric="acuracy")
    with pytest.raises(TaskError, match="no blind records"):
        compare(a, f"{a}:blind")


def test_a_run_is_compared_with_its_own_baseline(
    tmp_path: Path, named: Callable[..., list[Sample]], naming: Any, reader: Any
) -> None:
    run(tmp_path / "run", Plan(naming), named(40), reader())
    found = compare(tmp_path / "run", f"{tmp_path / 'run'}:blind")
    assert (found.a, found.b, found.only_a) == (1.0, 0.25, 30) and "A is better" in found.sentence


def test_following_and_robustness_are_read_from_runs(tmp_path: Path) -> None:
    plain = write_run(tmp_path / "plain", numbered([1, 1, 1, 0]))
    remapped = write_run(tmp_path / "remapped", numbered([1, 0, 1, 0]), remap="roman")
    corrupted = write_run(tmp_path / "corrupted", numbered([1, 1, 0, 0.5]), corrupt="noise")
    found = following(plain, remapped)
    assert (found["accuracy"], found["accuracy_remapped"], found["match_ratio"]) == (0.75, 0.5, 0.75)
    kept = robustness(plain, corrupted)
    assert kept["chance"] == 0.5 and kept["relative_robustness"] == pytest.approx((0.625 - 0.5) / 0.25)
    with pytest.raises(ConfigError, match="--remap"):
        following(plain, corrupted)
    with pytest.raises(ConfigError, match="--corrupt"):
        robustness(plain, remapped)
