"""Weights of a Llama as the fast decoder wants them: LoRA merged in, laid out for the processor's matrix unit.

Does not know tokens or caches. The model's own weights are never changed; what is private here is counted in
`LlamaWeights.private_bytes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaForCausalLM

__all__ = ["LlamaWeights", "Projection", "WeightStore", "base_of", "fits"]

# Layout hint in rows. With 64 the products are bit-equal to F.linear's for any number of rows, with 1 or 16 they are
# not beyond 32 rows, and one row is as fast (measured: oneDNN in torch 2.13, AMX; 576, 1536 and 49152 wide).
PACKED_FOR_ROWS = 64
# Layers fused into one product are bit-equal to separate ones up to at least 150 rows, no longer at 200 (same measure).
FUSED_UP_TO_ROWS = 128
# A set is all q, k, v, o of the model; four cover no adapter and three combinations.
KEPT_SETS = 4
TRIED = 200_000  # results that are compared before a number of rows counts as exact
EXACT_ROWS: dict[tuple[object, ...], int] = {}  # by widths, packing and threads


def base_of(language_model: nn.Module) -> Any:
    """The causal language model inside a PEFT wrapper, or itself."""
    return language_model.get_base_model() if isinstance(language_model, PeftModel) else language_model


def fits(language_model: nn.Module) -> bool:
    """Whether the fast decoder computes this model: a plain Llama in bf16 or fp32 on the CPU, LoRA or none."""
    base = base_of(language_model)
    if type(base) is not LlamaForCausalLM or getattr(base, "is_quantized", False):
        return False
    config = base.config
    rope_type = (config.rope_parameters or {}).get("rope_type", "default")
    weight = base.get_input_embeddings().weight
    plain = weight.device.type == "cpu" and weight.dtype in (torch.bfloat16, torch.float32)
    linears = [layer for name, layer in base.model.layers.named_modules() if name.endswith("_proj")]
    return (
        plain
        and config.hidden_act == "silu"
        and rope_type in ("default", "linear", "llama3", "yarn")
        and config._attn_implementation == "sdpa"
        and type(base.lm_head) is nn.Linear
        and all(is_plain(layer, weight.dtype) for layer in [*linears, base.lm_head])
    )


def is_plain(layer: nn.Module, dtype: torch.dtype) -> bool:
    """An ordinary linear layer without bias, under plain LoRA or none."""
    if isinstance(layer, LoraLayer):
        if layer.lora_variant or any(layer.lora_bias.values()) or layer.merged:
            return False
        layer = layer.get_base_layer()
    return type(layer) is nn.Linear and layer.bias is None and layer.weight.dtype == dtype


class Projection:
    """Linear layers that read the same input, as one product. Bit-equal to the layers one by one."""

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self.parts = tuple(parts)
        self.widths = tuple(len(part) for part in parts)
        self.packed_bytes = 0
        self._packed: Tensor | None = None
        if can_pack(parts[0]):
            joined = torch.cat(self.parts) if len(parts) > 1 else parts[0].contiguous()
            self._packed = torch.ops.mkldnn._reorder_linear_weight(joined, PACKED_FOR_ROWS)
            self._product: Any = torch.ops.mkldnn._linear_pointwise.default
            self.packed_bytes = joined.nbytes
            if len(parts) == 1:
                self.parts = ()

    def each(self, rows: Tensor) -> Tensor:
        """As calling it, and in bf16 each row is bit-equal to what it is alone."""
        if rows.dtype != torch.bfloat16 or len(rows) == 1:
            return self(rows)
        return torch.cat([self(some) for some in rows.split(self._exact_rows(rows.shape[1]))])

    def _exact_rows(self, width: int) -> int:
        """How many rows at once are computed as each alone, found by trying.

        Kernels differ in the order in which they add, by processor, shape and number of rows (measured: oneDNN in torch
        2.13 on a Zen 5 splits sums of 1536 from 7 rows on, of which one result in 5000 then rounds otherwise).
        """
        key = (self.widths, width, self._packed is not None, torch.get_num_threads())
        if key not in EXACT_ROWS:
            EXACT_ROWS[key] = next(rows for rows in (16, 8, 4, 2, 1) if rows == 1 or self._is_exact(rows, width))
        return EXACT_ROWS[key]

    def _is_exact(self, rows: int, width: int) -> bool:
        generator = torch.Generator().manual_seed(0)
        for _ in range(-(-TRIED // (rows * sum(self.widths)))):
            tried = torch.randn(rows, width, generator=generator).to(torch.bfloat16)
            if not torch.equal(self(tried), torch.cat([self(row) for row in tried.split(1)])):
                return False
        return True

    def __call__(self, rows: Tensor) -> Tensor:
        """(N, width in) to (N, sum of widths out)."""
        if self._packed is not None and (not self.parts or len(rows) <= FUSED_UP_TO_ROWS):
            return cast(Tensor, self._product(rows, self._packed, None, "none", [], ""))
        if len(self.parts) == 1:
            return functional.linear(rows, self.parts[0])
        return torch.cat([functional.linear(rows, part) for part in self.parts], dim=-1)


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN multiplies this type natively here; otherwise packing gains nothing."""
    if weight.dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return False
    return hasattr(torch.ops.mkldnn, "_reorder_linear_weight") and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@dataclass(frozen=True, eq=False)
