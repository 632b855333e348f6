"""Media of every modality, small encoders with random weights, and the example out of the documentation.

Does not know what is tested.
"""

from __future__ import annotations

import argparse
import re
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

import lamm_core.modalities
from lamm_core.pointclouds.cloud import PointCloud

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding-a-modality.md"
MakeCloud = Callable[..., PointCloud]
MakeEpcl = Callable[..., Path]


@pytest.fixture
def make_cloud() -> MakeCloud:
    """Makes a table top with two boxes on it, in metres: sampled evenly, noisy, coloured."""

    def make(points: int = 3000, *, coloured: bool = True, seed: int = 0) -> PointCloud:
        rng = np.random.default_rng(seed)
        xyz = rng.random((points, 3)) * [1.2, 0.8, 0.0]
        rgb = np.full((points, 3), (120, 110, 100), np.uint8)
        for low, high, colour in (
            ((0.2, 0.2, 0), (0.4, 0.5, 0.2), (200, 30, 30)),
            ((0.7, 0.3, 0), (0.8, 0.4, 0.3), (30, 30, 200)),
        ):
            inside = ((xyz > low) & (xyz < high))[:, :2].all(axis=1)
            xyz[inside, 2] = high[2]
            rgb[inside] = colour
        xyz += rng.normal(0, 0.002, xyz.shape)
        return PointCloud(xyz.astype(np.float32), "npy", colours=rgb if coloured else None, total=points)

    return make


@pytest.fixture
def cloud_file(tmp_path: Path, make_cloud: MakeCloud) -> Path:
    """The table as LAMM keeps clouds: an array of N x 6 numbers, colours in [0, 1]."""
    cloud = make_cloud()
    assert cloud.colours is not None
    path = tmp_path / "table.npy"
    np.save(path, np.concatenate([cloud.xyz, cloud.colours.astype(np.float32) / 255], axis=1))
    return path


def published_tensors(*, width: int = 64, layers: int = 2, channels: int = 3, tasks: int = 19) -> dict[str, Tensor]:
    """Random tensors under the names of EPCL's published checkpoint, the detector's and CLIP's own ones among them."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) / max(1, shape[-1] if len(shape) > 1 else 4) ** 0.5

    tensors = {"te_encoder.embedding.weight": random(tasks, width)}
    linear = {"te_encoder.trans.0": (width, width), "te_encoder.trans.2": (width, width)}
    linear |= {"encoder.pos_embed.0": (16, 3), "encoder.pos_embed.2": (width, 16)}
    perceptrons = ((channels, 8, 12), (12 + 3, 24, width))
    for number, sizes in enumerate(perceptrons):
        for layer in range(2):
            start = f"pre_encoder.layers.{number}.mlp_module.layer{layer}"
            tensors[f"{start}.conv.weight"] = random(sizes[layer + 1], sizes[layer], 1, 1)
            for name in ("weight", "bias", "running_mean"):
                tensors[f"{start}.bn.bn.{name}"] = random(sizes[layer + 1])
            tensors[f"{start}.bn.bn.running_var"] = random(sizes[layer + 1]).abs() + 0.5
            tensors[f"{start}.bn.bn.num_batches_tracked"] = torch.tensor(7)
    clip = "encoder.clip_vit"
    norms = [f"{clip}.ln_pre", f"{clip}.ln_post"]
    for layer in range(layers):
        start = f"{clip}.transformer.resblocks.{layer}"
        tensors |= {f"{start}.attn.in_proj_weight": random(3 * width, width)}
        tensors |= {f"{start}.attn.in_proj_bias": random(3 * width)}
        linear |= {f"{start}.attn.out_proj": (width, width)}
        linear |= {f"{start}.mlp.c_fc": (4 * width, width), f"{start}.mlp.c_proj": (width, 4 * width)}
        norms += [f"{start}.ln_1", f"{start}.ln_2"]
    for name, shape in linear.items():
        tensors |= {f"{name}.weight": random(*shape), f"{name}.bias": random(shape[0])}
    for name in norms:
        tensors |= {f"{name}.weight": 1 + random(width), f"{name}.bias": random(width)}
    for name, shape in {"class_embedding": (width,), "positional_embedding": (5, width), "proj": (width, 7)}.items():
        tensors[f"{clip}.{name}"] = random(*shape)
    tensors[f"{clip}.conv1.weight"] = random(width, 3, 4, 4)
    for name in ("pos_embedding.gauss_B", "encoder_to_decoder_projection.layers.0.weight", "decoder.norm.weight",
                 "query_projection.layers.0.weight", "mlp_heads.center_head.layers.0.weight"):  # fmt: skip
        tensors[name] = random(3)
    return tensors


@pytest.fixture
def make_epcl(tmp_path: Path) -> MakeEpcl:
    """Writes a synthetic EPCL checkpoint with the published names and small sizes; ``change`` may spoil its tensors."""

    def make(*, channels: int = 3, change: Callable[[dict[str, Tensor]], object] | None = None) -> Path:
        tensors = published_tensors(channels=channels)
        if change is not None:
            change(tensors)
        settings = argparse.Namespace(preenc_npoints=64, vit_num_token=16, clip_vit="ViT-L/14", use_task_emb=True)
        path = tmp_path / "epcl.pth"
        torch.save({"model": tensors, "args": settings, "epoch": 1079}, path)
        return path

    return make


@pytest.fixture
def epcl_file(make_epcl: MakeEpcl) -> Path:
    """A synthetic EPCL checkpoint as it should be."""
    return make_epcl()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The modality of docs/adding-a-modality.md: its file imported, its line carried out."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("lamm_core.modalities.sound")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(blocks[0], str(PAGE), "exec"), vars(module))
    package = vars(lamm_core.modalities).copy()
    exec(compile(blocks[1], str(PAGE), "exec"), package)
    monkeypatch.setattr(lamm_core.modalities, "MODALITIES", package["MODALITIES"])
    return module


@pytest.fixture
def sound_file(tmp_path: Path) -> Path:
    """Half a second of silence and half a second of 1,000 Hz, as 16-bit mono at 16 kHz."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
    samples = np.concatenate([np.zeros(8000), 0.5 * tone])
    path = tmp_path / "knock.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
