"""The parts of a Llama layer with forward and backward in fewer passes over memory, for training on the CPU.

Does not know the trainer. Base weights are frozen, so a part keeps what LoRA's gradients need and little else. On the
CPU half of a training step went into element-wise passes: conversions to float32 and back in norms, scalings and sums
of LoRA branches, the halves of rotary positions. What is no plain Llama part keeps its own forward. Legend: T tokens of
the batch, B batch, L length, N heads, D width of a head, r rank.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRMSNorm

from lamm_core.training.attention import attend

__all__ = ["fuse"]


class Norm(torch.autograd.Function):
    """RMS norm with a frozen weight; only the scale of each token is in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = x.float()
        scale = (wide.square().mean(-1, keepdim=True) + epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).to(x.dtype).mul_(weight)  # a product of its own: float() of float32 is x itself

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, weight, scale = ctx.saved_tensors
        weighted = gradients[0] * weight
        along = (weighted * x).sum(-1, keepdim=True, dtype=torch.float32) * scale.pow(3) / x.shape[-1]
        # In float32: a few channels of a language model are huge, and the two terms nearly cancel there.
        result = (weighted * scale).sub_(x * along)
        return result.to(x.dtype), None, None


class Gated(torch.autograd.Function):
    """down(silu(gate(x)) * up(x)) with frozen weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
        flat = x.flatten(0, -2)
        opened, carried = flat @ gate.t(), flat @ up.t()
        active = nn.functional.silu(opened)  # kept: three times the cost of a product
        ctx.save_for_backward(opened, active, carried, gate, up, down)
        return ((active * carried) @ down.t()).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        opened, active, carried, gate, up, down = ctx.saved_tensors
        inner = gradients[0].flatten(0, -2) @ down
        for_up = active * inner
        for_gate = torch.ops.aten.silu_backward(inner.mul_(carried), opened)
        result = (for_gate @ gate).addmm_(for_up, up)
        return result.view(gradients[0].shape), None, None, None


class LoraProjections(torch.autograd.Function):
    """Several frozen linear layers on one input, each with its LoRA: ``x W^T + scale x A^T B^T`` for each."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scales: tuple[float, ...], *matrices: Tensor) -> tuple[Tensor, ...]:
        count = len(scales)
        weights, downs, ups = matrices[:count], matrices[count : 2 * count], matrices[2 * count :]
        flat = x.flatten(0, -2)  # (T, in)
        down = torch.cat([matrix.to(x.dtype) for matrix in downs])  # (sum of r, in)
        scaled = [(matrix * scale).to(x.dtype) for matrix, scale in zip(ups, scales, strict=True)]
        inner = flat @ down.t()  # (T, sum of r)
        ranks = [matrix.shape[0] for matrix in downs]
        results = [
            (flat @ weight.t()).addmm_(part, up.t()).view(*x.shape[:-1], -1)
            for weight, part, up in zip(weights, inner.split(ranks, 1), scaled, strict=True)
        ]
        ctx.save_for_backward(flat, inner, down, *weights, *scaled)
        ctx.scales, ctx.ranks, ctx.shape = scales, ranks, x.shape
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        flat, inner, down, *rest = ctx.saved_tensors
        count = len(ctx.scales)
        weights, scaled = rest[:count], rest[count:]
        outer = [gradient.flatten(0, -2) for gradient in gradients]  # each (T, out)
        for_inner = torch.cat([gradient @ up for gradient, up in zip(outer, scaled, strict=True)], 1)
        result = for_inner @ down  # (T, in)
        for gradient, weight in zip(outer, weights, strict=True):
            result.addmm_(gradient, weight)
        for_downs = (for_inner.t() @ flat).float().split(ctx.ranks)
        for_ups = [
            (gradient.t() @ part).float().mul_(scale)
            for gradient, part, scale in zip(outer, inner.split(ctx.ranks, 1), ctx.scales, strict=True)
        ]
        return (result.view(ctx.shape), None, *[None] * count, *for_downs, *for_ups)


