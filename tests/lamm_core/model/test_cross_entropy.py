"""Cross entropy in chunks is cross entropy: the same loss and gradient, whatever the chunk and the head."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from lamm_core.model.cross_entropy import chunk_rows, cross_entropy
from lamm_core.model.language import head_logits


@pytest.fixture
def model(tiny_lm_folder: Path) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32).requires_grad_(False)


@pytest.mark.parametrize("rows", [1, 4, 11, 1000])
@pytest.mark.parametrize("cap", [None, 5.0])
def test_loss_and_gradient_are_those_of_all_logits_at_once(
    model: PreTrainedModel, rows: int, cap: float | None
) -> None:
    model.config.final_logit_softcapping = cap  # as Gemma 2 bends its logits
    torch.manual_seed(0)
    plain = torch.randn(11, 64, requires_grad=True)
    ours = plain.detach().clone().requires_grad_()
    targets = torch.randint(0, 300, (11,))
    expected = torch.nn.functional.cross_entropy(head_logits(model, plain), targets)
    loss = cross_entropy(model, ours, targets, rows=rows)
    (expected * 0.25).backward()
    (loss * 0.25).backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours.grad, plain.grad)
    with torch.no_grad():
        torch.testing.assert_close(cross_entropy(model, ours, targets, rows=rows), expected)


def test_a_head_that_learns_gets_its_gradient(model: PreTrainedModel) -> None:
    head = model.get_output_embeddings()
    head.weight.requires_grad_()
    cross_entropy(model, torch.randn(5, 64), torch.arange(5), rows=2).backward()
    assert head.weight.grad is not None and head.weight.grad.abs().sum() > 0


def test_a_chunk_has_at_least_one_row() -> None:
    assert chunk_rows(10**9, "cpu") == 1
    assert chunk_rows(49_152, "cpu") == 85
    assert chunk_rows(32_000, "cuda") == 2097
