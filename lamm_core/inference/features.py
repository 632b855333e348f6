"""Encoded media kept by the content of their files, so that a conversation encodes each picture once.

Does not know prompts or decoding.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from lamm_core.conversation import Media
from lamm_core.errors import MediaError
from lamm_core.model.lamm import LammModel

__all__ = ["FeatureCache"]


class FeatureCache:
    """The features of the media used last, at most ``capacity`` of them."""

    def __init__(self, model: LammModel, capacity: int = 64) -> None:
        self._model = model
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Tensor] = OrderedDict()

    def encode(self, media: Sequence[Media]) -> list[Tensor]:
        """Encoder tokens of each medium, in order. Raises MediaError."""
        keys = [(medium.modality, content_hash(medium.path)) for medium in media]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: medium for key, medium in zip(keys, media, strict=True) if key not in found}
        if missing:
            found.update(zip(missing, self._model.encode(list(missing.values())), strict=True))
        for key, features in found.items():
            self._kept[key] = features
            self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return [found[key] for key in keys]


def content_hash(path: Path) -> str:
    """SHA-256 of a file. Raises MediaError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read ({error.strerror}). Choose the file again.") from error
