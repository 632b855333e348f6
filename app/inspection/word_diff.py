"""Two answers word by word: which words both have and which only one.

Does not know how they are drawn.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TypedDict

__all__ = ["Piece", "compared"]

_MOST_WORDS = 1500  # of one answer; the comparison takes time by the square


class Piece(TypedDict):
    """A stretch of an answer; ``only`` says that the other answer lacks it."""

    text: str
    only: bool


def compared(first: str, second: str) -> tuple[list[Piece], list[Piece]]:
    """Both answers in pieces whose texts joined are the answers themselves. Very long ones are not compared."""
    one, other = _words(first), _words(second)
    if len(one) > _MOST_WORDS or len(other) > _MOST_WORDS:
        return [{"text": first, "only": False}], [{"text": second, "only": False}]
    blocks = SequenceMatcher(a=[_key(word) for word in one], b=[_key(word) for word in other], autojunk=False)
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, start, end, other_start, other_end in blocks.get_opcodes():
        for side, text in zip(pieces, ("".join(one[start:end]), "".join(other[other_start:other_end])), strict=True):
            if text:
                side.append({"text": text, "only": kind != "equal"})
    return pieces


def _words(text: str) -> list[str]:
    """Words with the space after them, so that nothing is lost; punctuation stands alone."""
    return re.findall(r"\s+|\w+(?:\.\w+)*\s*|[^\w\s]\s*", text)


def _key(word: str) -> str:
    return word.strip() or " "
