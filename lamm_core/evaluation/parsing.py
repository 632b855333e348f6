"""Answers read as labels, numbers and words.

Does not know boxes and points; lamm_core.grounding reads those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["COCO_SYNONYMS", "known_label", "mentions", "number", "singular", "words"]

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


def number(text: str) -> int | None:
    """The first count in a text: digits standing alone, or a number word up to twenty."""
    for token in re.findall(r"[A-Za-z]+|\d+(?:\.\d+)?", text):
        if token.isdigit():
            return int(token)
        if token.lower() in NUMBER_WORDS:
            return NUMBER_WORDS[token.lower()]
    return None


def words(text: str) -> list[str]:
    """The words of an answer in capitals: of its quoted part where there is one, otherwise of all of it."""
    quoted = re.findall(r"[\"“”]([^\"“”]+)[\"“”]|(?<!\w)'([^']+)'(?!\w)", text)
    source = " ".join(first or second for first, second in quoted) if quoted else text
    return [word for token in source.split() if (word := re.sub(r"[^A-Z0-9]", "", token.upper()))]
