"""Point groups: what is put into them, what changes their tokens and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lamm_core.errors import ConfigError, MediaError, WeightsError
from lamm_core.modalities.pointcloud import POINTCLOUD
from lamm_core.modalities.pointcloud.groups import WEIGHTS, PointGroups, build_point_groups, waves
from lamm_core.pointclouds.cloud import PointCloud

MakeCloud = Callable[..., PointCloud]


@pytest.fixture
def encoder() -> PointGroups:
    torch.manual_seed(0)
    return PointGroups(groups=48).eval()


def tokens(encoder: PointGroups, cloud: PointCloud) -> torch.Tensor:
    with torch.no_grad():
        return encoder.encode([encoder.prepare(cloud)])[0]


def test_a_group_begins_with_its_centre_and_holds_what_is_nearest(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    groups = encoder.prepare(make_cloud())
    assert groups.shape == (48, 32, 8) and groups.dtype == torch.float32
    distance = (groups[..., :3] - groups[:, :1, :3]).norm(dim=-1)
    assert float(distance[:, 0].max()) == 0
    assert bool((distance.diff(dim=1) >= -1e-6).all())


def test_groups_lie_all_over_the_cloud_and_overlap(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    groups = encoder.prepare(cloud).numpy()
    gap = np.linalg.norm(cloud.xyz[:, None] - groups[:, 0, :3], axis=2).min(axis=1)
    assert gap.max() < 0.2  # 48 on a square metre
    reached = np.unique(groups[..., :3].reshape(-1, 3), axis=0)
    assert 0.6 * 48 * 16 < len(reached) < 48 * 32


def test_heights_count_from_the_table(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    raised = replace(cloud, xyz=cloud.xyz + np.float32([0, 0, 0.75]))
    groups = encoder.prepare(raised)
    z, height = groups[..., 2], groups[..., 3]
    assert float((height - (z - 0.75)).abs().max()) < 0.01
    for level in (0.0, 0.2, 0.3):
        assert bool(((height - level).abs() < 0.015).any())


def test_colours_of_any_range_are_shares_and_a_flag_says_where_there_are_none(
    encoder: PointGroups, make_cloud: MakeCloud
) -> None:
    bytes_of = make_cloud()
    assert bytes_of.colours is not None
    shares = replace(bytes_of, colours=bytes_of.colours.astype(np.float32) / 255)
    torch.testing.assert_close(encoder.prepare(bytes_of), encoder.prepare(shares), atol=1e-5, rtol=0)
    assert float(encoder.prepare(bytes_of)[..., 7].min()) == 1
    assert float(encoder.prepare(make_cloud(coloured=False))[..., 4:].abs().max()) == 0


def test_a_cloud_without_colours_is_not_a_black_one(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    plain = encoder.prepare(make_cloud(coloured=False))
    black = plain.clone()
    black[..., 7] = 1
    with torch.no_grad():
        first, second = encoder.encode([plain, black])
    assert not torch.allclose(first, second, atol=1e-3)


def test_colours_change_the_tokens(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    assert cloud.colours is not None
    other = replace(cloud, colours=cloud.colours[:, ::-1])
    assert not torch.allclose(tokens(encoder, cloud), tokens(encoder, other), atol=1e-3)


def test_a_shuffled_file_gives_the_same_tokens(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    shuffled = cloud.take(np.random.default_rng(3).permutation(len(cloud)))
    torch.testing.assert_close(tokens(encoder, shuffled), tokens(encoder, cloud), atol=1e-5, rtol=1e-4)


def test_repeated_points_change_nothing(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    doubled = cloud.take(np.tile(np.arange(len(cloud)), 3))
    torch.testing.assert_close(tokens(encoder, doubled), tokens(encoder, cloud), atol=1e-5, rtol=1e-4)


def test_tokens_tell_where_a_cloud_is_and_how_large(encoder: PointGroups, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    here = tokens(encoder, cloud)
    for other in (cloud.xyz + np.float32([0.5, 0, 0]), cloud.xyz * np.float32(2)):
        assert not torch.allclose(tokens(encoder, replace(cloud, xyz=other)), here, atol=1e-2)


def test_waves_are_exact_far_from_the_origin() -> None:
    far, near = waves(torch.tensor([[1024.0 + 0.0625]])), waves(torch.tensor([[0.0625]]))
    assert far.shape == (1, 20)
    torch.testing.assert_close(
        far[:, 9], torch.tensor([1024.0625 % 51.2 / 51.2 * 2 * torch.pi]).sin(), atol=1e-4, rtol=0
    )
    assert bool((near.abs() <= 1).all())


def test_a_gradient_reaches_every_weight(make_cloud: MakeCloud) -> None:
    torch.manual_seed(0)
    encoder = PointGroups(groups=16)
    prepared = [encoder.prepare(make_cloud(400)), encoder.prepare(make_cloud(400, coloured=False))]
    torch.stack(encoder.encode(prepared)).square().sum().backward()
    silent = [name for name, one in encoder.named_parameters() if one.grad is None or not bool(one.grad.any())]
    assert silent == []


def test_trained_weights_are_taken_from_a_folder(tmp_path: Path, encoder: PointGroups, make_cloud: MakeCloud) -> None:
    save_file(encoder.state_dict(), tmp_path / WEIGHTS)
    again = build_point_groups({"groups": 48, "weights": str(tmp_path)}, tmp_path)
    assert again.fingerprint() == encoder.fingerprint()
    assert torch.equal(tokens(again, make_cloud()), tokens(encoder, make_cloud()))
    assert build_point_groups({"groups": 47, "weights": str(tmp_path)}, tmp_path).fingerprint() != again.fingerprint()


def test_weights_that_are_missing_or_of_another_encoder_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is missing"):
        build_point_groups({"weights": str(tmp_path)}, tmp_path)
    save_file({"other": torch.zeros(2)}, tmp_path / WEIGHTS)
    with pytest.raises(WeightsError, match="does not fit the encoder 'point-groups'"):
        build_point_groups({"weights": str(tmp_path)}, tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="does not fit the encoder 'point-groups'"):
        build_point_groups({"weights": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize("groups", [0, -3, 2.5, "many"])
def test_a_count_of_groups_that_is_none_is_refused(groups: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a whole number above 0"):
        build_point_groups({"groups": groups}, tmp_path)


def test_a_cloud_without_a_single_position_is_refused(encoder: PointGroups) -> None:
    nowhere = PointCloud(np.full((3, 3), np.nan, np.float32), "ply")
    with pytest.raises(MediaError, match="3 points, none of them with finite coordinates"):
        encoder.prepare(nowhere)


def test_the_memory_is_that_of_the_weights(encoder: PointGroups) -> None:
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    assert POINTCLOUD.memory("point-groups") == pytest.approx(4 * weights, rel=0.01)