class Layer:
    """One decoder layer."""

    attention_norm: Tensor
    query_key_value: Projection
    output: Projection
    mlp_norm: Tensor
    gate_up: Projection
    down: Projection


@dataclass(frozen=True, eq=False)
class LlamaWeights:
    """A whole model with one combination of adapters merged in."""

    layers: tuple[Layer, ...]
    norm: Tensor
    head: Projection
    private_bytes: int


class WeightStore:
    """Builds and keeps the weights for each combination of active adapters; layers without LoRA are shared."""

    def __init__(self, language_model: nn.Module) -> None:
        self.base: Any = base_of(language_model)
        self._lora = [module for module in self.base.modules() if isinstance(module, LoraLayer)]
        self._shared: dict[int, Projection] = {}
        self._sets: dict[tuple[object, ...], LlamaWeights] = {}

    @torch.no_grad()
    def current(self) -> LlamaWeights:
        """The weights for the adapters that are active now. The caller holds the model's adapter lock."""
        key = tuple(state for module in self._lora for state in adapter_state(module))
        weights = self._sets.pop(key, None) or self._build()
        self._sets[key] = weights
        while len(self._sets) > KEPT_SETS:
            del self._sets[next(iter(self._sets))]
        return weights

    def _build(self) -> LlamaWeights:
        private = 0

        def projection(*layers: nn.Module) -> Projection:
            nonlocal private
            merged = [merge(layer) for layer in layers]
            if all(copied is None for copied in merged):
                shared = self._shared.get(id(layers[0]))
                if shared is None:
                    shared = self._shared[id(layers[0])] = Projection([plain_weight(layer) for layer in layers])
                    private += shared.packed_bytes
                return shared
            made = Projection(
                [plain_weight(one) if copied is None else copied for one, copied in zip(layers, merged, strict=True)]
            )
            private += made.packed_bytes
            private += sum(copied.nbytes for copied in merged if copied is not None and made.parts)
            return made

        layers = tuple(
            Layer(
                layer.input_layernorm.weight.detach(),
                projection(layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                projection(layer.self_attn.o_proj),
                layer.post_attention_layernorm.weight.detach(),
                projection(layer.mlp.gate_proj, layer.mlp.up_proj),
                projection(layer.mlp.down_proj),
            )
            for layer in self.base.model.layers
        )
        head = projection(self.base.lm_head)
        return LlamaWeights(layers, self.base.model.norm.weight.detach(), head, private)


def plain_weight(layer: nn.Module) -> Tensor:
    """The weight under any adapter."""
    linear: Any = layer.get_base_layer() if isinstance(layer, LoraLayer) else layer
    return cast(Tensor, linear.weight.detach())


def active_in(layer: LoraLayer) -> list[str]:
    """Adapters that take part in this layer's product."""
    return [] if layer.disable_adapters else [name for name in layer.active_adapters if name in layer.lora_A]


def merge(layer: nn.Module) -> Tensor | None:
    """A merged copy of the weight, equal to PEFT's merge; None where no adapter is active."""
    if not isinstance(layer, LoraLayer) or not (names := active_in(layer)):
        return None
    weight = plain_weight(layer).clone()
    for name in names:
        weight += layer.get_delta_weight(name)
    return weight


def adapter_state(layer: LoraLayer) -> list[object]:
    """What changes when the active adapters or their weights do."""
    state: list[object] = []
    for name in active_in(layer):
        for weight in (layer.lora_A[name].weight, layer.lora_B[name].weight):
            state += [name, weight.data_ptr(), 0 if weight.is_inference() else weight._version]
    return state
