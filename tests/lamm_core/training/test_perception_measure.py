"""The figures of the encoder are what their names say."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lamm_core.modalities.perception.scene import Scene
from lamm_core.names import OBJECTS
from lamm_core.training import perception_measure
from lamm_core.training.perception_data import UNKNOWN, Annotated, Small
from lamm_core.training.perception_measure import box_recall, class_accuracy, joints_near, overlaps


def test_overlaps_are_counted_cells() -> None:
    rng = random.Random(0)
    boxes = [(x, y, x + rng.randint(1, 9), y + rng.randint(1, 9)) for x in range(0, 12, 4) for y in range(0, 12, 4)]
    cells = [{(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])} for b in boxes]
    expected = [[len(a & b) / len(a | b) for b in cells] for a in cells]
    array = np.asarray(boxes, dtype=float)
    np.testing.assert_allclose(overlaps(array, array), expected)
    assert overlaps(array, np.zeros((0, 4))).shape == (9, 0)


class Told:
    """Stands where a stream stands: says the same about every picture."""

    def __init__(self, count: int) -> None:
        self.scene = Scene(
            torch.eye(10)[[2] * count], torch.empty(0), torch.empty(0), torch.full((count, 4, 4), -9.0),
            torch.zeros(count, 4, 4, 4), torch.zeros(count, len(OBJECTS), 4, 4), torch.full((count, 14, 4, 4), -30.0),
        )  # fmt: skip

    def __call__(self, low: torch.Tensor) -> Scene:
        return self.scene


def identity(inputs: torch.Tensor) -> list[torch.Tensor]:
    return [inputs]


def test_recall_counts_boxes_found_and_boxes_named(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    told = Told(1)
    told.scene.objectness[0, 0, 0] = told.scene.objectness[0, 3, 3] = 4.0
    told.scene.boxes[0, 0, 0] = torch.tensor([0.0, 0.0, 0.4, 0.4])
    told.scene.boxes[0, 3, 3] = torch.tensor([0.5, 0.5, 1.0, 1.0])
    told.scene.object_class[0, 7, 0, 0] = told.scene.object_class[0, 9, 3, 3] = 5.0
    boxes = np.asarray([[0, 0, 0.4, 0.35], [0.5, 0.5, 1, 1], [0.4, 0, 0.9, 0.4], [0.5, 0.5, 1, 0.9]], dtype=np.float32)
    item = Annotated(tmp_path / "a.png", boxes, (7, 3, 7, UNKNOWN))
    found, named = box_recall(told, identity, [item])  # type: ignore[arg-type]
    assert (found, named) == (pytest.approx(3 / 4), pytest.approx(1 / 3))
    assert box_recall(told, identity, []) == (0.0, 0.0)  # type: ignore[arg-type]


def test_joints_are_near_within_a_tenth_of_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    told = Told(1)
    told.scene.joints[0, :, 2, 1] = 30.0  # the middle of that cell: (0.375, 0.625)
    joints = np.full((14, 2), 0.9, dtype=np.float32)
    joints[0], joints[1], joints[2] = (0.375, 0.625), (0.45, 0.625), (0.45, 0.7)
    item = Annotated(tmp_path / "a.png", np.zeros((0, 4), np.float32), (), joints)
    assert joints_near(told, identity, [item]) == pytest.approx(2 / 14)  # type: ignore[arg-type]


def test_class_accuracy_goes_through_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perception_measure, "BATCH", 2)
    small = Small(np.zeros((6, 32, 32, 3), np.uint8), np.asarray([2, 2, 1, 2, 0, 9], np.uint8))

    def name(inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.shape[1:] == (3, 40, 40)
        return Told(2)(inputs).picture_class

    assert class_accuracy(name, small, 40) == pytest.approx(3 / 6)
