"""A checkpoint folder: trained parts only, read back equal, refused where it does not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lamm_core.config import LammConfig
from lamm_core.conversation import Media
from lamm_core.errors import CheckpointError
from lamm_core.model.adapters import active
from lamm_core.model.card import UNVERIFIED, Card
from lamm_core.model.checkpoint import read_record
from lamm_core.model.lamm import LammModel
from lamm_core.safetensors_hash import weights_hash

Build = Callable[..., LammModel]
IDS = torch.tensor([[5, 9, 30, 31, 7]])


@pytest.fixture
def model(build: Build) -> LammModel:
    return build()


@pytest.fixture
def saved(model: LammModel, tmp_path: Path) -> Path:
    model.card = Card(licence="cc-by-4.0", language="en", notes="Trained on squares.")
    folder = tmp_path / "checkpoint"
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LammModel]:
    def load(folder: Path, **options: Any) -> LammModel:
        return LammModel.from_pretrained(folder, cache=tmp_path / "cache", dtype=torch.float32, **options)

    return load


def test_where_trained_encoder_weights_came_from_is_forgotten(
    build: Build, config: LammConfig, tmp_path: Path, load: Callable[..., LammModel]
) -> None:
    """They lie in the checkpoint; the folder they were read from may be gone."""
    model = build()
    ours = replace(config.modalities["numbers"], options={"weights": "runs/gone", "other": 1})
    model.config = replace(config, modalities={**config.modalities, "numbers": ours})
    model.save_pretrained(tmp_path / "checkpoint")
    assert dict(load(tmp_path / "checkpoint").config.modalities["numbers"].options) == {"other": 1}


def test_the_folder_holds_the_trained_parts_and_nothing_else(saved: Path, tiny_lm_folder: Path) -> None:
    files = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    assert files == {
        "README.md",
        "config.json",
        "adapter-image/adapter_config.json",
        "adapter-image/adapter_model.safetensors",
        "adapter-numbers/adapter_config.json",
        "adapter-numbers/adapter_model.safetensors",
        "encoder-numbers.safetensors",
        "projector-image.safetensors",
        "projector-numbers.safetensors",
    }
    assert read_record(saved).base_sha256 == weights_hash(tiny_lm_folder)
    assert not list(saved.parent.glob(".*"))


def test_a_loaded_model_equals_the_saved_one(
    saved: Path, model: LammModel, load: Callable[..., LammModel], picture: Path
) -> None:
    loaded = load(saved)
    assert (loaded.config, loaded.card) == (model.config, model.card)
    rounded = {name for name, _ in model.named_parameters() if name == "encoders.numbers.layer.weight"}
    state = loaded.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(state[name], value.bfloat16().float() if name in rounded else value), name
    media = [Media("image", picture)]
    assert torch.equal(loaded.encode(media)[0], model.encode(media)[0])


def test_plain_peft_loads_an_adapter_with_equal_logits(saved: Path, model: LammModel, tiny_lm_folder: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, dtype=torch.float32)
    plain = PeftModel.from_pretrained(base, saved / "adapter-image").eval()
    with active(model.language_model, ["image"]), torch.no_grad():
        assert torch.equal(plain(IDS).logits, model.base_model(IDS).logits)


def test_no_path_of_this_machine_is_written_but_the_one_the_user_gave(saved: Path, tmp_path: Path) -> None:
    for name in ("README.md", "adapter-image/adapter_config.json"):
        assert str(tmp_path.parent) not in (saved / name).read_text()


def test_the_card_states_licence_language_parts_and_notes(saved: Path) -> None:
    card = (saved / "README.md").read_text()
    assert card.startswith("---\n")
    for words in ("license: cc-by-4.0", "language: en", "| numbers | `numbers` | linear | r=4", "Trained on squares."):
        assert words in card


def test_other_base_weights_are_refused_with_both_hashes(
    saved: Path, load: Callable[..., LammModel], tiny_lm_folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other-lm"
    shutil.copytree(tiny_lm_folder, other)
    weights = load_file(other / "model.safetensors")
    weights["model.norm.weight"][0] += 1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError) as error:
        load(saved, language_model=str(other))
    assert weights_hash(tiny_lm_folder) in str(error.value)
    assert weights_hash(other) in str(error.value)


def test_unverified_base_weights_load_with_a_warning(
    saved: Path, load: Callable[..., LammModel], tiny_lm_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**values, "base_sha256": UNVERIFIED}))
    load(saved)
    assert "not checked" in caplog.text and weights_hash(tiny_lm_folder) in caplog.text


def test_the_same_base_weights_elsewhere_are_accepted(
    saved: Path, load: Callable[..., LammModel], tiny_lm_folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved-lm"
    shutil.copytree(tiny_lm_folder, moved)
    assert load(saved, language_model=str(moved)).config.language_model == str(moved)


def test_another_frozen_encoder_is_refused(saved: Path, load: Callable[..., LammModel]) -> None:
    values = json.loads((saved / "config.json").read_text())
    values["encoder_fingerprints"]["image"] = "0" * 64
    (saved / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"image encoder .* of fingerprint 0000"):
        load(saved)


def change(path: Path, **tensors: torch.Tensor | None) -> None:
    """Rewrite a safetensors file with some tensors replaced, or removed where None."""
    merged = {**load_file(path), **tensors}
    save_file({name: value for name, value in merged.items() if value is not None}, path)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"bias": None}, "bias is missing"),
        ({"extra": torch.zeros(1)}, "extra is unknown"),
        ({"bias": torch.zeros(7)}, r"bias has the shape \(7,\) and needs \(64,\)"),
    ],
)
def test_tensors_that_do_not_fit_are_listed(
    saved: Path, load: Callable[..., LammModel], tensors: dict[str, Any], words: str
) -> None:
    change(saved / "projector-numbers.safetensors", **tensors)
    with pytest.raises(CheckpointError, match=words):
        load(saved)


def test_an_adapter_with_missing_layers_is_refused(saved: Path, load: Callable[..., LammModel]) -> None:
    path = saved / "adapter-image" / "adapter_model.safetensors"
    name = next(iter(load_file(path)))
    change(path, **{name: None})
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load(saved)


def test_a_file_cut_short_or_absent_is_named(saved: Path, load: Callable[..., LammModel]) -> None:
    path = saved / "projector-image.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"projector-image.safetensors is damaged"):
        load(saved)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"holds no projector-image.safetensors"):
        load(saved)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "no config.json"),
        ("{", "is not one of"),
        ('{"format": 99}', "format 99"),
        ('{"model_type": "llama"}', "format"),
    ],
)
def test_a_folder_that_is_no_checkpoint_says_so(
    tmp_path: Path, load: Callable[..., LammModel], config: str | None, words: str
) -> None:
    folder = tmp_path / "something"
    folder.mkdir()
    if config is not None:
        (folder / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=words):
        load(folder)


@pytest.mark.parametrize("name", ["no/such/folder", "nobody/nothing"])
def test_a_checkpoint_that_is_nowhere_is_named(load: Callable[..., LammModel], name: str) -> None:
    with pytest.raises(CheckpointError, match=name):
        load(Path(name))


def test_saving_again_replaces_the_old_checkpoint(saved: Path, model: LammModel) -> None:
    (saved / "projector-video.safetensors").write_bytes(b"")  # of a modality that the model no longer has
    model.card = replace(model.card, notes="Second time.")
    model.save_pretrained(saved)
    assert not (saved / "projector-video.safetensors").exists()
    assert read_record(saved).card.notes == "Second time."


def test_saving_over_files_of_others_is_refused_and_loses_nothing(model: LammModel, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.tex").write_text("It was a dark and stormy night.")
    with pytest.raises(CheckpointError, match=r"holds chapter1.tex"):
        model.save_pretrained(folder)
    assert [path.name for path in folder.iterdir()] == ["chapter1.tex"]


def test_a_save_that_fails_leaves_the_old_checkpoint_whole(
    saved: Path, model: LammModel, load: Callable[..., LammModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lamm_core.model.card.Card.render", full_disk)
    with pytest.raises(OSError, match="No space left"):
        model.save_pretrained(saved)
    monkeypatch.undo()
    assert [path.name for path in saved.parent.glob(".*")] == []
    assert read_record(saved).card.notes == "Trained on squares."


def test_push_to_hub_uploads_the_folder(model: LammModel, monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded: list[str] = []

    def create_repo(self: HfApi, repo_id: str, **options: Any) -> Any:
        return type("Repository", (), {"repo_id": repo_id})

    def upload_folder(self: HfApi, *, folder_path: Path, **options: Any) -> str:
        uploaded.extend(sorted(path.name for path in folder_path.iterdir()))
        return "https://hub/commit"

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    assert model.push_to_hub("me/lamm-tiny") == "https://hub/commit"  # type: ignore[operator]  # the mixin is untyped
    assert {"README.md", "config.json", "adapter-image", "projector-image.safetensors"} <= set(uploaded)
