"""The contract of a modality: how its files are opened and what turns them into tokens.

Does not know the projector, the language model or the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

__all__ = ["Encoder", "Modality", "WordExamples"]


@runtime_checkable
class Encoder(Protocol):
    """Turns opened media into feature tokens. Implementations are ``torch.nn.Module``s.

    ``width`` is the number of channels of one token. ``ours`` says that the weights were trained by this project and
    belong in the checkpoint; otherwise they are base weights, fetched and identified by hash.
    """

    width: int
    ours: bool

    def fingerprint(self) -> str:
        """Hash of weights and preprocessing: equal fingerprints give equal features (the feature cache's key)."""
        ...

    def prepare(self, medium: Any) -> torch.Tensor:
        """Preprocess one opened medium on the CPU."""
        ...

    def encode(self, prepared: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Encode a batch; one ``(num_tokens_i, width)`` tensor for each medium, in order."""
        ...


@runtime_checkable
class WordExamples(Protocol):
    """An encoder whose tokens mean words: a projector can start from the language model's embeddings of them."""

    def word_examples(self) -> tuple[torch.Tensor, list[str]]:
        """Rows ``(k, width)`` as tokens would hold them, and the word that each means.

        One character, or a text that starts with a space, is meant exactly as it is written.
        """
        ...


class Modality(Protocol):
    """One kind of media. A new modality is one file with such an object and one line in ``modalities/__init__``."""

    name: str
    placeholder: str
    suffixes: tuple[str, ...]
    viewer: str

    def load(self, path: Path) -> Any:
        """Open a file. Raises MediaError saying which file and what was expected."""
        ...

    def build_encoder(self, name: str, options: Mapping[str, Any], cache: Path) -> Encoder:
        """Build the encoder called ``name``. Raises ConfigError naming the nearest valid name."""
        ...

    def memory(self, name: str) -> int:
        """Bytes of weights of the encoder called ``name`` at inference."""
        ...
