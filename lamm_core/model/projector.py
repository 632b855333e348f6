"""The trained layer that carries encoder tokens into the space of the language model's embeddings.

Does not know encoders, language models or where the tokens will stand.
"""

from __future__ import annotations

from torch import nn

from lamm_core.config import ProjectorKind
from lamm_core.errors import ConfigError

__all__ = ["build_projector"]


def build_projector(kind: ProjectorKind, width_in: int, width_out: int) -> nn.Module:
    """A module from ``(..., width_in)`` to ``(..., width_out)``.

    "linear" is LAMM's single Linear; "mlp" is Linear, GELU, Linear (LLaVA-1.5). Raises ConfigError for another kind.
    """
    if kind == "linear":
        return nn.Linear(width_in, width_out)
    if kind == "mlp":
        return nn.Sequential(nn.Linear(width_in, width_out), nn.GELU(), nn.Linear(width_out, width_out))
    raise ConfigError(f"There is no projector called {kind!r}. Known: linear, mlp.")
