"""Answers read as labels, numbers, words, options, and yes or no.

Does not know boxes and points; lamm_core.grounding reads those. Nothing here raises, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

__all__ = [
    "COCO_SYNONYMS",
    "NUMBER_WORDS",
    "VOC_SYNONYMS",
    "Read",
    "known_label",
    "label_in",
    "mentions",
    "number",
    "option_in",
    "singular",
    "words",
    "yes_or_no",
]

COUNTED = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NUMBER_WORDS = {word: value for value, word in enumerate(COUNTED)} | {"no": 0, "none": 0}

PLURALS = {"people": "person", "knives": "knife", "mice": "mouse", "men": "man", "women": "woman"}

# What people and older models call the classes of COCO.
COCO_SYNONYMS = {
    "man": "person", "woman": "person", "boy": "person", "girl": "person", "child": "person", "bike": "bicycle",
    "motorbike": "motorcycle", "aeroplane": "airplane", "plane": "airplane", "ship": "boat", "sofa": "couch",
    "table": "dining table", "television": "tv", "tv monitor": "tv", "tvmonitor": "tv", "pottedplant": "potted plant",
    "plant": "potted plant", "cellphone": "cell phone", "phone": "cell phone", "automobile": "car",
}  # fmt: skip


# The same for the classes of Pascal VOC, some of which COCO spells otherwise.
VOC_SYNONYMS = {
    "man": "person", "woman": "person", "boy": "person", "girl": "person", "child": "person", "bike": "bicycle",
    "airplane": "aeroplane", "plane": "aeroplane", "ship": "boat", "automobile": "car", "table": "diningtable",
    "dining table": "diningtable", "motorcycle": "motorbike", "plant": "pottedplant", "potted plant": "pottedplant",
    "couch": "sofa", "tv": "tvmonitor", "television": "tvmonitor", "monitor": "tvmonitor", "tv monitor": "tvmonitor",
}  # fmt: skip


class Read(NamedTuple):
    """What an answer was read as, None where it cannot be, and by which rule."""

    value: str | None
    how: str


def singular(label: str) -> str:
    """A class name in small letters and singular, without its article."""
    text = re.sub(r"^(?:a|an|the|one)\s+", "", label.strip().lower())
    head, _, noun = text.rpartition(" ")
    if noun in PLURALS:
        noun = PLURALS[noun]
    elif noun.endswith(("ches", "shes", "xes", "sses", "buses")):
        noun = noun[:-2]
    elif noun.endswith("ies") and len(noun) > 4:
        noun = noun[:-3] + "y"
    elif noun.endswith("s") and not noun.endswith(("ss", "us")) and noun not in ("skis", "scissors"):
        noun = noun[:-1]
    return f"{head} {noun}".strip()


def known_label(text: str, names: Iterable[str], synonyms: Mapping[str, str]) -> str | None:
    """The class that a label means, or None; the comparison is by singular and by synonym."""
    by_key = {singular(name): name for name in names}
    key = singular(text)
    return by_key.get(key) or by_key.get(singular(synonyms.get(key, "")))


def mentions(text: str, label: str, synonyms: Mapping[str, str]) -> bool:
    """Whether a class or one of its synonyms stands anywhere in a text, as whole words, singular or plural."""
    phrases = [label, *(other for other, meaning in synonyms.items() if meaning == label)]
    tokens = [singular(token) for token in re.findall(r"[A-Za-z0-9]+", text)]
    for phrase in phrases:
        wanted = [singular(token) for token in re.findall(r"[A-Za-z0-9]+", phrase)]
        if any(tokens[i : i + len(wanted)] == wanted for i in range(len(tokens) - len(wanted) + 1)):
            return True
    return False


def label_in(text: str, names: Sequence[str], synonyms: Mapping[str, str]) -> Read:
    """The one class that an answer names: word for word, or as the only one of all that it mentions."""
    stated = known_label(re.sub(r"[.!\s]+$", "", text.strip()), names, synonyms)
    if stated is not None:
        return Read(stated, "whole answer")
    mentioned = [name for name in names if mentions(text, name, synonyms)]
    # "bare soil" mentions "soil": of two names where one holds the other, the longer was meant.
    longest = [name for name in mentioned if not any(mentions(other, name, {}) for other in mentioned if other != name)]
    if len(longest) == 1:
        return Read(longest[0], "only class mentioned")
    return Read(None, "several classes" if longest else "no class")


def number(text: str) -> int | None:
    """The first count in a text: digits standing alone, or a number word up to twenty."""
    for token in re.findall(r"[A-Za-z]+|\d+(?:\.\d+)?", text):
        if token.isascii() and token.isdigit():
            return int(token[:18])
        if token.lower() in NUMBER_WORDS:
            return NUMBER_WORDS[token.lower()]
    return None


_LEAD_IN = re.compile(
    r"^\W*(?:the|this|it|in)\b.{0,40}?\b(?:word|text|sign|writing|image|picture|photo|it)\b.{0,40}?"
    r"\b(?:says?|reads?|is|contains)\b:?\s+(?=\S)",
    re.IGNORECASE | re.DOTALL,
)


def words(text: str) -> list[str]:
    """The words of an answer in capitals: of its quoted part where there is one, else of what a lead-in introduces."""
    quoted = re.findall(r"[\"“”]([^\"“”]+)[\"“”]|(?<!\w)'([^']+)'(?!\w)", text)
    source = " ".join(first or second for first, second in quoted) if quoted else _LEAD_IN.sub("", text, count=1)
    return [word for token in source.split() if (word := re.sub(r"[^A-Z0-9]", "", token.upper()))]


_STATED = (
    (re.compile(r"^\W{0,3}([A-Za-z])\W{0,3}$"), "letter alone"),
    (re.compile(r"\b(?:answer|option|choice)\s*(?:is|:)\s*:?\s*\(?([A-Z])\b(?!['’])", re.IGNORECASE), "the answer is"),
    (re.compile(r"\(([A-Za-z])\)"), "letter in brackets"),
    (re.compile(r"^\s*([A-Z])[).:]"), "letter first"),
)


def option_in(text: str, choices: Sequence[str]) -> Read:
    """The place (as digits) of the one option that an answer states, by its letter or by its words."""
    for pattern, how in _STATED:
        letters = {match.upper() for match in pattern.findall(text)}
        if len(letters) > 1:
            return Read(None, "several letters")
        if letters:
            place = ord(letters.pop()) - ord("A")
            return Read(str(place), how) if place < len(choices) else Read(None, "no such option")
    plain = text.strip().rstrip(".").lower()
    exact = [place for place, choice in enumerate(choices) if choice.strip().rstrip(".").lower() == plain]
    if exact and plain:
        return Read(str(exact[0]), "option's words")
    inside = [
        place
        for place, choice in enumerate(choices)
        if choice.strip() and re.search(rf"(?<!\w){re.escape(choice.strip().lower())}(?!\w)", plain)
    ]
    longest = [
        place
        for place in inside
        if not any(choices[place].lower() in choices[other].lower() for other in inside if other != place)
    ]
    if len(longest) == 1:
        return Read(str(longest[0]), "only option mentioned")
    return Read(None, "several options" if longest else "no option")


_NO = re.compile(r"\b(?:no|not|isn't|doesn't|aren't|don't|without|neither|never|nope)\b", re.IGNORECASE)
_YES = re.compile(r"\b(?:yes|yeah|yep)\b", re.IGNORECASE)


def yes_or_no(text: str, *, positive: str = "") -> Read:
    """``yes`` or ``no`` by the first sentence: the word itself first; else ``positive`` (a pattern), denied or not."""
    first = re.split(r"(?<=[.!?\n])\s", text.strip().replace("’", "'"), maxsplit=1)[0]
    opening = re.match(r"\W*(yes|no)\b", first, re.IGNORECASE)
    if opening:
        return Read(opening[1].lower(), "first word")
    denied = bool(_NO.search(first))
    if _YES.search(first) and not denied:
        return Read("yes", "yes in the first sentence")
    if positive and re.search(positive, first, re.IGNORECASE):
        return Read("no" if denied else "yes", "denied" if denied else "stated")
    if denied:
        return Read("no", "denied")
    return Read(None, "neither yes nor no")
