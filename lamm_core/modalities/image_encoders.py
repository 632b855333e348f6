"""Frozen image encoders that others trained: EfficientNet-Lite0 and the vision encoders of the hub.

Does not know how a file becomes a picture. Legend: B pictures, n tokens of one picture, C channels of one token.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lamm_core.backbones import fetch
from lamm_core.errors import ConfigError, WeightsError
from lamm_core.modalities.fingerprint import fingerprint

__all__ = ["EfficientNetEncoder", "HubEncoder", "build_efficientnet", "build_hub_encoder", "hub_encoder_bytes"]

Module = TypeVar("Module", bound=nn.Module)
# OpenAI's CLIP, for encoders that come without a preprocessor_config.json.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# Thinner pictures are cropped before they are enlarged: a 1 x 100,000 px strip would fill the memory.
MAX_ASPECT = 20


class EfficientNetEncoder(nn.Module):
    """EfficientNet-Lite0, ImageNet: the whole picture squeezed to 224 px, its 7x7 map of 1280 channels as 49 tokens."""

    width = 1280
    ours = False
    size = 224

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def fingerprint(self) -> str:
        """Hash of weights and preprocessing."""
        return fingerprint(self, {"encoder": "efficientnet-lite0", "size": self.size, "mean": 127, "std": 128})

    def prepare(self, medium: Image.Image) -> Tensor:
        """``(3, 224, 224)`` in about [-1, 1], as the network was trained: (x - 127) / 128."""
        squeezed = medium.resize((self.size, self.size), Image.Resampling.BICUBIC)
        return (channels_first(squeezed) - 127.0) / 128.0

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """``(49, 1280)`` for each picture, row by row."""
        batch = torch.stack(list(prepared)).to(next(self.parameters()).device)
        maps = cast(Any, self.network).extract_features(batch)  # (B, 1280, 7, 7)
        return list(maps.flatten(2).transpose(1, 2).unbind())


class HubEncoder(nn.Module):
    """A vision encoder of the hub: patch tokens of one hidden layer, class and register tokens removed.

    Layer -1 is the last one before the final layer norm, as LAMM took it from CLIP ViT-L/14.
    """

    ours = False

    def __init__(self, network: nn.Module, preprocessing: Mapping[str, Any], *, layer: int = -1) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = dict(preprocessing)
        self.layer = layer
        config = cast(Any, network).config
        self.width: int = config.hidden_size if hasattr(config, "hidden_size") else config.hidden_sizes[-1]
        self.height, self.breadth = crop_size(self.preprocessing, config)

    def fingerprint(self) -> str:
        """Hash of weights and preprocessing."""
        return fingerprint(self, {"layer": self.layer, **self.preprocessing})

    def prepare(self, medium: Image.Image) -> Tensor:
        """``(3, height, width)``: resized, cropped at the centre and normalised as the encoder's processor does."""
        settings = self.preprocessing
        picture = medium
        if settings.get("do_resize", True):
            resample = Image.Resampling(settings.get("resample", Image.Resampling.BICUBIC))
            picture = resize(picture, settings.get("size"), (self.height, self.breadth), resample)
        picture = centre_crop(picture, self.height, self.breadth)
        pixels = channels_first(picture)
        if settings.get("do_rescale", True):
            pixels = pixels * settings.get("rescale_factor", 1 / 255)
        if settings.get("do_normalize", True):
            mean = torch.tensor(settings.get("image_mean", CLIP_MEAN)).view(3, 1, 1)
            std = torch.tensor(settings.get("image_std", CLIP_STD)).view(3, 1, 1)
            pixels = (pixels - mean) / std
        return pixels

    def encode(self, prepared: Sequence[Tensor]) -> list[Tensor]:
        """``(n, C)`` for each picture, row by row."""
        weight = next(self.parameters())
        batch = torch.stack(list(prepared)).to(weight.device, weight.dtype)
        hidden = self.network(pixel_values=batch, output_hidden_states=True).hidden_states[self.layer]
        if hidden.dim() == 4:  # convolutional: (B, C, rows, columns)
            return list(hidden.flatten(2).transpose(1, 2).unbind())
        patch = getattr(cast(Any, self.network).config, "patch_size", None)
        patches = (self.height // patch) * (self.breadth // patch) if isinstance(patch, int) else hidden.shape[1]
        return list(hidden[:, hidden.shape[1] - patches :].unbind())  # class and registers stand first


def build_efficientnet(options: Mapping[str, Any], cache: Path) -> EfficientNetEncoder:
    """EfficientNet-Lite0 with its ImageNet weights. Raises WeightsError and ConfigError."""
    from efficientnet_lite_pytorch import EfficientNet
    from safetensors.torch import load_file

    refuse_options(options, ())
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(load_file(fetch("efficientnet-lite0", cache) / "model.safetensors"))
    network._fc = nn.Identity()  # the classifier is not used
    return frozen(EfficientNetEncoder(network))


def build_hub_encoder(name: str, options: Mapping[str, Any]) -> HubEncoder:
    """The vision encoder in a folder or of a hub id; the option ``layer`` chooses the hidden layer.

    Raises WeightsError and ConfigError.
    """
    from transformers import AutoModel, CLIPVisionModel, SiglipVisionModel

    refuse_options(options, ("layer",))
    config = hub_config(name)
    # The two-tower models would come with their text towers.
    towers = {"clip": CLIPVisionModel, "clip_vision_model": CLIPVisionModel, "siglip": SiglipVisionModel}
    loader: Any = towers.get(config.model_type, AutoModel)
    try:
        network = loader.from_pretrained(
            name,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,  # neither pickles nor programs
        )
    except (OSError, ValueError) as error:
        raise WeightsError(f"The image encoder {name} cannot be loaded: {error}") from error
    network = getattr(network, "vision_model", network)
    return frozen(HubEncoder(network, hub_preprocessing(name), layer=options.get("layer", -1)))


def hub_encoder_bytes(name: str) -> int:
    """Bytes of float32 weights, counted without loading any."""
    from transformers import AutoModel

    config = hub_config(name)
    with torch.device("meta"):
        network = AutoModel.from_config(getattr(config, "vision_config", config), trust_remote_code=False)
    return 4 * sum(int(parameter.numel()) for parameter in network.parameters())


def hub_config(name: str) -> Any:
    """The transformers configuration. Raises WeightsError where there is none."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=False)  # nosec B615 - told apart by fingerprint
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"There is no image encoder {name} here or on the hub. Check its name and the network, or give a folder."
        ) from error


def hub_preprocessing(name: str) -> dict[str, Any]:
    """The encoder's preprocessor_config.json; empty where it has none."""
    from transformers.utils import cached_file

    found = cached_file(name, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    if found is None:
        return {}
    values = json.loads(Path(found).read_text(encoding="utf-8"))
    kept = ("crop_size", "image_mean", "image_std", "resample", "rescale_factor", "size")
    return {key: value for key, value in values.items() if (key in kept or key.startswith("do_")) and value is not None}


def crop_size(preprocessing: Mapping[str, Any], config: Any) -> tuple[int, int]:
    """Height and width of what the network reads."""
    size = preprocessing.get("crop_size") if preprocessing.get("do_center_crop", True) else None
    size = size or preprocessing.get("size") or getattr(config, "image_size", None) or 224
    if isinstance(size, Mapping):
        side = size.get("shortest_edge")
        return (int(side), int(side)) if side else (int(size["height"]), int(size["width"]))
    return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))


