"""What a decoder is, the one that works for every causal language model, and the choice between them.

Does not know prompts, adapters or text. Legend: B rows, L positions, H hidden width, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from lamm_core.inference.llama_decoder import LlamaDecoder
from lamm_core.inference.llama_weights import base_of, fits
from lamm_core.inference.loop import StopSignal, decode_many, decode_one
from lamm_core.inference.sampling import Generation

__all__ = ["Decoder", "TransformersDecoder", "decoder_for"]


class Decoder(Protocol):
    """Turns prompts into tokens with the adapters that are active when it is called."""

    def generate(
        self, inputs_embeds: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> Iterator[int]:
        """Tokens after a prompt ``(L, H)``, computed as they are asked for, without the one that ends the answer."""
        ...

    def generate_many(
        self, prompts: Sequence[Tensor], settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> list[list[int]]:
        """Tokens after each prompt ``(L_i, H)``, as one batch."""
        ...


def decoder_for(language_model: nn.Module) -> Decoder:
    """The fastest decoder that computes this model."""
    return LlamaDecoder(language_model) if fits(language_model) else TransformersDecoder(language_model)


class TransformersDecoder:
    """Decodes any causal language model through its own forward pass."""

    def __init__(self, language_model: nn.Module) -> None:
        self._model = base_of(language_model)

    def generate(
        self, inputs_embeds: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> Iterator[int]:
        """Tokens after a prompt (L, H)."""
        return decode_one(TransformersRows(self._model), inputs_embeds, settings, stop_ids, stop)

    def generate_many(
        self, prompts: Sequence[Tensor], settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> list[list[int]]:
        """Tokens after each prompt (L_i, H), as one batch."""
        return decode_many(TransformersRows(self._model), prompts, settings, stop_ids, stop)


class TransformersRows:
    """Sequences in progress on a model of transformers, padded on the left."""

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model
        self._accepted = inspect.signature(self._model.forward).parameters
        self._cache: Any = None

    @torch.inference_mode()
    def start(self, prompts: Sequence[Tensor], stop: StopSignal) -> Tensor | None:
        if stop.is_set():
            return None
        longest = max(len(prompt) for prompt in prompts)
        inputs = prompts[0].new_zeros(len(prompts), longest, prompts[0].shape[1])
        self._mask = torch.zeros(len(prompts), longest, dtype=torch.long, device=inputs.device)
        for row, prompt in enumerate(prompts):
            inputs[row, longest - len(prompt) :] = prompt.detach()
            self._mask[row, longest - len(prompt) :] = 1
        return self._forward(inputs)

    @torch.inference_mode()
    def advance(self, tokens: Sequence[int]) -> Tensor:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        ids = torch.tensor(tokens, device=self._mask.device)[:, None]
        return self._forward(self._model.get_input_embeddings()(ids))

    def keep(self, rows: Sequence[int]) -> bool:
        if not hasattr(self._cache, "batch_select_indices"):
            return False
        chosen = torch.tensor(rows, device=self._mask.device)
        self._cache.batch_select_indices(chosen)
        self._mask = self._mask[chosen]
        return True

    def _forward(self, inputs: Tensor) -> Tensor:
        options: dict[str, Any] = {}
        # Models without rotary or learned positions (ALiBi) take none.
        if "position_ids" in self._accepted:
            options["position_ids"] = (self._mask.cumsum(dim=1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
        if "logits_to_keep" in self._accepted:
            options["logits_to_keep"] = 1
        output = self._model(
            inputs_embeds=inputs,
            attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
            **options,
        )
        self._cache = output.past_key_values
        return cast(Tensor, output.logits[:, -1])
