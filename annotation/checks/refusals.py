"""Check: answers that refuse, or say that nothing can be seen.

Does not know whether refusing was right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from annotation.checks.known import Known, answers
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

SIGNS: tuple[tuple[float, re.Pattern[str]], ...] = tuple(
    (score, re.compile(pattern, re.IGNORECASE))
    for score, pattern in (
        (0.95, r"\b(?:I'm|I am) (?:sorry|afraid)\b[^.]{0,40}\b(?:can't|cannot|can not|unable|not able)\b"),
        (0.95, r"\bI (?:can't|cannot|can not|am unable to|am not able to|do not have the ability to) "
               r"(?:\w+ ){0,2}?(?:see|view|help|assist|answer|access|look|open|process|provide|comply)\b"),
        (0.9, r"\bas an AI\b"
              r"|\b(?:unable|not able) to (?:see|view|access|process) (?:the |any )?(?:picture|image|photo)s?\b"),
        (0.6, r"\b(?:it is|it's) (?:not possible|impossible) to (?:tell|say|determine|know|see)\b"),
        (0.5, r"\bI (?:do not|don't) know\b|\bnot enough information\b|\bcannot be determined\b"),
    )
)  # fmt: skip


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """The surest sign of each answer."""
    for turn, text in answers(draft):
        for score, pattern in SIGNS:
            if match := pattern.search(text):
                yield Check("refusal", score, "This is a refusal and no answer.", Span(turn, *match.span()))
                break
