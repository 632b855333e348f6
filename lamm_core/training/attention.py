"""Causal attention for training on the CPU, where torch's fused kernel is quick forward and slow backward.

Does not know models: it is offered to transformers under a name, and a model is told to use it. Legend: B batch, H
heads, K heads of keys and values, G = H / K, L tokens, D width of a head.

At 104 tokens the backward of scaled_dot_product_attention takes 53 ms a layer (one core, bf16). Here forward and
backward are batched matrix products; the forward takes three quarters of the kernel's time, the backward a fifth. They
hold an L by L matrix for each head, so longer sequences stay with the fused kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = ["use_short_attention"]

NAME = "lamm_short_causal"
LONGEST = 320  # tokens; beyond, the matrices cost more than the fused backward
PLAIN = frozenset(("position_ids", "cache_position", "is_causal", "use_cache", "output_attentions"))


class ShortCausalAttention(torch.autograd.Function):
    """softmax(q k^T * scale + causal mask) v for ``(B, H, L, D)`` and ``(B, K, L, D)``, without an attention mask."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.scale = scale
        length, width = query.shape[2:]
        groups = query.shape[1] // key.shape[1]
        with torch.autocast(query.device.type, enabled=False):
            # In float32: with scores rounded to bf16 here, gradients of media went astray.
            q = query.reshape(-1, groups * length, width).float()  # the queries of a key's head are rows of one matrix
            k, v = key.reshape(-1, length, width).float(), value.reshape(-1, length, width)
            weights = torch.baddbmm(hidden_after(q, length, groups), q, k.transpose(1, 2), alpha=scale).softmax(-1)
            return torch.bmm(weights.to(v.dtype), v).view_as(query)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value = ctx.saved_tensors
        length, width = query.shape[2:]
        groups = query.shape[1] // key.shape[1]
        rows = (-1, groups * length, width)  # of (B*K, G*L, D)
        q, gradient = (query * ctx.scale).reshape(rows), gradients[0].reshape(rows)
        k, v = key.reshape(-1, length, width), value.reshape(-1, length, width)
        with torch.autocast(query.device.type, enabled=False):
            weights = torch.baddbmm(hidden_after(q, length, groups), q, k.transpose(1, 2)).softmax(-1)  # (B*K, G*L, L)
            for_value = torch.bmm(weights.transpose(1, 2), gradient)
            for_weights = torch.bmm(gradient, v.transpose(1, 2))
            for_scores = torch._softmax_backward_data(for_weights, weights, -1, weights.dtype)
            for_query = torch.bmm(for_scores, k).mul_(ctx.scale)
            for_key = torch.bmm(for_scores.transpose(1, 2), q)  # q is scaled already
        return for_query.view_as(query), for_key.view_as(key), for_value.view_as(value), None


def hidden_after(like: Tensor, length: int, groups: int) -> Tensor:
    """What is added to scores ``(G*L, L)`` so that no token sees those after it."""
    return like.new_full((length, length), float("-inf")).triu(1).repeat(groups, 1)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """transformers' attention function: ours where it applies, the fused kernel everywhere else."""
    special = {name for name, option in options.items() if option is not None and name not in PLAIN}
    fits = (
        torch.is_grad_enabled()
        and attention_mask is None
        and not special
        and not dropout
        and 1 < query.shape[2] == key.shape[2] <= LONGEST
        and options.get("is_causal", getattr(module, "is_causal", True))
    )
    if not fits:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **options
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    attended: Tensor = ShortCausalAttention.apply(query, key, value, scale)
    return attended.transpose(1, 2).contiguous(), None


def use_short_attention(model: PreTrainedModel) -> None:
    """Have a model that attends by the fused kernel train with this one."""
    if model.config._attn_implementation != "sdpa":
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
