"""What a decoder is, the one that works for every causal language model, and the choice between them.

Does not know prompts or text. Legend: B rows, L positions, H hidden width, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Protocol, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers.cache_utils import DynamicLayer

from lamm_core.inference.llama_decoder import LlamaDecoder
from lamm_core.inference.llama_weights import base_of, fits
from lamm_core.inference.loop import Group, StopSignal, decode_one
from lamm_core.inference.sampling import Generation
from lamm_core.model.adapters import active, active_names

__all__ = ["Decoder", "TransformersDecoder", "decoder_for"]


class Decoder(Protocol):
    """Turns prompts into tokens with the adapters that are active when it is called."""

    def generate(
        self, inputs_embeds: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> Iterator[int]:
        """Tokens after a prompt ``(L, H)``, computed as they are asked for, without the one that ends the answer."""
        ...

    def group(self) -> Group:
        """A group without rows, which keeps the adapters that are active now."""
        ...


def decoder_for(language_model: nn.Module) -> Decoder:
    """The fastest decoder that computes this model."""
    return LlamaDecoder(language_model) if fits(language_model) else TransformersDecoder(language_model)


class TransformersDecoder:
    """Decodes any causal language model through its own forward pass."""

    def __init__(self, language_model: nn.Module) -> None:
        self._model = language_model

    def generate(
        self, inputs_embeds: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> Iterator[int]:
        """Tokens after a prompt (L, H)."""
        return decode_one(self.group(), inputs_embeds, settings, stop_ids, stop)

    def group(self) -> Group:
        """A group without rows."""
        return TransformersGroup(self._model)


class TransformersGroup:
    """Sequences in progress on a model of transformers, padded on the left.

    A batched product rounds otherwise than a single one, so in half precision an answer may differ from the one
    computed alone.
    """

    def __init__(self, language_model: nn.Module) -> None:
        self._wrapped = language_model if isinstance(language_model, PeftModel) else None
        self._adapters = active_names(language_model) if isinstance(language_model, PeftModel) else ()
        self._model: Any = base_of(language_model)
        self._accepted = inspect.signature(self._model.forward).parameters
        self._cache: Any = None
        self._mask = torch.empty(0, 0, dtype=torch.long)  # (B, L), 0 at padding

    @property
    def full(self) -> bool:
        # Layers that keep a window or a state cannot be put beside others.
        return self._cache is not None and any(type(layer) is not DynamicLayer for layer in self._cache.layers)

    @torch.inference_mode()
    def join(self, prompt: Tensor, stop: StopSignal) -> Tensor | None:
        if stop.is_set():
            return None
        mask = torch.ones(1, len(prompt), dtype=torch.long, device=prompt.device)
        output = self._forward(prompt.detach()[None], mask, None)
        if self._cache is None:
            self._cache, self._mask = output.past_key_values, mask
        else:
            longest = max(self._mask.shape[1], len(prompt))
            for old, new in zip(self._cache.layers, output.past_key_values.layers, strict=True):
                old.keys, old.values = (
                    torch.cat([pad(part, (0, 0, longest - part.shape[2], 0)) for part in parts])
                    for parts in ((old.keys, new.keys), (old.values, new.values))
                )
            self._mask = torch.cat([pad(part, (longest - part.shape[1], 0)) for part in (self._mask, mask)])
        return cast(Tensor, output.logits[:, -1])

    @torch.inference_mode()
    def advance(self, tokens: Sequence[int]) -> Tensor:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        ids = torch.tensor(tokens, device=self._mask.device)[:, None]
        output = self._forward(self._model.get_input_embeddings()(ids), self._mask, self._cache)
        self._cache = output.past_key_values
        return cast(Tensor, output.logits[:, -1])

    @torch.inference_mode()
    def leave(self, row: int) -> None:
        left = [other for other in range(len(self._mask)) if other != row]
        if not left:
            self._cache, self._mask = None, self._mask[:0]
            return
        chosen = torch.tensor(left, device=self._mask.device)
        self._mask = self._mask[chosen]
        padding = int((self._mask.sum(dim=0) > 0).int().argmax())  # columns that nobody left needs
        self._mask = self._mask[:, padding:]
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[chosen, :, padding:], layer.values[chosen, :, padding:]

    def _forward(self, inputs: Tensor, mask: Tensor, cache: Any) -> Any:
        options: dict[str, Any] = {}
        # Models without rotary or learned positions (ALiBi) take none.
        if "position_ids" in self._accepted:
            options["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
        if "logits_to_keep" in self._accepted:
            options["logits_to_keep"] = 1
        with active(self._wrapped, self._adapters) if self._wrapped is not None else nullcontext():
            return self._model(
                inputs_embeds=inputs, attention_mask=mask, past_key_values=cache, use_cache=True, **options
            )
