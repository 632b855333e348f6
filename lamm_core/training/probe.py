"""What a training step takes, measured: forward, backward and optimiser on one batch, and the most memory meanwhile.

Does not know estimates. On CUDA the allocator counts; on the CPU the profiler does, every tensor that is made.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch

from lamm_core.data.collate import Batch
from lamm_core.errors import ConfigError
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from lamm_core.training.optim import build_optimizer, trainable
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["Probed", "probe"]

STEPS = 2  # the optimiser's moments are there from the first step's end on


class Probed(NamedTuple):
    """The peak of all tensors in bytes, weights included, and the seconds of the second step."""

    peak_bytes: int
    step_seconds: float


def probe(recipe: TrainingRecipe, model: LammModel, batch: Batch) -> Probed:
    """Train on the batch as the loop does, and throw away what was learned: the model is no good afterwards.

    Raises ConfigError where memory is short, with what was asked for.
    """
    device = model.device
    standing = sum(one.numel() * one.element_size() for one in (*model.parameters(), *model.buffers()))
    parameters = trainable(model)
    optimizer = build_optimizer(parameters, learning_rate=1e-8, projector_learning_rate=1e-8, weight_decay=0.0)
    bf16 = recipe.precision == "bf16"
    batch = batch.to(device)
    seconds = 0.0
    from lamm_core.training.trainer import batch_loss

    meter = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        meter.start()
    try:
        for _ in range(STEPS):
            began = time.perf_counter()
            with (
                active(model.language_model, batch.modalities),
                torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext(),
            ):
                batch_loss(model, batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds = time.perf_counter() - began
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"The longest sample does not fit into memory: {str(error).splitlines()[0]} Lower batch_size or "
            "max_tokens, or set gradient_checkpointing and quantize."
        ) from error
    if device.type == "cuda":
        return Probed(int(torch.cuda.max_memory_allocated(device)), seconds)
    meter.stop()
    return Probed(standing + _most_allocated(meter), seconds)


def _most_allocated(meter: torch.profiler.profile) -> int:
    """The most bytes that were there at once of all that was made meanwhile."""
    profiler = meter.profiler
    assert profiler is not None and profiler.kineto_results is not None
    events: Any = profiler.kineto_results.events()  # torch's stubs do not know all that they have
    changes = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
    there = most = 0
    for _, change in sorted(changes, key=lambda one: one[0]):
        there += change
        most = max(most, there)
    return most
