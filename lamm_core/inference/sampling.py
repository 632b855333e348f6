"""How the next token is chosen from logits, and the settings a person chooses for it.

Does not know the model, the tokenizer or when to stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lamm_core.errors import ConfigError

__all__ = ["Generation", "Sampler"]


@dataclass(frozen=True)
class Generation:
    """What a person may set for one answer. ``temperature`` 0 is greedy; ``top_p`` and ``seed`` then have no effect."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}; it must be at least 1.")
        if not 0.0 <= self.temperature <= 10.0:
            raise ConfigError(f"temperature is {self.temperature}; it must lie between 0 (greedy) and 10.")
        if not 0.0 < self.top_p <= 1.0:
            raise ConfigError(f"top_p is {self.top_p}; it must lie above 0 and not above 1.")


class Sampler:
    """Chooses tokens for one answer or one batch; with a seed, the same logits give the same tokens."""

    def __init__(self, settings: Generation, device: torch.device) -> None:
        self._settings = settings
        self._generator: torch.Generator | None = None
        if settings.temperature > 0:
            self._generator = torch.Generator(device=device)
            if settings.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(settings.seed)

    def __call__(self, logits: torch.Tensor) -> list[int]:
        """One token for each row of ``logits`` (B, vocabulary).

        Ties of bf16 logits are common. They are broken as ``transformers`` does: argmax over the fp32 copy.
        """
        scores = logits.float()
        if self._generator is None:
            return scores.argmax(dim=-1).tolist()
        probabilities = torch.softmax(scores / self._settings.temperature, dim=-1)
        if self._settings.top_p < 1.0:
            probabilities = _nucleus(probabilities, self._settings.top_p)
        drawn = torch.multinomial(probabilities, 1, generator=self._generator)
        return drawn[:, 0].tolist()


def _nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """Zero all but the fewest most likely tokens that together reach ``top_p``; at least one stays."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    beyond = ordered.cumsum(dim=-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter_(-1, order, ordered.masked_fill(beyond, 0.0))
