"""Options under other names are declared in the question, read from the answer, and scored by the task itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError
from lamm_core.evaluation.remap import REMAPS, Remapped, codes, meant
from lamm_core.evaluation.task import Task, TaskDefaults


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("digits", ("1", "2", "3", "4")),
        ("roman", ("I", "II", "III", "IV")),
        ("ordinals", ("first", "second", "third", "fourth")),
        ("rotated", ("B", "C", "D", "A")),
    ],
)
def test_each_kind_has_its_codes(kind: str, expected: tuple[str, ...]) -> None:
    assert codes(kind, 4) == expected


@given(st.sampled_from(sorted(REMAPS)), st.integers(2, 26), st.data())
def test_codes_differ_and_each_is_read_back(kind: str, count: int, data: Any) -> None:
    known = codes(kind, count)
    assert len(set(known)) == count
    place = data.draw(st.integers(0, count - 1))
    for said in ("{}", " {}.", "The answer is ({}).", "{}\n"):
        assert meant(said.format(known[place]), known) == place


@given(st.text(max_size=40))
def test_whatever_is_said_is_read_without_complaint(text: str) -> None:
    for kind in REMAPS:
        place = meant(text, codes(kind, 5))
        assert place is None or 0 <= place < 5


def test_several_codes_or_none_mean_nothing() -> None:
    known = codes("roman", 4)
    assert meant("II or III", known) is None and meant("a dog", known) is None
    assert meant("twenty-first", codes("ordinals", 21)) == 20
    assert meant("a big cat", codes("rotated", 4)) is None  # a small letter is no code


def test_a_remapped_task_asks_for_codes_and_scores_what_they_stand_for(
    naming: Any, tmp_path: Path, named: Callable[..., list[Sample]]
) -> None:
    task: Task = Remapped(naming, "roman")
    sample = task.samples(tmp_path, tmp_path, limit=4, seed=0)[1]
    assert "I for 'CAT', II for 'DOG'" in sample.turns[0].text and sample.media
    right, wrong, unread = task.score(sample, "II"), task.score(sample, "IV."), task.score(sample, "It is DOG.")
    assert (right.value, right.answer, right.extraction) == (1.0, "DOG", "code of an option (roman)")
    assert (wrong.value, wrong.answer) == (0.0, "BEE")
    assert (unread.value, unread.answer, unread.extraction) == (None, None, "none")
    assert unread.parts["right"].gained == 0 and task.options(sample) == ("I", "II", "III", "IV")
    assert (task.name, task.version, task.metrics) == (naming.name, naming.version, naming.metrics)


def test_a_task_without_options_and_a_wrong_name_are_refused(naming: Any, tmp_path: Path) -> None:
    class Open(type(naming)):  # type: ignore[misc]
        options = TaskDefaults.options

    with pytest.raises(ConfigError, match="offers no options"):
        Remapped(Open(), "roman").samples(tmp_path, tmp_path, limit=2, seed=0)
    with pytest.raises(ConfigError, match="Did you mean 'roman'"):
        Remapped(naming, "romans")
    with pytest.raises(ConfigError, match="has 30"):
        codes("digits", 30)
