"""The losses of the scene stream say what they should, and fall."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lamm_core.modalities.perception.scene import Scene, SceneStream
from lamm_core.modalities.perception.trunk import BOTTOM_BLOCKS, Trunk, build_lite0, pixels_to_input
from lamm_core.names import OBJECTS
from lamm_core.training.perception_data import UNKNOWN, Labelled
from lamm_core.training.perception_scene import detection_loss, joint_loss


def labelled(*boxes: tuple[float, float, float, float], labels: tuple[int, ...]) -> Labelled:
    picture = Image.new("RGB", (64, 64), (40, 60, 40))
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, (240, 200, 30))
    return Labelled(picture, np.asarray(boxes, dtype=np.float32).reshape(-1, 4), labels)


def made(cells: int = 4, *, objectness: float = 0.0) -> Scene:
    """A scene with equal logits everywhere and full-size boxes."""
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0])
    return Scene(
        torch.zeros(1, 10), torch.zeros(1, 1280), torch.zeros(1, 128, cells, cells),
        torch.full((1, cells, cells), objectness), whole.expand(1, cells, cells, 4).clone(),
        torch.zeros(1, len(OBJECTS), cells, cells), torch.zeros(1, 14, cells, cells),
    )  # fmt: skip


def test_the_right_box_costs_nothing_and_a_wrong_one_more() -> None:
    item = labelled((0, 0, 64, 64), labels=(2,))
    right = detection_loss(made(), [item])
    assert right["box"] == pytest.approx(0.0, abs=1e-5)
    assert right["class"] == pytest.approx(np.log(len(OBJECTS)), rel=1e-4)
    scene = made()
    scene.boxes[..., 2] = 0.5
    assert detection_loss(scene, [item])["box"] == pytest.approx(1.0, rel=1e-4)  # half covered, times two


def test_an_unknown_class_teaches_its_box_and_no_class() -> None:
    losses = detection_loss(made(), [labelled((8, 8, 40, 40), labels=(UNKNOWN,))])
    assert losses["class"] == 0 and losses["box"] > 0


def test_a_picture_without_objects_only_teaches_what_is_empty() -> None:
    quiet, loud = (detection_loss(made(objectness=value), [labelled(labels=())]) for value in (-8.0, 3.0))
    assert quiet["centre"] < 1e-4 < loud["centre"]
    assert quiet["box"] == quiet["class"] == 0


def test_background_counts_less_where_not_everything_is_annotated() -> None:
    item = labelled(labels=())
    sparse = Labelled(item.picture, item.boxes, (), exhaustive=False)
    assert detection_loss(made(), [sparse])["centre"] == pytest.approx(0.1 * detection_loss(made(), [item])["centre"])


def test_joints_outside_the_crop_cost_nothing() -> None:
    joints = np.full((14, 2), -5, dtype=np.float32)
    item = labelled(labels=())
    outside = Labelled(item.picture, item.boxes, (), joints)
    assert joint_loss(made(), [outside]) == 0
    joints = joints.copy()
    joints[3] = (40, 24)
    scene = made()
    before = joint_loss(scene, [Labelled(item.picture, item.boxes, (), joints)])
    scene.joints[0, 3, 1, 2] = 30.0  # the cell that holds (40, 24)
    after = joint_loss(scene, [Labelled(item.picture, item.boxes, (), joints)])
    assert after == pytest.approx(0.0, abs=1e-3) and before > 0.8


@pytest.mark.slow
def test_one_picture_can_be_learned_by_heart() -> None:
    torch.manual_seed(0)
    bottom = Trunk(build_lite0(), 0, BOTTOM_BLOCKS, stem=True).requires_grad_(False)
    stream = SceneStream(None).train()
    item = labelled((6, 10, 30, 50), labels=(5,))
    with torch.no_grad():
        low = bottom(pixels_to_input(torch.from_numpy(np.asarray(item.picture)[None].copy())))[-1]
    optimiser = torch.optim.AdamW([value for value in stream.parameters() if value.requires_grad], 2e-3)
    sums = []
    for _ in range(30):
        losses = detection_loss(stream(low), [item])
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        sums.append(total.item())
    assert sums[-1] < 0.3 * sums[0]
