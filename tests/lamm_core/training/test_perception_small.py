"""Batches of small pictures, and the stream that names them."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from lamm_core.modalities.perception.small import SIDE, SmallStream
from lamm_core.training.perception_data import Small
from lamm_core.training.perception_small import SmallSteps, enlarged, small_batch


def test_small_pictures_are_enlarged_and_varied() -> None:
    rng = np.random.default_rng(0)
    small = Small(rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8), np.arange(5, dtype=np.uint8))
    plain = enlarged(small, [1, 3], 128)
    first, labels = small_batch(small, [1, 3], 128, random.Random(0))
    again, _ = small_batch(small, [1, 3], 128, random.Random(1))
    assert plain.shape == first.shape == (2, 3, 128, 128) and labels.tolist() == [1, 3]
    assert not torch.equal(first, again) and float(first.min()) >= -1 and float(first.max()) <= 1


@pytest.mark.slow
def test_two_colours_are_told_apart_by_a_stream_tuned_from_its_first_layer() -> None:
    torch.manual_seed(0)
    pixels = np.zeros((8, 32, 32, 3), np.uint8)
    pixels[4:, ..., 0] = 255
    small = Small(pixels, np.asarray([3] * 4 + [7] * 4, np.uint8))
    stream = SmallStream().train()
    moving = {name: value for name, value in stream.named_parameters() if value.requires_grad}
    assert "trunk.stem.0.weight" in moving and not any("depthwise" in name for name in moving)
    steps = SmallSteps(stream, small, batch=8, seed=0)
    optimiser = torch.optim.AdamW(moving.values(), 3e-4)
    losses = []
    for _ in range(25):
        (loss,) = steps().values()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    stream.eval()
    with torch.no_grad():
        near = stream(enlarged(small, range(8), SIDE))
        far = stream(enlarged(small, range(8), 128))
    torch.testing.assert_close(near, far)  # one colour at any size
    assert not torch.allclose(near[0], near[4])


def test_draws_go_on_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(np.arange(6 * 32 * 32 * 3).reshape(6, 32, 32, 3).astype(np.uint8), np.arange(6, dtype=np.uint8))
    seen: list[list[int]] = []

    class Seeing(SmallStream):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(inputs), 10)

    def watched(small: Small, chosen: list[int], side: int, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append([*chosen, rng.randrange(1000)])
        return torch.zeros(len(chosen), 3, 4, 4), torch.zeros(len(chosen), dtype=torch.long)

    monkeypatch.setattr("lamm_core.training.perception_small.small_batch", watched)
    steps = SmallSteps(Seeing(), small, batch=4, seed=1)
    steps()
    draws = steps.draws()
    draws = {**draws, "left": list(draws["left"])}
    steps()
    again = SmallSteps(Seeing(), small, batch=4, seed=2)
    again.redraw(draws)
    again()
    assert seen[2] == seen[1] != seen[0]
