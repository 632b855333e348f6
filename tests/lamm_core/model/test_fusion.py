"""Media tokens take their places, in any order, and counts that differ are named."""

from __future__ import annotations

import pytest
import torch

from lamm_core.data.tokenize import Slot
from lamm_core.errors import DataError
from lamm_core.model.fusion import splice

TEXT = torch.arange(20.0).reshape(10, 2)


def test_each_medium_replaces_the_rows_of_its_slot_and_no_other() -> None:
    first, second = torch.full((2, 2), -1.0), torch.full((3, 2), -2.0)
    fused = splice(TEXT, [Slot(6, 3, 1), Slot(1, 2, 0)], [first, second], sample_id="a")
    assert torch.equal(fused[1:3], first)
    assert torch.equal(fused[6:9], second)
    text = [0, 3, 4, 5, 9]
    assert torch.equal(fused[text], TEXT[text])


def test_text_alone_passes_unchanged() -> None:
    assert torch.equal(splice(TEXT, [], [], sample_id="a"), TEXT)


def test_gradients_reach_the_features() -> None:
    feature = torch.zeros(2, 2, requires_grad=True)
    splice(TEXT, [Slot(0, 2, 0)], [feature], sample_id="a").sum().backward()
    assert torch.equal(feature.grad, torch.ones(2, 2))  # type: ignore[arg-type]


def test_features_take_the_dtype_of_the_text() -> None:
    fused = splice(TEXT.bfloat16(), [Slot(0, 2, 0)], [torch.zeros(2, 2)], sample_id="a")
    assert fused.dtype == torch.bfloat16


def test_a_count_that_differs_names_sample_modality_and_both_numbers() -> None:
    with pytest.raises(DataError) as error:
        splice(TEXT, [Slot(0, 4, 0)], [torch.zeros(3, 2)], sample_id="coco-17", modalities=["image"])
    for word in ("coco-17", "image", "(3, 2)", "(4, 2)"):
        assert word in str(error.value)


def test_media_without_a_place_are_refused() -> None:
    with pytest.raises(DataError, match="0 places for media and 1 media"):
        splice(TEXT, [], [torch.zeros(3, 2)], sample_id="coco-17")
