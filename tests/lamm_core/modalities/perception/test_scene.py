"""Boxes and joints as the scene stream writes them."""

from __future__ import annotations

import torch

from lamm_core.modalities.perception.scene import SceneStream, _decode_boxes, cell_centres, joint_positions
from lamm_core.names import JOINTS, MIRRORED_JOINTS, OBJECTS


def test_a_clear_peak_puts_the_joint_in_the_middle_of_its_cell() -> None:
    logits = torch.full((1, 2, 4, 8), -30.0)
    logits[0, 0, 1, 5] = 30.0
    logits[0, 1, 3, 0] = 30.0
    places, peaks = joint_positions(logits)
    torch.testing.assert_close(places[0], torch.tensor([[5.5 / 8, 1.5 / 4], [0.5 / 8, 3.5 / 4]]))
    torch.testing.assert_close(peaks, torch.ones(1, 2))


def test_a_silent_box_head_gives_a_third_of_the_picture_around_the_cell() -> None:
    boxes = _decode_boxes(torch.zeros(1, 4, 3, 5))
    centres = cell_centres(3, 5)
    torch.testing.assert_close((boxes[0, ..., :2] + boxes[0, ..., 2:]) / 2, centres)
    torch.testing.assert_close(boxes[0, ..., 2:] - boxes[0, ..., :2], torch.full((3, 5, 2), 1 / 3))


def test_every_head_speaks_about_the_same_cells() -> None:
    torch.manual_seed(0)
    stream = SceneStream(None).eval()
    with torch.no_grad():
        scene = stream(torch.randn(2, 40, 12, 16))
    assert scene.objectness.shape == (2, 6, 8) and scene.boxes.shape == (2, 6, 8, 4)
    assert scene.object_class.shape == (2, len(OBJECTS), 6, 8) and scene.joints.shape == (2, 14, 6, 8)
    assert scene.picture_class.shape == (2, 10) and scene.pooled.shape == (2, 1280)


def test_mirroring_joints_twice_changes_nothing() -> None:
    assert [MIRRORED_JOINTS[place] for place in MIRRORED_JOINTS] == list(range(len(JOINTS)))
    for name, place in zip(JOINTS, MIRRORED_JOINTS, strict=True):
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert JOINTS[place] == swapped


def test_no_class_is_listed_twice() -> None:
    assert len(set(OBJECTS)) == len(OBJECTS)
