"""The published checkpoint of EPCL is read by its own names, and what is no such file is refused with the reason."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lamm_core.errors import ConfigError, WeightsError
from lamm_core.modalities.pointcloud.epcl import MEAN_COLOUR, build_epcl
from lamm_core.modalities.pointcloud.epcl_checkpoint import EpclSizes
from lamm_core.pointclouds.cloud import PointCloud

MakeCloud = Callable[..., PointCloud]
MakeEpcl = Callable[..., Path]
LAYER = "pre_encoder.layers.1.mlp_module.layer0"
BLOCK = "encoder.clip_vit.transformer.resblocks.1"
# A name of every kind, and what the encoder calls it.
MAPPED = {
    f"{LAYER}.bn.bn.running_var": "abstractions.1.layers.0.norm.running_var",
    "encoder.pos_embed.2.weight": "place.2.weight",
    "encoder.clip_vit.ln_pre.bias": "start.bias",
    f"{BLOCK}.attn.in_proj_weight": "blocks.1.attn.in_proj_weight",
    f"{BLOCK}.attn.out_proj.bias": "blocks.1.attn.out_proj.bias",
    f"{BLOCK}.mlp.c_fc.weight": "blocks.1.c_fc.weight",
    f"{BLOCK}.ln_2.weight": "blocks.1.ln_2.weight",
    "te_encoder.embedding.weight": "tasks.weight",
    "te_encoder.trans.2.bias": "task.2.bias",
}


def test_every_tensor_of_the_encoder_comes_from_the_file(epcl_file: Path, tmp_path: Path) -> None:
    encoder = build_epcl({"checkpoint": str(epcl_file)}, tmp_path)
    published, state = torch.load(epcl_file, weights_only=False)["model"], encoder.state_dict()
    for theirs, ours in MAPPED.items():
        assert torch.equal(state[ours], published[theirs]), theirs
    convolution = published[f"{LAYER}.conv.weight"]
    assert torch.equal(state["abstractions.1.layers.0.linear.weight"], convolution[:, :, 0, 0])
    assert not any(value.is_meta for value in state.values())
    assert not encoder.training and not encoder.ours


def test_sizes_follow_from_the_tensors_and_the_stored_settings(epcl_file: Path, tmp_path: Path) -> None:
    encoder = build_epcl({"checkpoint": str(epcl_file)}, tmp_path)
    assert encoder.sizes == EpclSizes(((3, 8, 12), (15, 24, 64)), 64, 2, 16, 19, centres=64, tokens=16)


def test_without_settings_the_counts_are_lamms(epcl_file: Path, tmp_path: Path) -> None:
    torch.save({"model": torch.load(epcl_file, weights_only=False)["model"]}, epcl_file)
    sizes = build_epcl({"checkpoint": str(epcl_file)}, tmp_path).sizes
    assert (sizes.centres, sizes.tokens, sizes.neighbours) == (2048, 256, 64)


def test_names_of_a_training_on_several_devices_are_the_same_names(make_epcl: MakeEpcl, tmp_path: Path) -> None:
    plain = build_epcl({"checkpoint": str(make_epcl())}, tmp_path).fingerprint()

    def prefix(tensors: dict[str, Tensor]) -> None:
        for name in list(tensors):
            tensors[f"module.{name}"] = tensors.pop(name)

    assert build_epcl({"checkpoint": str(make_epcl(change=prefix))}, tmp_path).fingerprint() == plain


def test_half_precision_becomes_single(make_epcl: MakeEpcl, make_cloud: MakeCloud, tmp_path: Path) -> None:
    def halve(tensors: dict[str, Tensor]) -> None:
        for name in list(tensors):
            if "clip_vit" in name:
                tensors[name] = tensors[name].half()

    encoder = build_epcl({"checkpoint": str(make_epcl(change=halve))}, tmp_path)
    assert encoder.encode([encoder.prepare(make_cloud())])[0].dtype == torch.float32


def test_weights_for_colours_read_them_and_take_the_mean_where_there_are_none(
    make_epcl: MakeEpcl, make_cloud: MakeCloud, tmp_path: Path
) -> None:
    encoder = build_epcl({"checkpoint": str(make_epcl(channels=6))}, tmp_path)
    cloud = make_cloud()
    prepared = encoder.prepare(cloud)
    assert prepared.shape == (64, 65, 6)
    shades = prepared[..., 3:] * 256 + torch.tensor(MEAN_COLOUR)
    assert {tuple(shade) for shade in shades.reshape(-1, 3).round().int().tolist()} == {
        (120, 110, 100), (200, 30, 30), (30, 30, 200),
    }  # fmt: skip
    plain = encoder.prepare(replace(cloud, colours=None))
    assert float(plain[..., 3:].abs().max()) == 0
    assert not torch.allclose(encoder.encode([prepared])[0], encoder.encode([plain])[0], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop(f"{BLOCK}.ln_1.bias"), r"blocks\.1\.ln_1\.bias is missing"),
        (lambda tensors: tensors.pop("te_encoder.embedding.weight"), "lacks tensors of EPCL's input"),
        (lambda tensors: tensors.update({"backbone.conv": torch.zeros(1)}), r"does not have: backbone\.conv"),
        (
            lambda tensors: tensors.update({f"{BLOCK}.mlp.c_fc.bias": torch.zeros(3)}),
            r"blocks\.1\.c_fc\.bias is \(3,\) and should be \(256,\)",
        ),
        (
            lambda tensors: tensors.update({f"{LAYER}.conv.weight".replace("layer0", "layer2"): torch.zeros(1)}),
            r"abstractions\.1\.layers\.2\.linear\.weight is unknown",
        ),
    ],
)
def test_a_tensor_that_is_missing_unknown_or_of_another_shape_is_named(
    make_epcl: MakeEpcl, tmp_path: Path, change: Callable[[dict[str, Tensor]], object], words: str
) -> None:
    with pytest.raises(WeightsError, match=words) as error:
        build_epcl({"checkpoint": str(make_epcl(change=change))}, tmp_path)
    assert str(error.value).startswith("epcl.pth") and "Give epcl_scannet" in str(error.value)


class Trap:
    """Runs code where a file is trusted."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code in the file ran')",)


def test_a_file_that_is_no_checkpoint_is_refused_and_no_code_in_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    with pytest.raises(WeightsError, match="does not exist"):
        build_epcl({"checkpoint": str(path)}, tmp_path)
    path.write_bytes(b"not at all")
    with pytest.raises(WeightsError, match="is not a file of tensors"):
        build_epcl({"checkpoint": str(path)}, tmp_path)
    torch.save({"model": {"a": torch.zeros(1)}, "args": Trap()}, path)
    with pytest.raises(WeightsError, match="is not a file of tensors"):
        build_epcl({"checkpoint": str(path)}, tmp_path)
    for content in ([1, 2], {"model": {"a": 3}}, {"args": argparse.Namespace(a=1)}):
        torch.save(content, path)
        with pytest.raises(WeightsError, match="holds no tensors under 'model'"):
            build_epcl({"checkpoint": str(path)}, tmp_path)


def test_the_file_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs the option 'checkpoint'"):
        build_epcl({}, tmp_path)
