"""Samples in one batch do not touch: its loss and gradients are those of each sample alone, added up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from rich.progress import Progress

from lamm_core.data.collate import Batch
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from lamm_core.training.optim import trainable
from lamm_core.training.preparation import prepare
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.steps import Plan
from lamm_core.training.trainer import batch_loss, build_model


def learned(model: LammModel, batches: list[Batch]) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss for each labelled token of all batches together, and its gradients."""
    tokens, total = sum(batch.label_tokens for batch in batches), 0.0
    for batch in batches:
        with active(model.language_model, batch.modalities):
            loss = batch_loss(model, batch).loss * (batch.label_tokens / tokens)
            loss.backward()
        total += float(loss.detach())
    found = {name: one.grad.clone() for name, one in trainable(model).items() if one.grad is not None}
    model.zero_grad(set_to_none=True)
    return total, found


def test_a_batch_of_unequal_samples_teaches_what_they_teach_alone(
    make_recipe: Callable[..., TrainingRecipe], tmp_path: Path
) -> None:
    recipe = make_recipe(eval_fraction=0.0, batch_tokens=None, batch_size=6)
    model = build_model(recipe, cache=tmp_path)
    torch.manual_seed(3)
    for name, parameter in trainable(model).items():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)  # zero at first: nothing would come through LoRA
    data = prepare(recipe, model, cache=tmp_path, accelerator=Accelerator(), bars=Progress(disable=True))
    plan = Plan(recipe, data.caches, pad_id=model.prompts.pad_id)
    by_length = sorted(data.train, key=lambda example: len(example.input_ids))
    chosen = by_length[::8]
    assert len({len(example.input_ids) for example in chosen}) > 1
    together, gradients = learned(model, [step.own[0][1] for step in plan.steps(chosen, after=0, last=1)])
    apart, expected = learned(model, [plan.one(example) for example in chosen])
    assert together == pytest.approx(apart, rel=1e-5)
    assert gradients.keys() == expected.keys() and len(gradients) > 10
    for name, gradient in gradients.items():
        torch.testing.assert_close(
            gradient, expected[name], rtol=1e-3, atol=1e-5, msg=lambda text, n=name: f"{n} {text}"
        )
