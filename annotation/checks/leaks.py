"""Check: text that speaks of the prompt, of notes and boxes, or is the prompt itself.

Does not know other ways of giving oneself away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from annotation.checks.known import Known, answers
from annotation.review.items import Check, Draft, Span

__all__ = ["check"]

SIGNS: tuple[tuple[float, re.Pattern[str]], ...] = tuple(
    (score, re.compile(pattern, re.IGNORECASE))
    for score, pattern in (
        (0.95, r"\b(?:according to|based on|as (?:stated|noted|given|described) in|from|in) (?:the|these|your) "
               r"(?:\w+ ){0,2}(?:captions?|annotations?|bounding boxes|notes|list of objects|coordinates|metadata)\b"),
        (0.9, r"\bbounding box(?:es)?\b"),
        (0.85, r"\b(?:the|these|this) (?:provided|given|supplied|above) "
               r"(?:captions?|text|information|description|list|notes)\b"),
        (0.8, r"\b(?:captions?|annotations?) (?:provided|given|says?|mentions?|states?|describes?)\b"),
        (0.95, r"\{(?:facts|category|position|number|answer|question|label)\}"),
        (0.95, r"(?:^|\n)\s*#{2,3} ?(?:Human|Assistant|System)\b|<\|[a-z_]+\|>|\[/?INST\]"
               r"|(?:^|\n)(?:Human|Assistant|User):"),
        (0.7, r"\bas (?:an? )?(?:AI|language model)\b|\bthe (?:system )?prompt\b|\bJSON\b"),
    )
)  # fmt: skip
NUMBERS_IN_TALK = re.compile(r"\[\s*-?\d?\.\d+\s*,\s*-?\d?\.\d+[^\]]*\]")
SHARED_WORDS = 9  # in a row with a prompt: nobody writes those by chance


def check(draft: Draft, known: Known) -> Iterator[Check]:
    """A finding for each sign; coordinates are one where people only talk."""
    for turn, text in answers(draft):
        for score, pattern in SIGNS:
            for match in pattern.finditer(text):
                yield Check("leak", score, "This speaks of what the writer was given.", Span(turn, *match.span()))
        if draft.kind in ("C1", "C2", "C3"):
            for match in NUMBERS_IN_TALK.finditer(text):
                yield Check("leak", 0.6, "Coordinates in a conversation.", Span(turn, *match.span()))
        shared = _shared(text)
        if shared:
            yield Check("leak", 0.95, "These are words of the prompt.", Span(turn, *shared))


@cache
def _prompt_words() -> frozenset[tuple[str, ...]]:
    from annotation.generation.prompt import PROMPTS, load

    runs: set[tuple[str, ...]] = set()
    for name in set(PROMPTS.values()):
        words = re.findall(r"\w+", load(name).system.lower())
        runs.update(tuple(words[start : start + SHARED_WORDS]) for start in range(len(words) - SHARED_WORDS + 1))
    return frozenset(runs)


def _shared(text: str) -> tuple[int, int] | None:
    words = list(re.finditer(r"\w+", text.lower()))
    for start in range(len(words) - SHARED_WORDS + 1):
        run = words[start : start + SHARED_WORDS]
        if tuple(word[0] for word in run) in _prompt_words():
            return run[0].start(), run[-1].end()
    return None
