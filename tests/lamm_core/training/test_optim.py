"""The schedule rises and falls as said, and each parameter is in the right group."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamm_core.training.optim import build_optimizer, build_schedule, share_gradients, trainable
from lamm_core.training.recipe import Schedule


def rates(kind: Schedule, *, warmup: float, steps: int) -> list[float]:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = build_schedule(optimizer, kind=kind, warmup=warmup, total_steps=steps)
    found: list[float] = []
    for _ in range(steps):
        found.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return [*found, float(schedule.get_last_lr()[0])]


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_the_rate_rises_to_its_peak_and_falls_to_zero(kind: Schedule) -> None:
    found = rates(kind, warmup=0.1, steps=100)
    assert found[:10] == sorted(found[:10]) and 0 < found[0] < 0.1
    assert found[10] == 1.0
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[-1] == pytest.approx(0.0)


def test_the_two_kinds_fall_differently() -> None:
    assert rates("linear", warmup=0.0, steps=100)[25] == pytest.approx(0.75)
    assert rates("cosine", warmup=0.0, steps=100)[25] == pytest.approx(0.8536, abs=1e-4)


def test_projectors_have_their_own_rate_and_biases_do_not_decay() -> None:
    model = nn.ModuleDict(
        {"projectors": nn.Linear(2, 2), "adapter": nn.Linear(2, 2, bias=False), "base": nn.Linear(2, 2)}
    )
    model["base"].requires_grad_(False)
    parameters = trainable(model)
    assert sorted(parameters) == ["adapter.weight", "projectors.bias", "projectors.weight"]
    optimizer = build_optimizer(parameters, learning_rate=1.0, projector_learning_rate=2.0, weight_decay=0.1)
    groups = {
        name: (group["lr"], group["weight_decay"])
        for name, parameter in parameters.items()
        for group in optimizer.param_groups
        if any(parameter is one for one in group["params"])
    }
    assert groups == {"adapter.weight": (1.0, 0.1), "projectors.weight": (2.0, 0.1), "projectors.bias": (2.0, 0.0)}


def test_a_process_alone_sends_nothing() -> None:
    parameter = nn.Parameter(torch.ones(2))
    assert share_gradients([parameter], [1.5, 0.0]) == [1.5, 0.0]
    assert parameter.grad is None
