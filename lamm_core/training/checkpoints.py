"""Checkpoints of a run: whole or not there, the newest few kept, enough in each to go on as if nothing had happened.

Does not know the training loop. ``checkpoints/step-00000200/`` holds ``training.pt`` (trained tensors, optimiser,
schedule, step) and ``model/``, the folder that the chat loads. Randomness and the order of the data follow from seed
and step alone, so a step number is all there is to keep of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lamm_core.errors import CheckpointError
from lamm_core.model.folders import flush
from lamm_core.training.progress import CHECKPOINTS, TRAINING, list_checkpoints, newest_step

__all__ = ["list_checkpoints", "newest_step", "restore", "save"]


def save(
    run: Path,
    step: int,
    *,
    parameters: Mapping[str, nn.Parameter],
    optimizer: Optimizer,
    schedule: LRScheduler,
    save_model: Callable[[Path], object],
    keep: int,
) -> Path:
    """Write the checkpoint of ``step``, then delete all but the ``keep`` newest and what killed runs left half-done."""
    folder = run / CHECKPOINTS / f"step-{step:08d}"
    for left in (run / CHECKPOINTS).glob(".*"):
        shutil.rmtree(left)
    if (folder / TRAINING).is_file():
        return folder
    partial = folder.with_name(f".{folder.name}.partial")
    partial.mkdir(parents=True)
    values = {
        "step": step,
        "parameters": {name: parameter.detach().cpu() for name, parameter in parameters.items()},
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    save_model(partial / "model")
    with (partial / TRAINING).open("wb") as file:
        torch.save(values, file)
        file.flush()
        os.fsync(file.fileno())
    flush(partial)
    partial.rename(folder)
    flush(folder.parent)
    for old in list_checkpoints(run)[:-keep]:
        # Renamed first: a kill in the middle of the deletion must not leave something that looks whole.
        doomed = old.with_name(f".{old.name}.old")
        old.rename(doomed)
        shutil.rmtree(doomed)
    return folder


def restore(
    folder: Path, *, parameters: Mapping[str, nn.Parameter], optimizer: Optimizer, schedule: LRScheduler
) -> int:
    """Load a checkpoint and return its step. Raises CheckpointError naming what does not fit."""
    values: dict[str, Any] = torch.load(folder / TRAINING, map_location="cpu", weights_only=True)
    saved: dict[str, Tensor] = values["parameters"]
    different = sorted(
        name
        for name in saved.keys() | parameters.keys()
        if name not in saved or name not in parameters or saved[name].shape != parameters[name].shape
    )
    if different:
        raise CheckpointError(
            f"{folder.name} is of another model: {len(different)} tensors differ, the first is {different[0]}. "
            "Go on with the recipe that it was trained with, or choose another run folder."
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved[name])
    optimizer.load_state_dict(values["optimizer"])
    schedule.load_state_dict(values["schedule"])
    return int(values["step"])
