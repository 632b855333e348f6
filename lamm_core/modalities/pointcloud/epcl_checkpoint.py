"""The published checkpoint of EPCL: which of its tensors make the encoder, under which names of ours, of which sizes.

Does not know what the tensors compute. The file is a detector's (3DETR on ScanNet) with the encoder inside; what it
holds beyond the encoder is passed over. Names and layout are facts about that file.
"""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamm_core.errors import WeightsError

__all__ = ["EpclSizes", "read_published", "require_fit"]

# name in the file -> name of ours
NAMES = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"pre_encoder\.layers\.(\d)\.mlp_module\.layer(\d)\.conv\.weight", r"abstractions.\1.layers.\2.linear.weight"),
        (r"pre_encoder\.layers\.(\d)\.mlp_module\.layer(\d)\.bn\.bn\.(\w+)", r"abstractions.\1.layers.\2.norm.\3"),
        (r"encoder\.pos_embed\.(\d)\.(\w+)", r"place.\1.\2"),
        (r"encoder\.clip_vit\.ln_pre\.(\w+)", r"start.\1"),
        (r"encoder\.clip_vit\.transformer\.resblocks\.(\d+)\.mlp\.(\w+)\.(\w+)", r"blocks.\1.\2.\3"),
        (r"encoder\.clip_vit\.transformer\.resblocks\.(\d+)\.((?:attn|ln_1|ln_2)\..+)", r"blocks.\1.\2"),
        (r"te_encoder\.embedding\.weight", r"tasks.weight"),
        (r"te_encoder\.trans\.(\d)\.(\w+)", r"task.\1.\2"),
    )
)
# CLIP's own picture input and output, and the detector behind the encoder.
PASSED_OVER = re.compile(
    r"encoder\.clip_vit\.(?:class_embedding|positional_embedding|proj|conv1\.weight|ln_post\.\w+)"
    r"|(?:pos_embedding|encoder_to_decoder_projection|query_projection|decoder|mlp_heads)\..+"
)
LISTED = 5
GIVE = "Give epcl_scannet_vit-L-14_256tokens_latest.pth as LAMM's authors released it."


@dataclass(frozen=True)
class EpclSizes:
    """What an EPCL checkpoint decides. ``abstractions`` are the channels of both perceptrons."""

    abstractions: tuple[tuple[int, ...], tuple[int, ...]]
    width: int
    layers: int
    place: int
    tasks: int
    centres: int = 2048
    tokens: int = 256
    neighbours: int = 64

    @property
    def ratio(self) -> int:
        """How many local centres there are for each token; the second ball is so much wider and fuller."""
        return self.centres // self.tokens

    @property
    def coloured(self) -> bool:
        """Whether points come with r g b beside x y z."""
        return self.abstractions[0][0] == 6


def read_published(path: Path) -> tuple[EpclSizes, dict[str, Tensor]]:
    """Sizes and tensors (float32, named as the encoder names them) of a checkpoint file; no code in it is run.

    Raises WeightsError where the file is no such checkpoint, listing names that EPCL does not have.
    """
    try:
        # The training settings lie beside the tensors as an argparse.Namespace, a plain bag of values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path} does not exist. {GIVE}") from error
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise WeightsError(f"{path.name} is not a file of tensors, or is damaged. {GIVE}") from error
    tensors = content.get("model") if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise WeightsError(f"{path.name} holds no tensors under 'model'. {GIVE}")
    state = rename(tensors, path.name)
    return measure(state, content.get("args"), path.name), state


def rename(tensors: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """The encoder's tensors under our names, 1x1 convolutions as matrices. Raises WeightsError for an unknown name."""
    state: dict[str, Tensor] = {}
    unknown = []
    for key, value in tensors.items():
        name = key.removeprefix("module.")
        found = next((pattern.sub(ours, name) for pattern, ours in NAMES if pattern.fullmatch(name)), None)
        if found is None:
            if not PASSED_OVER.fullmatch(name):
                unknown.append(key)
            continue
        value = value.flatten(1) if value.dim() == 4 else value
        state[found] = value.float() if value.is_floating_point() else value
    if unknown:
        raise WeightsError(f"{file} has tensors that EPCL does not have: {shorten(unknown)}. {GIVE}")
    return state


def measure(state: Mapping[str, Tensor], settings: Any, file: str) -> EpclSizes:
    """The sizes that shapes and stored settings tell. Raises WeightsError where those tensors are missing."""
    try:
        channels = []
        for number in range(2):
            matrices = [state[f"abstractions.{number}.layers.{layer}.linear.weight"] for layer in range(2)]
            channels.append((matrices[0].shape[1], *(matrix.shape[0] for matrix in matrices)))
        tasks, width = state["tasks.weight"].shape
        place = state["place.0.weight"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"{file} lacks tensors of EPCL's input ({error}). {GIVE}") from error
    blocks = {int(name.split(".")[1]) for name in state if name.startswith("blocks.")}
    known = {
        ours: getattr(settings, theirs)
        for ours, theirs in (("centres", "preenc_npoints"), ("tokens", "vit_num_token"))
        if isinstance(getattr(settings, theirs, None), int)
    }
    return EpclSizes((channels[0], channels[1]), width, max(blocks, default=-1) + 1, place, tasks, **known)


def require_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], file: str) -> None:
    """Raise WeightsError where a tensor is missing, or is another than those that the encoder has."""
    wrong = [f"{name} is missing" for name in expected if name not in state]
    wrong += [f"{name} is unknown" for name in state if name not in expected]
    wrong += [
        f"{name} is {tuple(state[name].shape)} and should be {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if wrong:
        raise WeightsError(f"{file} does not fit EPCL: {shorten(wrong)}. {GIVE}")


def shorten(items: list[str]) -> str:
    """The first few, and how many more there are."""
    rest = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ", ".join(items[:LISTED]) + rest
