"""What a judge is told: the two prompt files, filled in, and their hash.

Does not know who judges. The first part of a file is the system message, the second the question; a judge's figures are
only comparable under the same hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from lamm_core.conversation import Media, Turn

__all__ = ["Kind", "messages", "prompt_hash"]

Kind = Literal["pair", "rating"]
_PARTS = "=====\n"
_MARK = re.compile(r"\[\s*(?:end of )?(?:question|reference|answer)(?: \d)?\s*\]", re.IGNORECASE)


@cache
def _file(kind: Kind) -> str:
    return (resources.files(__package__) / f"{kind}.txt").read_text(encoding="utf-8")


def prompt_hash(kind: Kind) -> str:
    """SHA-256 of the prompt file, before anything is filled in."""
    return hashlib.sha256(_file(kind).encode()).hexdigest()


def messages(kind: Kind, slots: Mapping[str, str], *, media: tuple[Media, ...] = ()) -> tuple[Turn, ...]:
    """The conversation that asks for one judgement; marks of our own inside an answer are taken out of it."""
    clean = {name: _MARK.sub("", text).strip() or "(nothing)" for name, text in slots.items()}
    system, question = _file(kind).split(_PARTS)
    if media:
        system = re.sub(r"You do not see \{medium\};", "You see {medium}, and", system)
    return Turn("system", _fill(system, clean).strip()), Turn("user", _fill(question, clean).strip(), media)


def _fill(text: str, slots: Mapping[str, str]) -> str:
    """All slots at once, so that braces inside an answer stay what they are."""
    return re.sub(r"\{(\w+)\}", lambda match: slots[match[1]], text)
