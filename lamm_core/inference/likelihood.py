"""How likely each of some answers is after a prompt, as the mean log-probability of its tokens.

Does not know text, adapters or tasks. The prompt is computed once and shared by all answers. Legend: L positions, H
hidden width, N answers, M tokens of the longest one, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lamm_core.errors import DataError

__all__ = ["mean_log_probabilities"]


@torch.inference_mode()
def mean_log_probabilities(model: nn.Module, prompt: Tensor, answers: Sequence[Sequence[int]]) -> list[float]:
    """For each answer the mean over its tokens of their log-probability after ``prompt`` (L, H).

    ``model`` is a causal language model of transformers with the adapters active that are to count. Raises DataError
    for an answer without tokens.
    """
    if not all(answers):
        raise DataError("An answer without a single token has no likelihood. Check the options of the task.")
    causal: Any = model
    accepted = inspect.signature(causal.forward).parameters
    last_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
    begun = causal(inputs_embeds=prompt[None], use_cache=True, **last_only)
    first = torch.log_softmax(begun.logits[0, -1].float(), dim=-1)  # (V,)
    totals = [float(first[answer[0]]) for answer in answers]
    longest = max(map(len, answers))
    if longest > 1:
        following = _following(causal, begun.past_key_values, prompt, answers, accepted)  # (N, M - 1, V)
        for row, answer in enumerate(answers):
            if len(answer) > 1:
                places = torch.arange(len(answer) - 1, device=following.device)
                totals[row] += float(following[row, places, torch.tensor(answer[1:], device=following.device)].sum())
    return [total / len(answer) for total, answer in zip(totals, answers, strict=True)]


def _following(model: Any, cache: Any, prompt: Tensor, answers: Sequence[Sequence[int]], accepted: Any) -> Tensor:
    """Log-probabilities after each token of each answer but its last; rows are padded on the right."""
    start, width = len(prompt), max(map(len, answers)) - 1
    ids = torch.zeros(len(answers), width, dtype=torch.long, device=prompt.device)
    mask = torch.zeros(len(answers), start + width, dtype=torch.long, device=prompt.device)
    mask[:, :start] = 1
    for row, answer in enumerate(answers):
        ids[row, : len(answer) - 1] = torch.tensor(answer[:-1], device=prompt.device)
        mask[row, start : start + len(answer) - 1] = 1
    options: dict[str, Any] = {}
    if "position_ids" in accepted:  # models without rotary or learned positions (ALiBi) take none
        options["position_ids"] = torch.arange(start, start + width, device=prompt.device).expand(len(answers), -1)
    cache.batch_repeat_interleave(len(answers))
    output = model(
        inputs_embeds=model.get_input_embeddings()(ids), attention_mask=mask, past_key_values=cache, **options
    )
    return torch.log_softmax(output.logits.float(), dim=-1)
