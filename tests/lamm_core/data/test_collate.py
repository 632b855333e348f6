"""Batches hold every example once, of one set of adapters, within their budget, in an order that can be had again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamm_core.data.collate import Example, collate, make_example, plan_batches
from lamm_core.data.tokenize import IGNORED, Rendered, Slot

groups = st.lists(st.tuples(st.integers(1, 90), st.sampled_from(["image", "cloud"])), min_size=1, max_size=150)


@given(groups, st.integers(0, 3), st.integers(20, 400), st.none() | st.integers(1, 9))
def test_every_example_is_in_one_batch_within_the_budget(
    found: list[tuple[int, str]], epoch: int, batch_tokens: int, batch_size: int | None
) -> None:
    lengths, kinds = zip(*found, strict=True)
    batches = plan_batches(lengths, kinds, seed=1, epoch=epoch, batch_tokens=batch_tokens, batch_size=batch_size)
    assert sorted(index for batch in batches for index in batch) == list(range(len(found)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= batch_tokens
        assert batch_size is None or len(batch) <= batch_size
        assert len({kinds[index] for index in batch}) == 1


def plan(epoch: int, seed: int = 0) -> list[list[int]]:
    lengths = np.random.default_rng(0).integers(10, 200, size=500).tolist()
    batches = plan_batches(lengths, ["image"] * 500, seed=seed, epoch=epoch, batch_tokens=2000)
    return [batch.tolist() for batch in batches]


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    assert plan(0) == plan(0)
    assert plan(0) != plan(1)
    assert plan(0) != plan(0, seed=1)


def test_sorting_by_length_leaves_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(10, 200, size=2000)
    batches = plan_batches(lengths.tolist(), ["image"] * 2000, seed=0, epoch=0, batch_tokens=2000)
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    assert lengths.sum() / padded > 0.95


def example(name: str, ids: Sequence[int], answer: int, slots: Sequence[Slot], keys: Sequence[str]) -> Example:
    labels = [IGNORED] * answer + list(ids[answer:])
    return make_example(name, Rendered(list(ids), labels, tuple(slots)), [("image", key) for key in keys])


def test_a_batch_puts_tokens_labels_and_features_where_they_belong() -> None:
    long = example("long", [1, 0, 0, 2, 0, 7, 8], 5, [Slot(1, 2, 1), Slot(4, 1, 0)], ["x", "y"])
    short = example("short", [0, 5, 6], 1, [Slot(0, 1, 0)], ["z"])
    stored = {"x": torch.tensor([[1.0]]), "y": torch.tensor([[2.0], [3.0]]), "z": torch.tensor([[4.0]])}
    batch = collate([long, short], 0, lambda modality, keys: torch.cat([stored[key] for key in keys]))
    assert batch.input_ids.tolist() == [[1, 0, 0, 2, 0, 7, 8], [0, 5, 6, 0, 0, 0, 0]]
    ignored = IGNORED
    assert batch.labels.tolist() == [[ignored] * 5 + [7, 8], [ignored, 5, 6] + [ignored] * 4]
    flat = torch.zeros(14, 1).index_copy(0, batch.positions["image"], batch.features["image"])
    assert flat.view(2, 7).tolist() == [[0, 2, 3, 0, 1, 0, 0], [4, 0, 0, 0, 0, 0, 0]]
    assert (batch.label_tokens, batch.tokens, batch.modalities) == (4, 10, ("image",))


def test_what_follows_the_last_label_is_left_out() -> None:
    rendered = Rendered([1, 2, 3, 4], [IGNORED, 2, 3, IGNORED], ())
    assert make_example("a", rendered, []).input_ids.tolist() == [1, 2, 3]