def resize(picture: Image.Image, size: Any, target: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    """To a fixed height and width, or so that the shorter edge fits; thinner pictures than 1:20 lose their ends."""
    shortest = size.get("shortest_edge") if isinstance(size, Mapping) else size
    if not isinstance(shortest, int):
        return picture.resize((target[1], target[0]), resample)
    short = min(picture.size)
    picture = centre_crop(picture, min(picture.height, MAX_ASPECT * short), min(picture.width, MAX_ASPECT * short))
    # The longer edge is rounded down, as transformers does.
    return picture.resize(tuple(int(shortest * edge / short) for edge in picture.size), resample)  # type: ignore[arg-type]


def centre_crop(picture: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of a picture; black where the picture is smaller."""
    left, top = math.floor((picture.width - width) / 2), math.floor((picture.height - height) / 2)
    if (left, top, width, height) == (0, 0, picture.width, picture.height):
        return picture
    return picture.crop((left, top, left + width, top + height))


def channels_first(picture: Image.Image) -> Tensor:
    """``(3, height, width)`` float32 of 0-255."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float()


def refuse_options(options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise ConfigError for an option that the encoder does not have."""
    for key in options:
        if key not in known:
            raise ConfigError(f"This image encoder has no option {key!r}. Known: {', '.join(known) or 'none'}.")


def frozen(module: Module) -> Module:
    """In evaluation mode, without gradients."""
    module.requires_grad_(False)
    return module.eval()
