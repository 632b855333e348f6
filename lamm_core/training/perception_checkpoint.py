"""A stream that is being tuned, on disk: enough to go on after a kill as if nothing had happened.

Does not know the loop nor what a step computes. One file for each stream, whole or not there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lamm_core.errors import CheckpointError
from lamm_core.model.folders import flush

__all__ = ["Progressed", "checkpoint_file", "finished", "load", "save"]


@dataclass
class Progressed:
    """How far a stream is: steps, seconds spent, when it was measured last, running means of its losses."""

    step: int = 0
    elapsed: float = 0.0
    evaluated: float = 0.0
    means: dict[str, float] = field(default_factory=dict)


def checkpoint_file(weights: Path) -> Path:
    """Where the checkpoint of the stream lies whose weights go to ``weights``."""
    return weights.with_suffix(".checkpoint")


def save(
    weights: Path,
    progressed: Progressed,
    *,
    stream: nn.Module,
    optimiser: Optimizer,
    average: Mapping[str, Tensor],
    draws: Mapping[str, Any],
    done: bool,
) -> None:
    """Replace the stream's checkpoint; a stream that is ``done`` needs no more than to be known as that."""
    values: dict[str, Any] = {"done": done, "progressed": asdict(progressed)}
    if not done:
        values |= {
            "stream": stream.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": dict(average),
            "draws": dict(draws),
            "torch_random": torch.get_rng_state(),
        }
    file = checkpoint_file(weights)
    partial = file.with_suffix(".checkpoint.partial")
    with partial.open("wb") as out:
        torch.save(values, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, file)
    flush(file.parent)


def finished(weights: Path) -> bool:
    """Whether the stream has been tuned to its end. Raises CheckpointError for a damaged checkpoint."""
    return checkpoint_file(weights).exists() and bool(_read(weights)["done"])


def load(
    weights: Path, *, stream: nn.Module, optimiser: Optimizer, average: dict[str, Tensor]
) -> tuple[Progressed, Mapping[str, Any]] | None:
    """Put a stream back to where its checkpoint was taken; what is returned is how far that is, and its draws.

    None where there is no checkpoint yet. Raises CheckpointError for one that is damaged or of another stream.
    """
    if not checkpoint_file(weights).exists():
        return None
    values = _read(weights)
    try:
        stream.load_state_dict(values["stream"])
        optimiser.load_state_dict(values["optimiser"])
        torch.set_rng_state(values["torch_random"])
        for name, value in average.items():
            value.copy_(values["average"][name])
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{checkpoint_file(weights)} is of another stream ({error}). Start anew in another folder."
        ) from error
    return Progressed(**values["progressed"]), values["draws"]


def _read(weights: Path) -> dict[str, Any]:
    file = checkpoint_file(weights)
    try:
        values: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise CheckpointError(f"{file} is damaged ({error}). Delete it to tune this stream from its start.") from error
    return values
