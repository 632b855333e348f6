"""LAMM's published protocol, step by step: what its first scripts computed, under names that begin with ``lamm_``.

Does not know our own metrics, which stand beside these under their true names. The figures of the paper rest on these
rules, so a comparison with them has to as well. Where the scripts have a bug that makes a figure meaningless the bug is
named here and left out; where a rule is only lenient it is kept, since that is what was published.

Kept: "mAP" of detection is the share of true objects whose class is mentioned anywhere while any box overlaps (recall,
boxes reused, surplus boxes free); word accuracy does not punish surplus words; "no" or "not" anywhere is the only way
to deny; a missing count is 0; caption BLEU takes the best sentence.

Left out, as bugs: overlaps of 3D boxes were multiplied without cutting negative ones to 0, so that boxes apart on two
axes "overlapped"; hits of key points were never added up, so that every model "failed"; a word inside brackets stopped
the numbers after it from being read (``[x1, 0.1, 0.2]``); a box of no size divided by zero.

One thing differs for want of WordNet: a class is matched by the names of its first synset, listed in `LEMMAS` for the
classes of the benchmark's sets; for other classes by the class name alone. Lemmas of several words never match there,
because the scripts compare single words, so they are not listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lamm_core.evaluation.metrics.bleu import sentence_bleu
from lamm_core.evaluation.metrics.boxes import inside
from lamm_core.evaluation.parsing import NUMBER_WORDS
from lamm_core.grounding import Box3D, box_overlap, box_overlap_3d

__all__ = [
    "boxes_3d_in",
    "boxes_in",
    "caption_bleu",
    "count_in",
    "label_mentioned",
    "numbers_in",
    "objects_found",
    "option_right",
    "points_in",
    "scene_objects_found",
    "smiles",
    "units_located",
    "word_share",
]

LEMMAS = {
    # CIFAR-10, VOC2012, CelebA's hair and ScanNet
    "airplane": ("aeroplane", "plane"), "aeroplane": ("airplane", "plane"),
    "automobile": ("car", "auto", "machine", "motorcar"), "car": ("auto", "automobile", "machine", "motorcar"),
    "deer": ("cervid",), "frog": ("toad", "anuran", "batrachian", "salientian"), "truck": ("motortruck",),
    "bicycle": ("bike", "wheel", "cycle"), "cow": ("moo-cow",), "motorbike": ("minibike",),
    "bus": ("autobus", "coach", "charabanc", "jitney", "motorbus", "motorcoach", "omnibus", "double-decker"),
    "sofa": ("couch", "lounge"), "couch": ("sofa", "lounge"), "tv": ("television", "telecasting", "video"),
    "person": ("individual", "someone", "somebody", "mortal", "soul"),
    "black": ("blackness", "inkiness"), "blond": ("blonde",), "brown": ("brownness",),
    "gray": ("grayness", "grey", "greyness"), "refrigerator": ("icebox",), "bathtub": ("bath", "tub"),
    "curtain": ("drape", "drapery", "mantle", "pall"), "picture": ("icon", "ikon", "image"),
    "toilet": ("bathroom", "can", "john", "lav", "lavatory", "privy"),
    # COCO
    "backpack": ("haversack", "knapsack", "packsack", "rucksack"), "baseball bat": ("lumber",),
    "baseball glove": ("glove", "mitt"), "cake": ("bar",), "dining table": ("board",), "donut": ("doughnut", "sinker"),
    "fire hydrant": ("fireplug", "plug"), "giraffe": ("camelopard",), "handbag": ("bag", "pocketbook", "purse"),
    "hot dog": ("hotdog",), "motorcycle": ("bike",), "suitcase": ("bag", "grip"), "teddy bear": ("teddy",),
    "tie": ("necktie",), "toaster": ("wassailer",), "traffic light": ("stoplight",),
}  # fmt: skip
STOPWORDS = frozenset(
    ("a", "an", "the", "and", "or", "of", "in", "on", "at", "to", "is", "are", "was", "were", "be", "been", "it", "its",
     "this", "that", "there", "with", "for", "from", "by", "as", "i", "you", "he", "she", "we", "they")
)  # fmt: skip
NEAR = 0.1  # of the picture, for points
OVERLAP = 0.5


class Span(NamedTuple):
    """A 2D box of shares."""

    x1: float
    y1: float
    x2: float
    y2: float


def numbers_in(text: str) -> list[float]:
    """Those in square brackets, then those in round ones; without any, all unsigned decimals of the text."""
    found: list[float] = []
    for inner in re.findall(r"\[([^\[\]]*)\]", text) + re.findall(r"\(([^()]*)\)", text):
        found += [value for token in re.split(r"[,\s]+", inner) if (value := _float(token)) is not None]
    return found or [float(token) for token in re.findall(r"\d{1,15}(?:\.\d{1,15})?", text)]


def _float(token: str) -> float | None:
    return float(token) if re.fullmatch(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})", token) else None


def boxes_in(text: str) -> list[Span]:
    """The numbers in fours; both corners turned round are swapped, what is no box then is dropped."""
    boxes = []
    for x1, y1, x2, y2 in _runs(numbers_in(text), 4):
        if x1 > x2 and y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        if x1 <= x2 and y1 <= y2:
            boxes.append(Span(x1, y1, x2, y2))
    return boxes


def points_in(text: str) -> list[tuple[float, float]]:
    """The numbers in pairs, so that a box gives two points."""
    return [(x, y) for x, y in _runs(numbers_in(text), 2)]


def boxes_3d_in(text: str) -> list[Box3D]:
    """The numbers in sixes: centre and sizes, whose sign is dropped."""
    return [Box3D((x, y, z), (abs(a), abs(b), abs(c))) for x, y, z, a, b, c in _runs(numbers_in(text), 6)]


def _runs(numbers: Sequence[float], size: int) -> list[Sequence[float]]:
    return [numbers[i : i + size] for i in range(0, len(numbers) - size + 1, size)]


def label_mentioned(text: str, label: str) -> bool:
    """Whether a lemma of the class is among the words of the text, stopwords and plural endings aside."""
    said = {_base(word) for word in re.findall(r"[a-z0-9-]+", text.lower()) if word not in STOPWORDS}
    names = (label.lower(), *LEMMAS.get(label.lower(), ()))
    return any(name in said or _base(name) in said for name in names if " " not in name) or (
        " " in label and label.lower() in text.lower()
    )


_IRREGULAR = {"people": "person", "men": "man", "women": "woman", "mice": "mouse", "knives": "knife", "buses": "bus"}


def _base(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead in (("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("ies", "y")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3 else word


def objects_found(text: str, true: Sequence[tuple[str, Sequence[float]]]) -> int:
    """True objects whose class is mentioned anywhere while any box overlaps by more than half."""
    boxes = boxes_in(text)
    return sum(
        label_mentioned(text, label) and any(box_overlap(box, one) > OVERLAP for one in boxes) for label, box in true
    )


def scene_objects_found(text: str, boxes: Sequence[Box3D], true: Sequence[tuple[str, Box3D]]) -> int:
    """The same in three dimensions, of boxes that were read from the text before."""
    return sum(
        label_mentioned(text, label) and any(box_overlap_3d(box, one) > OVERLAP for one in boxes) for label, box in true
    )


def units_located(text: str, true: Sequence[tuple[str, Sequence[float]]], *, named: bool = True) -> int:
    """Binary Locating: true objects whose class is mentioned, if ``named``, with any point strictly in their box."""
    points = points_in(text)
    return sum(
        (not named or label_mentioned(text, label)) and any(inside(point, box) for point in points)
        for label, box in true
    )


def count_in(text: str) -> int:
    """The first whitespace token that is all digits or a number word up to twenty; 0 where there is none."""
    for token in text.split():
        if token.isascii() and token.isdigit():
            return int(token[:18])
        if token.lower() in NUMBER_WORDS:
            return NUMBER_WORDS[token.lower()]
    return 0


def _quoted(text: str) -> str:
    found = re.search(r"\"([^\"]+)\"|“([^”]+)”", text)
    return (found[1] or found[2]) if found else text


def word_share(text: str, true: Sequence[str]) -> float:
    """The share of true words that are whole whitespace tokens of the (quoted) answer, letter case aside."""
    said = set(_quoted(text).lower().split())
    return sum(word.lower() in said for word in true) / len(true) if true else 0.0


def caption_bleu(text: str, references: Sequence[str]) -> float:
    """The best BLEU-4, not smoothed, of any sentence of the (quoted) answer; tokens are what spaces part."""
    against = [reference.replace(".", "").split() for reference in references]
    sentences = [sentence.split() for sentence in _quoted(text).split(".")]
    return max((sentence_bleu(sentence, against) for sentence in sentences if sentence), default=0.0)


def smiles(text: str) -> bool:
    """True unless "no" or "not" is among the words: silence is a yes."""
    return not {"no", "not"} & set(re.findall(r"[a-z]+", text.lower()))


def option_right(text: str, true: int, choices: Sequence[str]) -> bool:
    """The published order of rules; each decides where it finds anything.

    Every "the answer is (X)" holds the true letter; the first "ANSWER: X" does; every "(X)" does; the words of the true
    option stand in the text and those of no other.
    """
    letter = chr(ord("A") + true)
    for pattern in (r"[Tt]he answer is \(?([A-Z])\b", r"ANSWER:\s*\(?([A-Z])\b"):
        if stated := re.findall(pattern, text):
            return all(one == letter for one in (stated if "answer" in pattern else stated[:1]))
    if stated := re.findall(r"\(([A-Z])\)", text):
        return all(one == letter for one in stated)
    present = [place for place, choice in enumerate(choices) if choice and choice.lower() in text.lower()]
    return present == [true]