class Rotate(torch.autograd.Function):
    """Rotary positions of ``(B, L, N, D)``; ``cosine`` and ``sine`` are ``(B or 1, L, 1, D / 2)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return turned(x, cosine, sine)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return turned(gradients[0], cosine, -sine), None, None


def turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each pair (first half, second half) turned by its angle."""
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    (left, right), (left_out, right_out) = x.chunk(2, -1), result.chunk(2, -1)
    torch.mul(left, cosine, out=left_out).addcmul_(right, sine, value=-1)
    torch.mul(right, cosine, out=right_out).addcmul_(left, sine)
    return result


def fuse(model: nn.Module) -> None:
    """Give plain Llama parts of this model their fused forward. Other modules and other models are left alone."""
    for module in model.modules():
        if type(module) is LlamaRMSNorm:
            module.forward = norm_forward(module)
        elif type(module) is LlamaMLP and gated_fits(module):
            module.forward = gated_forward(module)
        elif type(module) is LlamaAttention and attention_fits(module):
            module.forward = attention_forward(module)


def norm_forward(module: LlamaRMSNorm) -> Callable[..., Tensor]:
    def forward(hidden_states: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return apply(Norm, hidden_states, module.weight, module.variance_epsilon)

    return forward


def gated_fits(module: LlamaMLP) -> bool:
    layers = (module.gate_proj, module.up_proj, module.down_proj)
    plain = all(type(layer) is nn.Linear and layer.bias is None and not layer.weight.requires_grad for layer in layers)
    return plain and module.config.hidden_act == "silu"


def gated_forward(module: LlamaMLP) -> Callable[..., Tensor]:
    def forward(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return apply(Gated, x, module.gate_proj.weight, module.up_proj.weight, module.down_proj.weight)

    return forward


def attention_fits(module: LlamaAttention) -> bool:
    layers = (module.q_proj, module.k_proj, module.v_proj, module.o_proj)
    return all(
        type(layer) is LoraLinear
        and type(layer.base_layer) is nn.Linear
        and layer.base_layer.bias is None
        and not layer.lora_variant
        and all(isinstance(dropout, nn.Identity) for dropout in layer.lora_dropout.values())
        for layer in layers
    )


def attention_forward(module: LlamaAttention) -> Callable[..., tuple[Tensor, Tensor | None]]:
    plain = module.forward

    def project(x: Tensor, adapter: str, *layers: LoraLinear) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", enabled=False):
            return apply(
                LoraProjections,
                x,
                tuple(float(layer.scaling[adapter]) for layer in layers),
                *(layer.base_layer.weight for layer in layers),
                *(layer.lora_A[adapter].weight for layer in layers),
                *(layer.lora_B[adapter].weight for layer in layers),
            )

    def forward(
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None]:
        adapters = module.q_proj.active_adapters
        if past_key_values is not None or len(adapters) != 1 or module.q_proj.disable_adapters or module.q_proj.merged:
            return plain(hidden_states, position_embeddings, attention_mask, past_key_values, **options)
        heads = (*hidden_states.shape[:-1], -1, module.head_dim)
        results = project(hidden_states, adapters[0], module.q_proj, module.k_proj, module.v_proj)
        query, key, value = (result.view(heads) for result in results)  # (B, L, N, D)
        cosine, sine = (part[..., : module.head_dim // 2].unsqueeze(2) for part in position_embeddings)
        query, key = apply(Rotate, query, cosine, sine), apply(Rotate, key, cosine, sine)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        attended, weights = attend(
            module, query, key, value, attention_mask, scaling=module.scaling, dropout=0.0, **options
        )
        return project(attended.flatten(-2), adapters[0], module.o_proj)[0], weights

    return forward


def apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    """`Function.apply`, which torch leaves untyped."""
    return function.apply(*arguments)
