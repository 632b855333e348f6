"""EPCL computes what its parts are defined to compute, at the sizes that LAMM used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPEncoder

from lamm_core.modalities.pointcloud import POINTCLOUD
from lamm_core.modalities.pointcloud.epcl import RADIUS, EpclEncoder, build_epcl, first_within
from lamm_core.modalities.pointcloud.epcl_checkpoint import EpclSizes
from lamm_core.pointclouds.cloud import PointCloud

MakeCloud = Callable[..., PointCloud]
LAMM = EpclSizes(((3, 64, 256), (259, 512, 1024)), width=1024, layers=24, place=128, tasks=19)


@pytest.fixture
def encoder(epcl_file: Path, tmp_path: Path) -> EpclEncoder:
    return build_epcl({"checkpoint": str(epcl_file)}, tmp_path)


def tokens(encoder: EpclEncoder, cloud: PointCloud) -> Tensor:
    with torch.no_grad():
        return encoder.encode([encoder.prepare(cloud)])[0]


def test_a_scene_has_256_tokens_of_1024_channels_as_lamm_reads_them(make_cloud: MakeCloud) -> None:
    with torch.device("meta"):  # shapes without 300 million numbers
        encoder = EpclEncoder(LAMM).eval()
    prepared = encoder.prepare(make_cloud(5000))
    assert prepared.shape == (2048, 65, 3)
    with torch.no_grad():
        found = encoder.encode([prepared, prepared])
    assert [tuple(one.shape) for one in found] == [(256, 1024)] * 2
    assert (LAMM.ratio, LAMM.neighbours * LAMM.ratio, RADIUS * LAMM.ratio) == (8, 512, pytest.approx(1.6))
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    assert POINTCLOUD.memory("epcl") == pytest.approx(4 * weights, rel=0.01)


def test_local_centres_are_far_apart_and_their_points_within_20_centimetres(
    encoder: EpclEncoder, make_cloud: MakeCloud
) -> None:
    groups = encoder.prepare(make_cloud())
    assert groups.shape == (64, 65, 3)
    distance = (groups[:, 1:] - groups[:, :1]).norm(dim=-1)
    assert float(distance.max()) <= RADIUS + 1e-6
    apart = torch.cdist(groups[:, 0], groups[:, 0]) + torch.eye(64)
    assert float(apart.min()) > 0.08  # 64 on a square metre


def test_a_shuffled_file_gives_the_same_tokens(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    shuffled = cloud.take(np.random.default_rng(3).permutation(len(cloud)))
    assert torch.equal(tokens(encoder, shuffled), tokens(encoder, cloud))


def test_the_order_of_points_around_a_centre_does_not_matter(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    groups = encoder.prepare(make_cloud())
    mixed = torch.cat([groups[:, :1], groups[:, 1:].flip(1)], 1)
    torch.testing.assert_close(encoder.encode([mixed])[0], encoder.encode([groups])[0], atol=1e-5, rtol=1e-4)


def test_a_moved_scene_has_the_same_features_before_its_places_are_added(
    encoder: EpclEncoder, make_cloud: MakeCloud
) -> None:
    groups = encoder.prepare(make_cloud())
    features, places = encoder._abstract(groups)
    moved, there = encoder._abstract(groups + 1)
    torch.testing.assert_close(moved, features, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(there, places + 1)
    assert not torch.allclose(encoder.encode([groups + 1])[0], encoder.encode([groups])[0], atol=1e-3)


def test_only_40000_points_of_a_large_scan_are_looked_at(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    large = make_cloud(60_000)
    groups = encoder.prepare(large)
    assert groups.shape == (64, 65, 3)
    assert len(np.unique(groups.reshape(-1, 3).numpy(), axis=0)) > 1000


def reference_abstraction(points: Tensor, layers: list[tuple[Tensor, nn.BatchNorm2d]]) -> Tensor:
    """A PointNet++ set abstraction as convolutions over (1, C, M, K) with the largest value over K."""
    for weight, norm in layers:
        points = norm(nn.functional.conv2d(points, weight[:, :, None, None])).relu()
    return points.amax(3)


def test_both_abstractions_are_pointnets_over_balls(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    state, groups = encoder.state_dict(), encoder.prepare(make_cloud())

    def layers(number: int) -> list[tuple[Tensor, nn.BatchNorm2d]]:
        found = []
        for layer in range(2):
            start = f"abstractions.{number}.layers.{layer}"
            norm = nn.BatchNorm2d(len(state[f"{start}.norm.weight"])).eval()
            norm.load_state_dict({name: state[f"{start}.norm.{name}"] for name in norm.state_dict()})
            found.append((state[f"{start}.linear.weight"], norm))
        return found

    centres = groups[:, 0]
    with torch.no_grad():
        offsets = (groups[:, 1:] - centres[:, None]) / RADIUS
        local = reference_abstraction(offsets.permute(2, 0, 1)[None], layers(0))[0].T  # (64, 12)
        expected = []
        for centre in centres[:16]:
            inside = torch.nonzero((centres - centre).norm(dim=1) <= 4 * RADIUS)[:, 0][: 4 * 64]
            joined = torch.cat([(centres[inside] - centre) / (4 * RADIUS), local[inside]], 1)
            expected.append(reference_abstraction(joined.T[None, :, None], layers(1))[0, :, 0])
        features, places = encoder._abstract(groups)
    assert torch.equal(places, centres[:16])
    torch.testing.assert_close(features, torch.stack(expected), atol=1e-4, rtol=1e-4)


def test_the_transformer_is_clips(encoder: EpclEncoder) -> None:
    config = CLIPVisionConfig(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=1)
    theirs = CLIPEncoder(config).eval()
    for layer, block in zip(theirs.layers, encoder.blocks, strict=True):
        weights, biases = block.attn.in_proj_weight.chunk(3), block.attn.in_proj_bias.chunk(3)
        for name, weight, bias in zip("qkv", weights, biases, strict=True):
            projection = getattr(layer.self_attn, f"{name}_proj")
            projection.load_state_dict({"weight": weight, "bias": bias})
        layer.self_attn.out_proj.load_state_dict(block.attn.out_proj.state_dict())
        layer.layer_norm1.load_state_dict(block.ln_1.state_dict())
        layer.layer_norm2.load_state_dict(block.ln_2.state_dict())
        layer.mlp.fc1.load_state_dict(block.c_fc.state_dict())
        layer.mlp.fc2.load_state_dict(block.c_proj.state_dict())
    start = torch.randn(2, 9, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(
            encoder.blocks(start), theirs(inputs_embeds=start).last_hidden_state, atol=1e-4, rtol=1e-4
        )


def test_task_tokens_are_seen_and_not_returned(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    before = tokens(encoder, make_cloud())
    assert before.shape == (16, 64)
    with torch.no_grad():
        encoder.tasks.weight.mul_(-1)
    assert not torch.allclose(tokens(encoder, make_cloud()), before, atol=1e-3)


def test_places_beyond_the_ball_repeat_the_first_within() -> None:
    points = torch.tensor([[0.0, 0, 0], [5, 0, 0], [0.5, 0, 0], [0.9, 0, 0]])
    assert first_within(points, points[:2], 1.0, count=4).tolist() == [[0, 2, 3, 0], [1, 1, 1, 1]]
    assert first_within(points, points[:1], 1.0, count=2).tolist() == [[0, 2]]
    assert first_within(points, points[:1], 9.0, count=99).tolist() == [[0, 1, 2, 3]]


def test_colours_are_left_out_where_the_weights_do_not_read_them(encoder: EpclEncoder, make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    assert torch.equal(encoder.prepare(cloud), encoder.prepare(replace(cloud, colours=None)))
