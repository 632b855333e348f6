"""Media as small pictures: clouds are drawn, what cannot be opened says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from app.thumbnails import GROUND, cloud_picture, thumbnail


def test_a_cloud_is_seen_from_the_front_and_above_with_the_near_before_the_far() -> None:
    side = np.linspace(-1, 1, 60)
    x, z = (part.ravel() for part in np.meshgrid(side, side))
    near, far = np.stack([x, np.full_like(x, -1), z], 1), np.stack([x, np.full_like(x, 1), z], 1)
    xyz = np.concatenate([near, far]).astype(np.float32)
    rgb = np.array([[255, 0, 0]] * len(x) + [[0, 0, 255]] * len(x), np.uint8)
    pixels = np.asarray(cloud_picture(xyz, rgb)).astype(int)
    red, blue = ((np.abs(pixels - colour).sum(2) < 30) for colour in ([255, 0, 0], [0, 0, 255]))
    assert red.sum() > blue.sum() > 500
    assert np.nonzero(red)[0].mean() > np.nonzero(blue)[0].mean()  # what is nearer is lower
    assert len(np.unique(np.asarray(cloud_picture(xyz, None)))) > 10  # coloured by height


def test_few_points_and_strays_leave_the_cloud_to_be_seen() -> None:
    assert (np.asarray(cloud_picture(np.zeros((1, 3), np.float32), None)) != GROUND).any()
    xyz = np.random.default_rng(0).uniform(-1, 1, (5000, 3)).astype(np.float32)
    xyz[0] = 1e6
    assert (np.asarray(cloud_picture(xyz, None)) != GROUND).any(axis=2).mean() > 0.2


def test_a_file_becomes_a_picture_or_words(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert '<img class="image" src="data:image/jpeg;base64,' in thumbnail(tmp_path / "a.png")
    np.save(tmp_path / "scan.npy", np.random.default_rng(0).uniform(0, 1, (100, 3)).astype(np.float32))
    assert '<img class="pointcloud"' in thumbnail(tmp_path / "scan.npy")
    assert "No such file" in thumbnail(tmp_path / "gone.png")
    (tmp_path / "<b>.ply").write_text("nothing")
    shown = thumbnail(tmp_path / "<b>.ply")
    assert "<b>" not in shown and "expected a cloud" in shown
    assert "written findings" in thumbnail(tmp_path / "one.findings")
