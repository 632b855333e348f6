"""Which kinds of things a text names, where, and how many it says there are.

Does not know what is there. Names are those of the source, the COCO classes, and common things in rooms and streets;
words for the same kind count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from annotation.visual_tasks.wordings import plural
from lamm_core.names import OBJECTS

__all__ = ["NUMBERS", "Mention", "canonical", "mentions", "number_before", "unbracketed"]

NUMBERS = {
    word: value
    for value, word in enumerate(
        ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}

SAME = {
    "person": "man woman men women boy girl boys girls child children people guy lady player rider skier surfer "
    "pedestrian pedestrians adult adults kid kids toddler baby human",
    "car": "automobile sedan vehicle", "bicycle": "bike cyclist", "motorcycle": "motorbike scooter",
    "airplane": "plane aircraft jet", "couch": "sofa", "tv": "television screen monitor",
    "cell phone": "phone smartphone telephone", "potted plant": "plant houseplant", "dining table": "table",
    "refrigerator": "fridge", "sports ball": "ball", "donut": "doughnut", "laptop": "computer notebook",
    "wine glass": "glass wineglass", "hair drier": "hairdryer", "teddy bear": "teddy", "handbag": "purse bag",
    "backpack": "rucksack", "suitcase": "luggage", "boat": "ship sailboat", "sink": "basin washbasin",
    "stop sign": "sign", "cow": "cattle calf bull", "cat": "kitten", "dog": "puppy", "sheep": "lamb", "cup": "mug",
    "tie": "necktie", "book": "books", "RBC": "red blood cell", "WBC": "white blood cell", "Platelets": "platelet",
}  # fmt: skip
OTHERS = (
    "lamp", "window", "door", "shelf", "curtain", "pillow", "cabinet", "desk", "wardrobe", "armchair", "stool",
    "carpet", "mirror", "basket", "bucket", "tree", "house", "bridge", "fence", "flag", "ladder", "tent",
    "guitar", "piano", "camera", "helmet", "hat", "umbrella", "candle", "plate", "kettle", "printer", "radiator",
    "picture frame", "blanket", "towel", "bathtub",
)  # fmt: skip
WINDOW = 60  # characters before a name in which its number stands
BRACKETS = re.compile(r"\[[^\[\]]{0,200}\]|\([-\d., ]{0,100}\)")
_NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|isn't|aren't|free of|instead of|rather than)\b[^.;,]{0,24}$"
)
_UNSURE = re.compile(r"\b(?:like an?|as an?|than an?|kind of|or an?|such as|e\.g\.)\s*$")
_BEFORE = re.compile(r"\b(" + "|".join(NUMBERS) + r"|\d{1,3})\s+(?:(?!of\b|and\b)[a-z-]+\s+){0,2}$")


@dataclass(frozen=True)
class Mention:
    """A kind of thing named in a text; ``kind`` is the name all words for it share."""

    kind: str
    start: int
    end: int
    many: bool


def canonical(label: str) -> str:
    """The name that all words for a kind share."""
    word = label.strip().lower()
    return _table(()).get(word, word)


@lru_cache(maxsize=256)
def _table(labels: tuple[str, ...]) -> dict[str, str]:
    """Every word, in singular and plural, to the name of its kind; plurals are marked in ``_plurals``."""
    words: dict[str, str] = {}
    for kind in (*OBJECTS[:80], *OTHERS, *labels):
        words.setdefault(kind.lower(), kind)
    for kind, same in SAME.items():
        for word in [same] if "blood" in same else same.split():
            words.setdefault(word, kind)
    for word, kind in list(words.items()):
        words.setdefault(plural(word).lower(), kind)
    return words


@lru_cache(maxsize=256)
def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    # The longest first: hot dog is no dog.
    names = sorted(_table(labels), key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b")


def unbracketed(text: str) -> str:
    """The text with coordinates blanked out, every character in its place."""
    return BRACKETS.sub(lambda match: " " * len(match[0]), text)


def mentions(text: str, labels: Iterable[str] = ()) -> Iterator[Mention]:
    """The kinds named as being there, in order; what is denied or only compared with is left out."""
    ordered = tuple(sorted({label.lower() for label in labels}))
    words, plain = _table(ordered), unbracketed(text).lower()
    if len(plain) != len(text):  # some letters grow when lowered; spans must stay those of the text
        plain = unbracketed(text)
    for match in _pattern(ordered).finditer(plain):
        before = plain[max(0, match.start() - 40) : match.start()]
        if _NEGATION.search(before) or _UNSURE.search(before):
            continue
        kind = words[match[0]]
        many = (match[0].endswith("s") and match[0] not in (kind, "glass", "bus")) or match[0] in (
            "people",
            "men",
            "women",
        )
        yield Mention(canonical(kind), match.start(), match.end(), many)


def number_before(text: str, mention: Mention) -> tuple[int, int] | None:
    """The number said right before a mention and where it starts; None where none is said."""
    start = max(0, mention.start - WINDOW)
    found = _BEFORE.search(unbracketed(text[start : mention.start]).lower())
    if not found:
        return None
    return (int(found[1]) if found[1].isdigit() else NUMBERS[found[1]]), start + found.start(1)
