"""Cross entropy of a frozen head, a chunk of positions at a time: all logits together never exist.

Does not know labels or batches. At 32,000 words the logits of 3,000 positions, in float32 and with their gradient, take
0.8 GB; here they take what one chunk does. As the head learns nothing, the gradient of its input is worked out together
with the loss, while a chunk's logits are still in the processor's cache. Legend: N positions, H hidden width, V words.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from lamm_core.model.language import head_logits

__all__ = ["chunk_rows", "cross_entropy"]

# Values of one chunk's logits: 16 MB on the CPU, which its cache holds; on a GPU enough to keep it busy.
CHUNK_VALUES = {"cpu": 2**22, "cuda": 2**26}


def chunk_rows(vocabulary: int, device: str) -> int:
    """How many positions one chunk has."""
    return max(1, CHUNK_VALUES.get(device, CHUNK_VALUES["cuda"]) // vocabulary)


def cross_entropy(model: PreTrainedModel, hidden: Tensor, targets: Tensor, *, rows: int | None = None) -> Tensor:
    """Mean cross entropy of hidden states ``(N, H)`` against word numbers ``(N,)``, ``rows`` positions at a time."""
    head = model.get_output_embeddings()
    if any(parameter.requires_grad for parameter in head.parameters()):
        return nn.functional.cross_entropy(head_logits(model, hidden), targets)
    rows = rows or chunk_rows(head.weight.shape[0], hidden.device.type)
    return InChunks.apply(hidden, targets, model, rows)


class InChunks(torch.autograd.Function):
    """The loss of each chunk, and at once its gradient."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, model: PreTrainedModel, rows: int) -> Tensor:
        wanted = hidden.requires_grad
        total = hidden.new_zeros((), dtype=torch.float32)
        gradient = torch.empty_like(hidden) if wanted else None
        for start in range(0, len(hidden), rows):
            chunk = hidden[start : start + rows].detach().requires_grad_(wanted)
            with torch.set_grad_enabled(wanted):
                logits = head_logits(model, chunk)
                loss = nn.functional.cross_entropy(logits, targets[start : start + rows], reduction="sum")
                loss = loss / len(hidden)
            if gradient is not None:
                (gradient[start : start + rows],) = torch.autograd.grad(loss, chunk)
            total += loss.detach()
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0].to(gradient.dtype), None, None, None
