"""What a judge said, read: ranks of two answers, or a number from 0 to 10. Nothing here raises.

Does not know what was asked. What cannot be read is None, never a tie or a 0.
"""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Ranks", "ranks", "rating"]

Ranks = Literal["first", "second", "tie"]


def ranks(text: str) -> Ranks | None:
    """From the first line that is not empty: "1 2" is the first answer, "2 1" the second, equal ranks a tie."""
    found = re.fullmatch(r"\W*([12])[\s,;/|]+([12])\W*", _first_line(text))
    if found is None:
        return None
    if found[1] == found[2]:
        return "tie"
    return "first" if found[1] == "1" else "second"


def rating(text: str) -> float | None:
    """From the first line that is not empty: a number from 0 to 10, alone or as "8/10" or "Rating: 8"."""
    found = re.fullmatch(r"[^\w+-]*(?:(?:rating|score|grade)\W*)?(\d{1,2}(?:\.\d{1,4})?)(?:\s*/\s*10|\s+out of 10)?\W*",
                         _first_line(text), re.IGNORECASE | re.ASCII)  # fmt: skip
    value = float(found[1]) if found else None
    return value if value is not None and value <= 10 else None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
