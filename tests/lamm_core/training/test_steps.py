"""A step is the same batches however many processes share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lamm_core.data.collate import Example
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.steps import Plan, Step, prefetch

EXAMPLES = [
    Example(str(index), np.arange(3 + index % 5, dtype=np.int32), np.arange(3 + index % 5) > 1, (), ())
    for index in range(50)
]


def plan(process: int = 0, processes: int = 1, *, even: bool = False, **settings: Any) -> Plan:
    values = {"model": "folder", "data": ["a.json"], "batch_tokens": 30, "accumulation": 3, "epochs": 2}
    recipe = TrainingRecipe.from_dict(values | settings)
    return Plan(recipe, {}, pad_id=0, process=process, processes=processes, even=even)


def steps(one: Plan, after: int = 0) -> list[Step]:
    return list(one.steps(EXAMPLES, after=after, last=one.count(EXAMPLES)))


def ids(step: Step) -> dict[int, tuple[str, ...]]:
    return {place: batch.sample_ids for place, batch, _ in step.own}


def test_two_processes_share_out_the_batches_of_one() -> None:
    whole, left, right = steps(plan()), steps(plan(0, 2)), steps(plan(1, 2))
    for together, one, other in zip(whole, left, right, strict=True):
        assert ids(together) == ids(one) | ids(other)
        assert together.label_tokens == one.label_tokens == other.label_tokens
        assert together.label_tokens == sum(batch.label_tokens for _, batch, _ in together.own)


def test_processes_that_divide_a_model_have_equally_many_batches_and_each_counts_once() -> None:
    whole = steps(plan())
    shared = [steps(plan(process, 4, even=True)) for process in range(4)]
    for together, *parts in zip(whole, *shared, strict=True):
        assert {len(part.own) for part in parts} == {1}
        counting = [(place, batch.sample_ids) for part in parts for place, batch, counts in part.own if counts]
        assert sorted(counting) == sorted(ids(together).items())


def test_a_run_that_goes_on_takes_the_steps_that_are_left() -> None:
    assert list(map(ids, steps(plan(), after=4))) == list(map(ids, steps(plan())))[4:]


def test_every_epoch_shows_every_example_once() -> None:
    seen = [name for step in steps(plan()) for _, batch, _ in step.own for name in batch.sample_ids]
    assert sorted(seen) == sorted(2 * [example.sample_id for example in EXAMPLES])


def test_max_steps_decides_alone() -> None:
    assert [step.number for step in steps(plan(max_steps=100))] == list(range(1, 101))


def test_an_error_in_the_prefetching_thread_is_raised_where_steps_are_used(tmp_path: Path) -> None:
    def broken() -> Any:
        yield cast(Step, "first")
        raise OSError("disk gone")

    ready = prefetch(broken())
    assert next(ready) == "first"  # type: ignore[comparison-overlap]
    with pytest.raises(OSError, match="disk gone"):
        next(ready)
