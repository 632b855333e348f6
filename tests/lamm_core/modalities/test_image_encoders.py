"""The image encoders give what their networks and processors give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from lamm_core.errors import WeightsError
from lamm_core.modalities.image import IMAGE
from lamm_core.modalities.image_encoders import EfficientNetEncoder, build_hub_encoder, hub_encoder_bytes


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_efficientnet_gives_its_last_map_row_by_row() -> None:
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    encoder = EfficientNetEncoder(network)
    prepared = encoder.prepare(noise(300, 200))
    with torch.no_grad():
        (tokens,) = encoder.encode([prepared])
        expected = network.extract_features(prepared[None])[0]
    assert tokens.shape == (49, 1280)
    weights = sum(parameter.numel() for name, parameter in network.named_parameters() if not name.startswith("_fc"))
    assert IMAGE.memory("efficientnet-lite0") == pytest.approx(4 * weights, rel=0.02)
    torch.testing.assert_close(tokens[7 * 2 + 3], expected[:, 2, 3])


def test_efficientnet_reads_pixels_as_it_was_trained() -> None:
    encoder = EfficientNetEncoder(torch.nn.Linear(1, 1))
    prepared = encoder.prepare(Image.new("RGB", (50, 20), (127, 255, 0)))
    assert prepared.shape == (3, 224, 224)
    assert [float(channel.unique()) for channel in prepared] == [0.0, 1.0, -127 / 128]


@pytest.mark.parametrize("size", [(48, 40), (31, 77), (224, 224), (20, 20)])
def test_clip_pictures_are_prepared_as_its_processor_does(tiny_clip_folder: Path, size: tuple[int, int]) -> None:
    processor = CLIPImageProcessorPil.from_pretrained(tiny_clip_folder)
    expected = processor(noise(*size), return_tensors="pt")["pixel_values"][0]
    encoder = build_hub_encoder(str(tiny_clip_folder), {})
    torch.testing.assert_close(encoder.prepare(noise(*size)), expected, atol=1e-5, rtol=1e-5)


def test_clip_gives_patches_of_the_last_layer_before_its_norm(tiny_clip_folder: Path) -> None:
    encoder = build_hub_encoder(str(tiny_clip_folder), {})
    network = CLIPVisionModel.from_pretrained(tiny_clip_folder).eval()
    prepared = encoder.prepare(noise(40, 40))
    with torch.no_grad():
        (tokens,) = encoder.encode([prepared])
        hidden = network.encoder(inputs_embeds=network.pre_layrnorm(network.embeddings(prepared[None])))
    assert tokens.shape == (16, 32)
    torch.testing.assert_close(tokens, hidden.last_hidden_state[0, 1:])


def test_another_layer_can_be_chosen_and_changes_the_fingerprint(tiny_clip_folder: Path) -> None:
    last, before = (build_hub_encoder(str(tiny_clip_folder), {"layer": layer}) for layer in (-1, -2))
    prepared = last.prepare(noise(40, 40))
    assert not torch.allclose(last.encode([prepared])[0], before.encode([prepared])[0])
    assert last.fingerprint() != before.fingerprint()


def test_preprocessing_changes_the_fingerprint(tiny_clip_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(tiny_clip_folder, folder)
    before = build_hub_encoder(str(folder), {}).fingerprint()
    assert before == build_hub_encoder(str(tiny_clip_folder), {}).fingerprint()
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "image_mean": [0.5, 0.5, 0.5]}))
    assert build_hub_encoder(str(folder), {}).fingerprint() != before


SMALL: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION: dict[str, Any] = {**SMALL, "image_size": 32, "patch_size": 8}
NETWORKS: dict[str, tuple[Any, int, int]] = {
    "vit": (lambda: ViTModel(ViTConfig(**VISION)), 16, 32),
    "dinov2": (lambda: Dinov2Model(Dinov2Config(**VISION)), 16, 32),
    "siglip": (lambda: SiglipVisionModel(SiglipVisionConfig(**VISION)), 16, 32),
    "clip with its text tower": (lambda: CLIPModel(CLIPConfig(text_config=SMALL, vision_config=VISION)), 16, 32),
    "resnet": (
        lambda: ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")),
        28 * 28,
        16,
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_any_vision_encoder_of_the_hub_gives_a_grid_of_tokens(tmp_path: Path, kind: str) -> None:
    make, tokens, width = NETWORKS[kind]
    make().save_pretrained(tmp_path)
    encoder = build_hub_encoder(str(tmp_path), {})
    (feature,) = encoder.encode([encoder.prepare(noise(50, 60))])
    assert (feature.shape, encoder.width) == ((tokens, width), width)
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    assert hub_encoder_bytes(str(tmp_path)) == 4 * weights


def test_an_encoder_that_is_nowhere_is_named() -> None:
    with pytest.raises(WeightsError, match="no image encoder nobody/nothing"):
        build_hub_encoder("nobody/nothing", {})
