"""The 4-bit language model on the CPU: smaller, close to the original, and trainable through its adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lamm_core.conversation import Media, Turn
from lamm_core.errors import MissingDependencyError
from lamm_core.model import quantize
from lamm_core.model.adapters import active, adapter_parameters
from lamm_core.model.lamm import LammModel

Build = Callable[..., LammModel]
pytest.importorskip("bitsandbytes")


@pytest.fixture
def model(build: Build) -> LammModel:
    return build(quantize="nf4", dtype=torch.bfloat16)


def test_projections_are_nf4_with_double_quantisation_computing_in_bf16(model: LammModel) -> None:
    from bitsandbytes.nn import Linear4bit

    layer = model.base_model.model.layers[0].self_attn.q_proj.base_layer
    assert isinstance(layer, Linear4bit)
    assert layer.compute_dtype == torch.bfloat16
    state = layer.weight.quant_state
    assert (state.quant_type, state.nested, layer.weight.dtype) == ("nf4", True, torch.uint8)
    assert layer.weight.numel() == 64 * 64 / 2
    assert model.dtype == torch.bfloat16


def test_answers_stay_close_to_the_unquantised_model(model: LammModel, build: Build) -> None:
    ids = torch.tensor([[5, 9, 30, 31, 7]])
    full = build(dtype=torch.bfloat16)
    with torch.no_grad(), active(model.language_model, []), active(full.language_model, []):
        mine, theirs = model.base_model(ids).logits.float(), full.base_model(ids).logits.float()
    assert torch.nn.functional.cosine_similarity(mine, theirs, dim=-1).min() > 0.95
    assert not torch.equal(mine, theirs)


def test_one_qlora_step_lowers_the_loss_and_moves_only_what_is_trained(model: LammModel, picture: Path) -> None:
    turns = (Turn("user", "What?", (Media("image", picture),)), Turn("assistant", "A square."))
    media = list(turns[0].media)
    features = model.encode(media)
    rendered = model.prompts.build(turns, [len(features[0])], for_training=True)
    labels = torch.tensor([rendered.labels])
    trained = [*model.projectors["image"].parameters(), *adapter_parameters(model.language_model, "image")]
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.SGD(trained, lr=0.01)
    losses = []
    with active(model.language_model, ["image"]):
        for _ in range(2):
            loss = model(model.embed(rendered, media, features)[None], None, labels).loss
            losses.append(float(loss))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert losses[1] < losses[0]
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {name for name, parameter in model.named_parameters() if any(parameter is one for one in trained)}


def test_a_checkpoint_trained_in_full_loads_in_four_bits(build: Build, tmp_path: Path) -> None:
    full = build()
    full.save_pretrained(tmp_path / "checkpoint")
    small = LammModel.from_pretrained(tmp_path / "checkpoint", cache=tmp_path, quantize="nf4")
    pairs = zip(
        adapter_parameters(small.language_model, "image"), adapter_parameters(full.language_model, "image"), strict=True
    )
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_four_bit_model_saves_the_same_checkpoint(model: LammModel, build: Build, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "checkpoint")
    loaded = LammModel.from_pretrained(tmp_path / "checkpoint", cache=tmp_path, dtype=torch.float32)
    for name in ("image", "numbers"):
        mine = adapter_parameters(model.language_model, name)
        theirs = adapter_parameters(loaded.language_model, name)
        assert all(torch.equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_without_bitsandbytes_the_message_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantize, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install bitsandbytes"):
        quantize.nf4_config()
