"""What goes out of a run by the command line: plain PEFT loads the adapter, the Hub gets the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from lamm_core.__main__ import app
from lamm_core.errors import ConfigError, HubError, LammError
from lamm_core.launchers.run import create_run
from lamm_core.launchers.status import look
from lamm_core.model.adapters import active
from lamm_core.model.lamm import LammModel
from tests.fake_hub import serving

IDS = torch.tensor([[5, 9, 30, 31, 7]])


@pytest.fixture
def run(tmp_path: Path, make_recipe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that has a model whose LoRA changes its answers."""
    monkeypatch.setenv("LAMM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LAMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    recipe = make_recipe()
    folder = create_run(tmp_path / "runs" / "training", recipe, title="first")
    model = LammModel.build(recipe.model, cache=tmp_path / "cache")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    model.save_pretrained(folder / "model")
    return folder


def runs(*words: object) -> str:
    """What a command prints; its LammError where it ends with one."""
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["runs", *map(str, words)])
    if isinstance(result.exception, LammError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_plain_peft_loads_an_exported_adapter_and_transformers_a_merged_folder(
    run: Path, tmp_path: Path, tiny_lm_folder: Path
) -> None:
    runs("export", "first", tmp_path / "out")
    ours = LammModel.from_pretrained(run / "model", cache=tmp_path / "cache", dtype=torch.float32)
    base = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32)
    plain = PeftModel.from_pretrained(base, tmp_path / "out" / "adapter-image")
    with torch.no_grad():
        with active(ours.language_model, ["image"]):
            wanted = ours.language_model(input_ids=IDS).logits
        assert torch.allclose(plain(input_ids=IDS).logits, wanted, atol=1e-5)
        runs("export", "first", tmp_path / "merged", "--merged", "image")
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=0.1)  # rounded to bf16 once
    runs("export", "first", tmp_path / "model.gguf", "--gguf", "image")
    assert (tmp_path / "model.gguf").read_bytes()[:4] == b"GGUF"
    for taken in ((tmp_path / "out",), (tmp_path / "model.gguf", "--gguf", "image")):
        with pytest.raises(ConfigError, match="there already"):
            runs("export", "first", *taken)
    with pytest.raises(ConfigError, match="--merged or --gguf"):
        runs("export", "first", tmp_path / "both", "--merged", "image", "--gguf", "image")


def test_a_push_needs_a_token_and_brings_every_file(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="set HF_TOKEN"):
        runs("push", "first", "team/dogs")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with serving() as hub:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        assert hub.address in runs("push", "first", "team/dogs")
        model = run / "model"
        there = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
        assert set(hub.files) == there and hub.tokens == {"hf_test"}
        (made,) = hub.created
        assert (made["type"], made["visibility"]) == ("model", "private")


def test_a_run_is_renamed_and_deleted(run: Path) -> None:
    runs("rename", "first", "Better [1]")
    assert look(run).title == "Better [1]"
    runs("delete", "first", "--yes")
    assert not run.exists()
    with pytest.raises(ConfigError, match="no run 'first'"):
        runs("delete", "first", "--yes")
