"""The contract, for every modality in the list and every encoder that can be built without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lamm_core.errors import ConfigError, MediaError
from lamm_core.modalities import MODALITIES, Encoder, modality, modality_of
from lamm_core.modalities import image_encoders as image_encoders_module
from lamm_core.modalities.perception import encoder as perception_module
from lamm_core.pointclouds.cloud import PointCloud


@dataclass(frozen=True)
class Case:
    """One encoder with random weights: a file of its modality, another opened medium, and odd ones."""

    modality: str
    encoder: Encoder
    file: Path
    other: Any
    odd: tuple[Any, ...]


def image_case(encoder: Encoder, file: Path) -> Case:
    sizes = ((1, 1), (3, 4000), (4000, 3), (301, 200))
    return Case("image", encoder, file, Image.new("RGB", (30, 25)), tuple(Image.new("RGB", size) for size in sizes))


def cloud_case(encoder: Encoder, file: Path, make_cloud: Callable[..., PointCloud]) -> Case:
    def cloud(*points: tuple[float, float, float]) -> PointCloud:
        return PointCloud(np.asarray(points, np.float32), "npy")

    point = (0.1, 0.2, 0.3)
    odd = (
        cloud(point),
        cloud(*[point] * 50),
        cloud(*((0.01 * place, 0.0, 0.0) for place in range(500))),
        cloud(point, (float("nan"), 0, 0), (0, float("inf"), 0)),
        cloud((-1e7, 0, 0), (1e7, 1e7, -1e7), point, (0, 0, 0)),
        make_cloud(40, coloured=False),
    )
    return Case("pointcloud", encoder, file, make_cloud(500, seed=1), odd)


@pytest.fixture(
    params=[
        "image/efficientnet-lite0",
        "image/hub",
        "image/perception",
        "pointcloud/point-groups",
        "pointcloud/epcl",
        "sound/spectrogram",
    ]
)
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Every encoder; "sound" is the example of docs/adding-a-modality.md."""
    kind, name = request.param.split("/")
    torch.manual_seed(0)
    if kind == "sound":
        request.getfixturevalue("example")
        sounds = tuple((np.zeros(count), rate) for count, rate in ((1, 8000), (4000, 8000), (44100, 44100)))
        encoder = modality("sound").build_encoder(name, {}, tmp_path)
        return Case("sound", encoder, request.getfixturevalue("sound_file"), sounds[1], sounds)
    if kind == "pointcloud":
        options = {"checkpoint": str(request.getfixturevalue("epcl_file"))} if name == "epcl" else {"groups": 32}
        encoder = modality("pointcloud").build_encoder(name, options, tmp_path)
        return cloud_case(encoder, request.getfixturevalue("cloud_file"), request.getfixturevalue("make_cloud"))
    picture = request.getfixturevalue("picture")
    if name == "hub":
        folder = request.getfixturevalue("tiny_clip_folder")
        return image_case(modality("image").build_encoder(f"hub:{folder}", {}, tmp_path), picture)
    from efficientnet_lite_pytorch import EfficientNet

    save_file(EfficientNet.from_name("efficientnet-lite0").state_dict(), tmp_path / "model.safetensors")
    for module in (image_encoders_module, perception_module):
        monkeypatch.setattr(module, "fetch", lambda name, cache: cache)
    return image_case(modality("image").build_encoder(name, {}, tmp_path), picture)


@pytest.mark.parametrize("one", MODALITIES, ids=lambda one: one.name)
def test_a_modality_has_every_field(one: Any) -> None:
    assert one.name.isidentifier()  # it names folders, modules and adapters
    assert one.placeholder == f"<{one.name}>"
    assert one.suffixes and all(suffix.startswith(".") and suffix == suffix.lower() for suffix in one.suffixes)
    assert isinstance(one.viewer, str) and one.viewer
    assert modality(one.name) is one


def test_names_placeholders_and_suffixes_are_unique() -> None:
    for values in (
        [one.name for one in MODALITIES],
        [one.placeholder for one in MODALITIES],
        [suffix for one in MODALITIES for suffix in one.suffixes],
    ):
        assert len(set(values)) == len(values)


def test_an_unknown_modality_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'image'"):
        modality("images")


def test_a_file_belongs_to_the_modality_that_names_its_suffix() -> None:
    found = [modality_of(Path(name)).name for name in ("a.JPG", "b.ply", "c.LAZ", "d.npy", "photo", "e.unknown")]
    assert found == ["image", "pointcloud", "pointcloud", "pointcloud", "image", "image"]


@pytest.mark.parametrize("one", MODALITIES, ids=lambda one: one.name)
def test_what_cannot_be_opened_is_said_with_the_files_name(one: Any, tmp_path: Path) -> None:
    (tmp_path / f"empty{one.suffixes[0]}").write_bytes(b"")
    (tmp_path / f"noise{one.suffixes[0]}").write_bytes(bytes(range(128, 256)) * 4)
    for name in ("empty", "noise", "missing"):
        with pytest.raises(MediaError) as error:
            one.load(tmp_path / f"{name}{one.suffixes[0]}")
        assert name in str(error.value) and str(tmp_path) not in str(error.value)


def test_an_encoder_keeps_the_contract(case: Case) -> None:
    encoder = case.encoder
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, torch.nn.Module) and not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    prepared = encoder.prepare(modality(case.modality).load(case.file))
    assert prepared.device.type == "cpu"
    alone = encoder.encode([prepared])
    together = encoder.encode([prepared, encoder.prepare(case.other)])
    assert len(together) == 2
    assert alone[0].shape == (len(alone[0]), encoder.width)
    torch.testing.assert_close(together[0], alone[0], atol=1e-5, rtol=1e-4)
    assert together[1].shape != alone[0].shape or not torch.allclose(together[1], alone[0])


def test_a_fingerprint_is_stable_and_follows_the_weights(case: Case) -> None:
    before = case.encoder.fingerprint()
    assert case.encoder.fingerprint() == before
    tensor = next(iter(case.encoder.state_dict().values()))  # type: ignore[attr-defined]
    original = tensor.clone()
    tensor[0] += 1
    assert case.encoder.fingerprint() != before
    tensor.copy_(original)
    assert case.encoder.fingerprint() == before


def test_odd_media_are_prepared_for_one_batch(case: Case) -> None:
    usual = case.encoder.prepare(case.other)
    for medium in case.odd:
        first, second = case.encoder.encode([case.encoder.prepare(medium), usual])
        assert len(first) >= 1 and first.shape[1] == second.shape[1] == case.encoder.width
        assert torch.isfinite(first).all()


@pytest.mark.parametrize("name", ["image", "pointcloud"])
def test_an_unknown_encoder_is_refused_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    for ask in (lambda wanted: modality(name).build_encoder(wanted, {}, tmp_path), modality(name).memory):
        with pytest.raises(ConfigError, match=r"There is no .*encoder.* called 'nothing'.*Known: "):
            ask("nothing")


@pytest.mark.parametrize(
    ("name", "encoder", "known"),
    [("image", "hub:{clip}", "layer"), ("pointcloud", "point-groups", "groups"), ("pointcloud", "epcl", "checkpoint")],
)
def test_unknown_options_are_refused(
    name: str, encoder: str, known: str, tiny_clip_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"no option 'layers'\. Known: .*{known}"):
        modality(name).build_encoder(encoder.format(clip=tiny_clip_folder), {"layers": 3}, tmp_path)
