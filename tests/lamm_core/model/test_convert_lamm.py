"""Released LAMM checkpoints become folders of ours with equal tensors, and other files are refused by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from lamm_core.errors import CheckpointError
from lamm_core.model.checkpoint import read_record
from lamm_core.model.convert_lamm import convert
from lamm_core.model.lamm import LammModel

HIDDEN, RANK, LAYERS = 64, 32, 2
Write = Callable[..., Path]


def released(*, default: bool = True, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a released file, with small hidden sizes; ``default`` is peft's adapter name inside the keys."""
    torch.manual_seed(0)
    middle = ".default" if default else ""
    tensors = {"llama_proj.weight": torch.randn(HIDDEN, 1024), "llama_proj.bias": torch.randn(HIDDEN)}
    for layer in range(LAYERS):
        for target in "qkvo":
            key = f"llama_model.base_model.model.model.layers.{layer}.self_attn.{target}_proj.lora_"
            tensors[f"{key}A{middle}.weight"] = torch.randn(RANK, HIDDEN)
            tensors[f"{key}B{middle}.weight"] = torch.randn(HIDDEN, RANK)
    return {prefix + key: value.half() for key, value in tensors.items()}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(tensors: Any) -> Path:
        path = tmp_path / "pytorch_model.pt"
        torch.save(tensors, path)
        return path

    return write


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_tensor_of_the_released_file_is_in_the_folder(
    write: Write, tmp_path: Path, default: bool, prefix: str
) -> None:
    source = released(default=default, prefix=prefix)
    folder = convert(write(source), tmp_path / "lamm", language_model="lmsys/vicuna-7b-v0")
    projector = load_file(folder / "projector-image.safetensors")
    adapter = load_file(folder / "adapter-image" / "adapter_model.safetensors")
    assert torch.equal(projector["weight"], source[f"{prefix}llama_proj.weight"])
    assert torch.equal(projector["bias"], source[f"{prefix}llama_proj.bias"])
    rest = {key: value for key, value in source.items() if "lora_" in key}
    assert len(adapter) == len(rest) == LAYERS * 4 * 2
    for key, value in rest.items():
        ours = key.removeprefix(f"{prefix}llama_model.").replace(".default", "")
        assert torch.equal(adapter[ours], value)


def test_the_folder_says_what_the_checkpoint_was_made_of(write: Write, tmp_path: Path) -> None:
    record = read_record(convert(write(released()), tmp_path / "lamm", language_model="lmsys/vicuna-7b-v0"))
    image = record.config.modalities["image"]
    assert (record.config.language_model, record.config.template) == ("lmsys/vicuna-7b-v0", "vicuna_v0")
    assert (image.encoder, image.projector) == ("hub:openai/clip-vit-large-patch14", "linear")
    assert (image.lora.r, image.lora.alpha) == (32, 32)
    assert record.base_sha256 == "unverified"
    card = (tmp_path / "lamm" / "README.md").read_text()
    assert "**unverified**" in card and "license: cc-by-nc-4.0" in card


def test_a_converted_folder_loads_and_computes_with_the_released_tensors(
    write: Write, tmp_path: Path, tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language, clip = tmp_path / "vicuna", tmp_path / "clip"
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=AutoTokenizer.from_pretrained(tiny_lm_folder).vocab_size + 10,
            hidden_size=HIDDEN,
            intermediate_size=96,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
        )
    ).save_pretrained(language)
    AutoTokenizer.from_pretrained(tiny_lm_folder).save_pretrained(language)
    vision = {
        "hidden_size": 1024,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 14,
    }
    CLIPVisionModel(CLIPVisionConfig(**vision)).save_pretrained(clip)
    monkeypatch.setattr("lamm_core.model.convert_lamm.ENCODER", f"hub:{clip}")
    source = released()
    folder = convert(write(source), tmp_path / "lamm", language_model=str(language))
    model = LammModel.from_pretrained(folder, cache=tmp_path, dtype=torch.float32)
    features = torch.randn(4, 1024)
    expected = torch.nn.functional.linear(
        features, source["llama_proj.weight"].float(), source["llama_proj.bias"].float()
    )
    torch.testing.assert_close(model.project("image", features), expected)
    layer = model.base_model.model.layers[1].self_attn.v_proj
    key = "llama_model.base_model.model.model.layers.1.self_attn.v_proj.lora_"
    update = source[f"{key}B.default.weight"].float() @ source[f"{key}A.default.weight"].float()
    x = torch.randn(3, HIDDEN)
    plain = AutoModelForCausalLM.from_pretrained(language, dtype=torch.float32).model.layers[1].self_attn.v_proj
    torch.testing.assert_close(layer(x), plain(x) + x @ update.T, atol=1e-3, rtol=1e-4)


