"""The contract, for every modality in the list and every encoder that can be built without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lamm_core.errors import ConfigError
from lamm_core.modalities import MODALITIES, Encoder, modality
from lamm_core.modalities import image_encoders as image_encoders_module
from lamm_core.modalities.perception import encoder as perception_module


@pytest.fixture(params=["efficientnet-lite0", "hub", "perception"])
def image_encoder(
    request: pytest.FixtureRequest, tiny_clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Encoder:
    """The image encoders with random weights."""
    if request.param == "hub":
        return modality("image").build_encoder(f"hub:{tiny_clip_folder}", {}, tmp_path)
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    save_file(EfficientNet.from_name("efficientnet-lite0").state_dict(), tmp_path / "model.safetensors")
    for module in (image_encoders_module, perception_module):
        monkeypatch.setattr(module, "fetch", lambda name, cache: cache)
    return modality("image").build_encoder(request.param, {}, tmp_path)


@pytest.mark.parametrize("one", MODALITIES, ids=lambda one: one.name)
def test_a_modality_has_every_field(one: Any) -> None:
    assert one.name.isidentifier()  # it names folders, modules and adapters
    assert one.placeholder == f"<{one.name}>"
    assert one.suffixes and all(suffix.startswith(".") and suffix == suffix.lower() for suffix in one.suffixes)
    assert isinstance(one.viewer, str) and one.viewer
    assert modality(one.name) is one


def test_names_and_placeholders_are_unique() -> None:
    for field in ("name", "placeholder"):
        values = [getattr(one, field) for one in MODALITIES]
        assert len(set(values)) == len(values)


def test_an_unknown_modality_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'image'"):
        modality("images")


def test_an_encoder_keeps_the_contract(image_encoder: Encoder, picture: Path) -> None:
    assert isinstance(image_encoder, Encoder)
    assert isinstance(image_encoder, torch.nn.Module) and not image_encoder.training
    assert not any(parameter.requires_grad for parameter in image_encoder.parameters())
    prepared = image_encoder.prepare(modality("image").load(picture))
    assert prepared.device.type == "cpu"
    alone = image_encoder.encode([prepared])
    together = image_encoder.encode([prepared, image_encoder.prepare(Image.new("RGB", (30, 25)))])
    assert len(together) == 2
    assert alone[0].shape == (len(alone[0]), image_encoder.width)
    torch.testing.assert_close(together[0], alone[0])
    assert together[1].shape != alone[0].shape or not torch.allclose(together[1], alone[0])


def test_a_fingerprint_is_stable_and_follows_the_weights(image_encoder: Encoder) -> None:
    before = image_encoder.fingerprint()
    assert image_encoder.fingerprint() == before
    parameter = next(image_encoder.parameters())  # type: ignore[attr-defined]
    original = parameter.clone()
    with torch.no_grad():
        parameter[0] += 1
    assert image_encoder.fingerprint() != before
    with torch.no_grad():
        parameter.copy_(original)
    assert image_encoder.fingerprint() == before


@pytest.mark.parametrize("size", [(1, 1), (3, 4000), (4000, 3), (301, 200)])
def test_pictures_of_any_shape_are_prepared_for_one_batch(image_encoder: Encoder, size: tuple[int, int]) -> None:
    first, second = image_encoder.encode([image_encoder.prepare(Image.new("RGB", one)) for one in (size, (60, 60))])
    assert len(first) >= 1 and first.shape[1] == second.shape[1] == image_encoder.width
    assert torch.isfinite(first).all()


def test_unknown_options_are_refused(tiny_clip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no option 'layers'\. Known: layer"):
        modality("image").build_encoder(f"hub:{tiny_clip_folder}", {"layers": 3}, tmp_path)
