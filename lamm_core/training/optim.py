"""The optimiser, its learning-rate schedule, and gradients summed over processes.

Does not know data, losses or files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lamm_core.training.recipe import Schedule

__all__ = ["build_optimizer", "build_schedule", "share_gradients", "trainable"]

BETAS = (0.9, 0.95)  # LAMM's, and usual for language models


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """What a step changes, by name: projectors and adapters."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def build_optimizer(
    parameters: dict[str, nn.Parameter], *, learning_rate: float, projector_learning_rate: float, weight_decay: float
) -> AdamW:
    """AdamW with a rate of its own for the projectors; biases do not decay."""
    groups = []
    for projector, rate in ((True, projector_learning_rate), (False, learning_rate)):
        members = [one for name, one in parameters.items() if name.startswith("projectors.") == projector]
        for matrices in (True, False):
            chosen = [parameter for parameter in members if (parameter.dim() > 1) == matrices]
            if chosen:
                groups.append({"params": chosen, "lr": rate, "weight_decay": weight_decay if matrices else 0.0})
    return AdamW(groups, betas=BETAS, fused=True)


def build_schedule(optimizer: Optimizer, *, kind: Schedule, warmup: float, total_steps: int) -> LambdaLR:
    """Linear rise over the warm-up share of all steps, then linear or cosine decay to zero."""
    rise = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        left = max(0.0, (total_steps - step) / max(1, total_steps - rise))
        return left if kind == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)

    return LambdaLR(optimizer, factor)


def share_gradients(parameters: Sequence[nn.Parameter], flags: Iterable[float]) -> list[float]:
    """Sum gradients and ``flags`` over all processes, in one message; alone, nothing is sent.

    A parameter that had no gradient anywhere still has none afterwards, so the optimiser leaves it alone.
    """
    flags = list(flags)
    group = torch.distributed
    if not (group.is_available() and group.is_initialized() and group.get_world_size() > 1):
        return flags
    device = parameters[0].device
    has = [float(parameter.grad is not None) for parameter in parameters]
    head = torch.tensor([*flags, *has], device=device)
    pieces: list[Tensor] = [head]
    for parameter in parameters:
        grad = parameter.grad
        pieces.append((torch.zeros_like(parameter) if grad is None else grad).flatten().float())
    flat = torch.cat(pieces)
    group.all_reduce(flat)
    summed = flat[: len(flags)].tolist()
    wanted = flat[len(flags) : len(head)].tolist()
    offset = len(head)
    for parameter, found in zip(parameters, wanted, strict=True):
        size = parameter.numel()
        if found:
            parameter.grad = flat[offset : offset + size].view_as(parameter).to(parameter.dtype)
        offset += size
    return summed