def test_copies_of_base_embeddings_are_left_out(write: Write, tmp_path: Path) -> None:
    tensors = {**released(), "llama_model.base_model.model.model.embed_tokens.weight": torch.zeros(10, HIDDEN)}
    folder = convert(write(tensors), tmp_path / "lamm", language_model="x/y")
    assert len(load_file(folder / "adapter-image" / "adapter_model.safetensors")) == LAYERS * 4 * 2


def without(part: str) -> dict[str, Tensor]:
    return {key: value for key, value in released().items() if part not in key}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (without("llama_proj.bias"), ["missing: llama_proj.bias"]),
        (without("layers.0.self_attn.k_proj.lora_B"), ["missing: ", "layers.0.self_attn.k_proj.lora_B.weight"]),
        (without("layers.0"), ["missing: ", "and 3 more"]),
        (without("lora_"), ["missing: ", "layers.0.self_attn.k_proj.lora_A.weight"]),
        ({**released(), "moe.gate": torch.zeros(1)}, ["unknown: moe.gate"]),
        (
            {**released(), "llama_proj.weight": torch.zeros(HIDDEN, 768)},
            ["weight is (64, 768) and should be (64, 1024)"],
        ),
        ({**released(), "llama_proj.bias": torch.zeros(7)}, ["bias is (7,) and should be (64,)"]),
        ({"epoch": 2}, ["other things than named tensors"]),
    ],
)
def test_a_file_of_another_layout_is_refused_with_the_keys(
    write: Write, tmp_path: Path, tensors: Any, words: list[str]
) -> None:
    with pytest.raises(CheckpointError) as error:
        convert(write(tensors), tmp_path / "lamm", language_model="x/y")
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not (tmp_path / "lamm").exists()


def test_another_rank_is_refused_since_its_alpha_is_nowhere(write: Write, tmp_path: Path) -> None:
    tensors = {key: value[:8] if "lora_A" in key else value for key, value in released().items()}
    with pytest.raises(CheckpointError, match=r"rank 32.*is \(8, 64\) and should be \(32, 64\)"):
        convert(write(tensors), tmp_path / "lamm", language_model="x/y")


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch harmed",)


def test_code_inside_the_file_is_not_run(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="not a file of tensors"):
        convert(write({"llama_proj.weight": Harm()}), tmp_path / "lamm", language_model="x/y")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [None, b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "pytorch_model.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.pt"):
        convert(path, tmp_path / "lamm", language_model="x/y")


def test_with_epcls_weights_it_is_a_model_for_point_clouds(write: Write, tmp_path: Path) -> None:
    source = released()
    folder = convert(write(source), tmp_path / "lamm", language_model="x/vicuna", epcl=tmp_path / "epcl.pth")
    record = read_record(folder)
    assert list(record.config.modalities) == ["pointcloud"]
    cloud = record.config.modalities["pointcloud"]
    assert (cloud.encoder, cloud.options) == ("epcl", {"checkpoint": str(tmp_path / "epcl.pth")})
    assert torch.equal(load_file(folder / "projector-pointcloud.safetensors")["weight"], source["llama_proj.weight"])
    assert len(load_file(folder / "adapter-pointcloud" / "adapter_model.safetensors")) == LAYERS * 4 * 2
    assert "with EPCL frozen" in (folder / "README.md").read_text()
