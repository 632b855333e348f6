"""Check: markup in texts that should have none, above all such as would run or load something when shown.

Does not know how texts are shown; whoever shows them escapes them as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from annotation.checks.known import READ, Known
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

SIGNS: tuple[tuple[float, str, re.Pattern[str]], ...] = tuple(
    (score, message, re.compile(pattern, re.IGNORECASE))
    for score, message, pattern in (
        (1.0, "This would run if it were shown as it is.",
         r"<\s*/?\s*(?:script|iframe|object|embed|svg|style|link|meta|base|form)\b[^>]*>?"
         r"|\bon(?:error|load|click|mouseover|focus)\s*="
         r"|\b(?:javascript|vbscript|data):[^\s)]*"),
        (0.9, "This would load something from elsewhere.",
         r"!\[[^\]]*\]\([^)]*\)|<\s*(?:img|audio|video|source)\b[^>]*>?"),
        (0.75, "A tag.", r"</?(?!image>|pointcloud>)[a-z][a-z0-9]*(?:\s[^<>]{0,200})?/?>"),
        (0.7, "A link.", r"\[[^\]\n]{1,200}\]\((?:https?:|/|#|mailto:)[^)\s]*\)|\bhttps?://\S+"),
        (0.35, "Markdown.", r"(?m)^\s*(?:#{1,6} |[-*+] |```)|\*\*[^*\n]+\*\*|__[^_\n]+__"),
        (0.85, "A character that hides or turns text.",
         "[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f]"),
    )
)  # fmt: skip


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each piece of markup, in questions too; of pieces inside each other the worst."""
    for turn, spoken in enumerate(draft.turns):
        taken: list[tuple[int, int]] = []
        for score, message, pattern in SIGNS:
            for match in pattern.finditer(spoken.text[:READ]):
                start, end = match.span()
                if not any(start < other_end and other_start < end for other_start, other_end in taken):
                    taken.append((start, end))
                    yield Check("markup", score, message, Span(turn, start, end))
