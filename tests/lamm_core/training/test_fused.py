"""The fused parts and the short attention compute what the plain ones do, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from lamm_core.config import LoraSettings
from lamm_core.model.adapters import active, add_adapter
from lamm_core.training.attention import NAME, ShortCausalAttention, use_short_attention
from lamm_core.training.fused import fuse

Step = Callable[[torch.Tensor], tuple[torch.Tensor, dict[str, torch.Tensor]]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("heads", "kept", "length"), [(4, 2, 7), (3, 3, 20), (9, 3, 33)])
def test_short_attention_is_causal_attention(heads: int, kept: int, length: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    shapes = ((2, heads, length, 8), (2, kept, length, 8), (2, kept, length, 8))
    plain = [torch.randn(shape).to(dtype).float().requires_grad_() for shape in shapes]
    ours = [tensor.detach().to(dtype).requires_grad_() for tensor in plain]
    query, key, value = plain
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=0.3, enable_gqa=True
    )
    attended = ShortCausalAttention.apply(*ours, 0.3)
    gradient = torch.randn_like(expected)
    expected.backward(gradient)
    attended.backward(gradient.to(dtype))
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(attended.float(), expected, atol=tolerance, rtol=tolerance)
    for tensor, reference in zip(ours, plain, strict=True):
        assert tensor.grad is not None and reference.grad is not None
        torch.testing.assert_close(tensor.grad.float(), reference.grad, atol=tolerance, rtol=tolerance)


def model_with_adapters(folder: Path, *, dropout: float = 0.0) -> PreTrainedModel:
    """The tiny language model with two adapters that both do something."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).requires_grad_(False)
    settings = LoraSettings(r=4, alpha=12, dropout=dropout)
    wrapped = add_adapter(add_adapter(model, "image", settings), "pointcloud", settings)
    torch.manual_seed(1)
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return wrapped


def step(model: PreTrainedModel, names: tuple[str, ...]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Hidden states of fixed embeddings, and the gradients of what is trained and of the embeddings."""
    torch.manual_seed(2)
    embeddings = (torch.randn(2, 9, 64) * 0.3).requires_grad_()
    with active(model, names):
        hidden = model.get_base_model().model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        hidden.square().sum().backward()
    found = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad(set_to_none=True)
    return hidden.detach(), found | {"embeddings": embeddings.grad}


@pytest.mark.parametrize("names", [("image",), ("pointcloud",), ("image", "pointcloud"), ()])
def test_a_fused_model_gives_the_same_states_and_gradients(tiny_lm_folder: Path, names: tuple[str, ...]) -> None:
    model = model_with_adapters(tiny_lm_folder)
    plain_hidden, plain = step(model, names)
    use_short_attention(model.get_base_model())
    fuse(model)
    hidden, found = step(model, names)
    torch.testing.assert_close(hidden, plain_hidden, atol=1e-4, rtol=1e-4)
    assert found.keys() == plain.keys()
    assert any("lora_A" in name for name in found) == bool(names)
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-3, rtol=1e-3, msg=name)


def test_adapters_with_dropout_keep_their_own_forward(tiny_lm_folder: Path) -> None:
    model = model_with_adapters(tiny_lm_folder, dropout=0.5)
    fuse(model)
    layer = model.get_base_model().model.layers[0]
    assert "forward" not in vars(layer.self_attn)
    assert "forward" in vars(layer.mlp)


def test_a_fused_model_still_generates_with_a_cache(tiny_lm_folder: Path) -> None:
    model = model_with_adapters(tiny_lm_folder).eval()
    prompt = torch.tensor([[5, 6, 7, 8]])
    with active(model, ("image",)):
        expected = model.generate(input_ids=prompt, max_new_tokens=5, do_sample=False)
        use_short_attention(model.get_base_model())
        fuse(model)
        assert torch.equal(model.generate(input_ids=prompt, max_new_tokens=5, do_sample=False), expected)


def test_only_the_fused_kernels_users_change_their_attention(tiny_lm_folder: Path) -> None:
    eager = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, attn_implementation="eager")
    use_short_attention(eager)
    assert eager.config._attn_implementation == "eager"
    quick = AutoModelForCausalLM.from_pretrained(tiny_lm_folder, attn_implementation="sdpa")
    use_short_attention(quick)
    assert quick.config._attn_implementation == NAME
