"""A checkpoint is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lamm_core.errors import CheckpointError
from lamm_core.training.checkpoints import list_checkpoints, restore, save
from lamm_core.training.optim import build_optimizer, build_schedule


class Parts:
    """A layer with its optimiser and schedule, one step in."""

    def __init__(self, width: int = 3) -> None:
        torch.manual_seed(0)
        self.layer = nn.Linear(width, 2)
        self.parameters = dict(self.layer.named_parameters())
        self.optimizer = build_optimizer(
            self.parameters, learning_rate=0.1, projector_learning_rate=0.1, weight_decay=0.0
        )
        self.schedule = build_schedule(self.optimizer, kind="linear", warmup=0.0, total_steps=10)

    def step(self) -> None:
        self.layer(torch.ones(1, self.layer.in_features)).square().sum().backward()
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()

    def save(self, run: Path, step: int, keep: int = 2) -> Path:
        return save(
            run,
            step,
            parameters=self.parameters,
            optimizer=self.optimizer,
            schedule=self.schedule,
            save_model=lambda folder: folder.mkdir(),
            keep=keep,
        )

    def restore(self, folder: Path) -> int:
        return restore(folder, parameters=self.parameters, optimizer=self.optimizer, schedule=self.schedule)


def test_what_is_restored_goes_on_bit_for_bit(tmp_path: Path) -> None:
    first, second = Parts(), Parts()
    for _ in range(3):
        first.step()
    assert second.restore(first.save(tmp_path, 3)) == 3
    first.step()
    second.step()
    assert all(torch.equal(first.parameters[name], second.parameters[name]) for name in first.parameters)
    assert first.schedule.get_last_lr() == second.schedule.get_last_lr()


def test_the_newest_are_kept(tmp_path: Path) -> None:
    parts = Parts()
    for step in (1, 2, 10):
        parts.save(tmp_path, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000002", "step-00000010"]


def test_a_save_that_breaks_off_leaves_no_checkpoint(tmp_path: Path) -> None:
    parts = Parts()

    def full_disk(folder: Path) -> None:
        folder.mkdir()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save(
            tmp_path,
            1,
            parameters=parts.parameters,
            optimizer=parts.optimizer,
            schedule=parts.schedule,
            save_model=full_disk,
            keep=2,
        )
    assert list_checkpoints(tmp_path) == []
    parts.save(tmp_path, 2)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]


def test_another_model_is_refused(tmp_path: Path) -> None:
    folder = Parts().save(tmp_path, 1)
    with pytest.raises(CheckpointError, match="weight"):
        Parts(width=4).restore(folder)
