"""The words of the fake writer: questions, openings, numbers.

Does not know notes.
"""

from __future__ import annotations

from collections.abc import Mapping

from annotation.visual_tasks.wordings import a_or_an, plural

__all__ = ["NUMBERS", "WORDS", "kinds", "number", "some"]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

WORDS: dict[str, list[str]] = {
    "what": ["What can you see in this {medium}?", "What is in the {medium}?", "Tell me what the {medium} shows.",
             "Which things are there?", "What do you notice first?"],
    "happens": ["What is going on?", "What is happening here?", "Can you sum up the scene?"],
    "many": ["How many {things} are there?", "How many {things} does the {medium} show?", "Count the {things}."],
    "read": ["What does it say?", "Can you read the text?"],
    "facts": ["What should I know about the {label}?", "Tell me more about it.", "What else is known?",
              "Is there anything special about a {label}?", "What is a {label} known for?"],
    "describe": ["Describe the {medium} in detail.", "Tell me in detail what this {medium} shows.",
                 "Give a full description of the {medium}.", "Write down everything you can see in this {medium}.",
                 "What exactly does the {medium} show? Take your time."],
    "opening": ["The {medium} shows {kinds}.", "In this {medium} there can be seen {kinds}.",
                "What is shown is {kinds}."],
}  # fmt: skip


def number(count: int) -> str:
    """A number as it is written in a sentence."""
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else str(count)


def some(label: str, count: int) -> str:
    """So many of a kind."""
    return f"{number(count)} {label if count == 1 else plural(label)}"


def kinds(counts: Mapping[str, int]) -> str:
    """All kinds with their numbers, as a list in words."""
    parts = [a_or_an(label) if count == 1 else some(label, count) for label, count in counts.items()]
    if not parts:
        return "a scene"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
