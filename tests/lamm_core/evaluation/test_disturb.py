"""Disturbed media differ from their originals, always in the same way, and everything that names them follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import ConfigError
from lamm_core.evaluation.disturb import CLOUDS, PICTURES, disturbed
from lamm_core.evaluation.task import group_of
from lamm_core.pointclouds.read import read_cloud


def about(path: Path, modality: str = "image") -> Sample:
    return Sample("one", (Turn("user", "What?", (Media(modality, path),)),), metadata={"scan": str(path), "n": 3})


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_changed_and_still_itself(name: str, picture: Path, tmp_path: Path) -> None:
    (sample,) = disturbed([about(picture)], name, folder=tmp_path / "a")
    copy = sample.media[0].path
    before = np.asarray(Image.open(picture).convert("RGB"), dtype=float)
    after = np.asarray(Image.open(copy), dtype=float)
    assert after.shape == before.shape and 0.5 < np.abs(after - before).mean() < 80
    assert np.corrcoef(after.ravel(), before.ravel())[0, 1] > 0.6
    assert sample.metadata["scan"] == str(copy) and sample.metadata["n"] == 3
    assert group_of(sample) == group_of(about(picture)) == "picture.png"
    (again,) = disturbed([about(picture)], name, folder=tmp_path / "b")
    assert again.media[0].path.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("name", sorted(CLOUDS))
def test_a_cloud_is_changed_and_still_itself(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz, rgb = rng.uniform(0, 1, (400, 3)).astype(np.float32), rng.integers(0, 255, (400, 3)).astype(np.uint8)
    np.savez(tmp_path / "scan.npz", xyz=xyz, rgb=rgb)
    sample = about(tmp_path / "scan.npz", "pointcloud")
    (moved,) = disturbed([sample], name, folder=tmp_path)
    cloud = read_cloud(moved.media[0].path)
    assert len(cloud) == (200 if name == "dropout" else 400) and cloud.colours is not None
    if name == "jitter":
        assert 0 < np.abs(cloud.xyz - xyz).mean() < 0.01
    assert moved.metadata["scan"] == str(moved.media[0].path)
    assert disturbed([sample], name, folder=tmp_path)[0] == moved


def test_a_file_that_does_not_open_is_left_for_the_run_to_tell(picture: Path, tmp_path: Path) -> None:
    missing, damaged = tmp_path / "missing.png", tmp_path / "damaged.png"
    damaged.write_bytes(b"no picture")
    samples = disturbed([about(picture), about(missing), about(damaged)], "blur", folder=tmp_path / "out")
    assert [sample.media[0].path for sample in samples[1:]] == [missing, damaged]
    assert samples[0].media[0].path != picture


def test_a_name_that_fits_nothing_is_refused(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this task shows none"):
        disturbed([about(picture)], "jitter", folder=tmp_path)
    with pytest.raises(ConfigError, match="noise"):
        disturbed([about(picture)], "noize", folder=tmp_path)
