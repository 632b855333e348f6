"""A GGUF file read back by transformers and gguf is the merged model: the same tensors, tokens and greedy answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lamm_core.errors import ConfigError
from lamm_core.model.gguf_file import export_gguf, write_gguf
from lamm_core.model.lamm import LammModel
from lamm_core.model.merge import export_merged


@pytest.fixture
def checkpoint(build: Callable[..., LammModel], tmp_path: Path) -> Path:
    """A model whose LoRA changes its answers."""
    model = build()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    model.save_pretrained(tmp_path / "run" / "model")
    return tmp_path / "run" / "model"


def test_what_is_read_back_answers_as_the_merged_model(checkpoint: Path, tmp_path: Path) -> None:
    file = export_gguf(checkpoint, tmp_path / "out" / "model.gguf", modality="image", cache=tmp_path)
    folder = export_merged(checkpoint, tmp_path / "merged", modality="image", cache=tmp_path, dtype=torch.bfloat16)
    wanted = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    tensors = found.state_dict()
    assert tensors.keys() == wanted.state_dict().keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in wanted.state_dict().items())
    for words in ("What is in the picture?", "The word reads"):
        ids = AutoTokenizer.from_pretrained(folder)(words, return_tensors="pt").input_ids
        read = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)(words, return_tensors="pt").input_ids
        assert torch.equal(read, ids)
        asked = {"inputs": ids, "max_new_tokens": 12, "do_sample": False, "pad_token_id": 2}
        assert torch.equal(found.generate(**asked), wanted.generate(**asked))
    fields = gguf.GGUFReader(file).fields
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    assert fields["tokenizer.ggml.eos_token_id"].contents() == wanted.config.eos_token_id
    assert [path.name for path in file.parent.iterdir()] == ["model.gguf"]
    with pytest.raises(ConfigError, match="there already"):
        export_gguf(checkpoint, file, modality="image", cache=tmp_path)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("config.json", {"model_type": "opt"}, "is opt"),
        ("config.json", {"rope_parameters": {"rope_type": "llama3"}}, "llama3 positions"),
        ("tokenizer.json", {"pre_tokenizer": None}, "byte-level BPE"),
    ],
)
def test_what_it_cannot_express_is_refused_with_what_to_do(
    tiny_lm_folder: Path, tmp_path: Path, file: str, change: dict[str, object], said: str
) -> None:
    for path in tiny_lm_folder.glob("*.json"):
        values = json.loads(path.read_text(encoding="utf-8"))
        (tmp_path / path.name).write_text(
            json.dumps(values | change if path.name == file else values), encoding="utf-8"
        )
    with pytest.raises(ConfigError, match=f"{said}.*convert_hf_to_gguf"):
        write_gguf(tmp_path, tmp_path / "out.gguf", name="tiny")
    assert not list(tmp_path.glob("*.gguf"))
