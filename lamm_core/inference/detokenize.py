"""Text out of tokens while they come: whole characters only, and the end where a template ends with text.

Does not know the model or the clock.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["TextStream"]

BROKEN = "\ufffd"  # what a decoder writes for bytes that are not a character (yet)


class TextStream:
    """Collects the tokens of one answer; `add` gives the new text, which never ends inside a character.

    ``ended`` turns true when one of ``stop_strings`` was written; it and all behind it are left out. ``lead`` is what
    the template lets the model write before the answer.
    """

    def __init__(self, tokenizer: Any, stop_strings: Collection[str] = (), lead: str = "") -> None:
        self._tokenizer = tokenizer
        self._stop_strings = tuple(stop_strings)
        self._lead = lead
        self._ids: list[int] = []
        # Decoding starts at `_context`, behind which some tokens are known to read as they do alone.
        self._context = self._read = 0
        self._held = ""
        self.ended = False

    def add(self, token: int) -> str:
        """The text that this token completes; often empty."""
        self._ids.append(token)
        known = self._decode(self._ids[self._context : self._read])
        text = self._decode(self._ids[self._context :])
        if text.endswith(BROKEN) or len(text) <= len(known):
            return ""
        self._context, self._read = self._read, len(self._ids)
        return self._release(text[len(known) :])

    def finish(self) -> str:
        """What was held back; bytes that never became a character are dropped."""
        if self.ended:
            return ""
        known = self._decode(self._ids[self._context : self._read])
        text = self._decode(self._ids[self._context :])[len(known) :].rstrip(BROKEN)
        released = self._release(text)
        held, self._held = self._held, ""
        return released + ("" if self.ended else held)

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _release(self, text: str) -> str:
        """Pass text on, but for an ending that may become a stop string."""
        text = self._held + text
        self._held = ""
        if self._lead:
            if len(text) < len(self._lead) and self._lead.startswith(text):
                self._held = text
                return ""
            text, self._lead = text.removeprefix(self._lead), ""
        found = [place for stop in self._stop_strings if (place := text.find(stop)) >= 0]
        if found:
            self.ended = True
            return text[: min(found)]
        held = max((overlap(text, stop) for stop in self._stop_strings), default=0)
        kept = len(text) - held
        self._held = text[kept:]
        return text[:kept]


def overlap(text: str, stop: str) -> int:
    """Length of the longest ending of ``text`` that begins ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((length for length in range(longest, 0, -1) if stop.startswith(text[-length:])), 0)
