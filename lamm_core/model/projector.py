"""The trained layer that carries encoder tokens into the space of the language model's embeddings.

Does not know encoders, language models or where the tokens will stand.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamm_core.config import ProjectorKind
from lamm_core.errors import ConfigError

__all__ = ["build_projector", "start_from_words"]

RIDGE = 0.05
# Of the length of a word's embedding, for channels that no word stands for: several of them are on at once.
WORDLESS = 0.3


def build_projector(kind: ProjectorKind, width_in: int, width_out: int) -> nn.Module:
    """A module from ``(..., width_in)`` to ``(..., width_out)``.

    "linear" is LAMM's single Linear; "words" is one that `start_from_words` gives its first weights; "mlp" is Linear,
    GELU, Linear (LLaVA-1.5). Raises ConfigError for another kind.
    """
    if kind in ("linear", "words"):
        return nn.Linear(width_in, width_out)
    if kind == "mlp":
        return nn.Sequential(nn.Linear(width_in, width_out), nn.GELU(), nn.Linear(width_out, width_out))
    raise ConfigError(f"There is no projector called {kind!r}. Known: linear, mlp, words.")


@torch.no_grad()
def start_from_words(projector: nn.Linear, examples: Tensor, embeddings: Tensor) -> None:
    """First weights by ridge regression: token rows ``(k, width_in)`` onto their words' embeddings ``(k, width_out)``.

    A token that says "frog" then looks like the word from the first step on, and the language model only has to learn
    the rest. Channels in no example start at random, shorter than a word.
    """
    rows, targets = examples.double(), embeddings.double()
    covariance = rows.T @ rows
    weight = torch.linalg.solve(covariance + RIDGE * torch.eye(len(covariance), dtype=torch.float64), rows.T @ targets)
    wordless = covariance.diagonal() == 0
    length = targets.norm(dim=-1).mean() * WORDLESS
    noise = torch.randn(int(wordless.sum()), targets.shape[1], dtype=torch.float64)
    weight[wordless] = noise / noise.norm(dim=-1, keepdim=True) * length
    projector.weight.copy_(weight.T.to(projector.weight.dtype))
    projector.bias.zero_()
