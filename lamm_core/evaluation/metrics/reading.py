"""How well a text was read: edits of characters, and words that are right.

Does not know pictures. The character error rate is edits over true characters, so it can exceed 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["edits", "words_right"]


def edits(said: Sequence[str], true: Sequence[str]) -> int:
    """The fewest insertions, deletions and replacements that make one of the other (Levenshtein)."""
    row = list(range(len(true) + 1))
    for count, token in enumerate(said, start=1):
        before, row[0] = row[0], count
        for place, other in enumerate(true, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (token != other))
    return row[-1]


def words_right(said: Sequence[str], true: Sequence[str]) -> int:
    """How many of the true words were said, each word that was said counting once."""
    return sum((Counter(said) & Counter(true)).values())
