"""Tokens whose every channel has a meaning: which field stands where, and text written into them.

Does not know what the fields mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["TokenLayout"]


class TokenLayout:
    """Fields of channels, one after the other; a field is given as its names, one a channel, or as their number.

    The field ``written`` holds short texts. Written tokens say nothing but their text: a language model repeats what
    stands before it better than it calculates, so what an answer is to contain is written out as an answer writes it.
    """

    def __init__(self, fields: Mapping[str, Sequence[str] | int]) -> None:
        self.names = {field: names for field, names in fields.items() if not isinstance(names, int)}
        self.parts: dict[str, slice] = {}
        self.width = 0
        for field, names in fields.items():
            size = names if isinstance(names, int) else len(names)
            self.parts[field] = slice(self.width, self.width + size)
            self.width += size

    def token(self, **fields: int | Sequence[float] | Tensor) -> Tensor:
        """A token ``(width,)``: a number switches on that channel of its field, values fill it from its start."""
        token = torch.zeros(self.width)
        for field, value in fields.items():
            start = self.parts[field].start
            if isinstance(value, int):
                token[start + value] = 1.0
            else:
                values = torch.as_tensor(value, dtype=torch.float32)
                token[start : start + len(values)] = values
        return token

    def write(self, *texts: str) -> list[Tensor]:
        """A token for each text. Raises ValueError for one that has no channel."""
        return [self.token(written=self.names["written"].index(text)) for text in texts]

    def words(self) -> dict[int, str]:
        """The word that each named channel stands for; before an opening bracket stands a space, as in an answer."""
        return {
            channel: " [" if word == "[" else word
            for field, names in self.names.items()
            for channel, word in enumerate(names, self.parts[field].start)
        }
