"""Which words to draw: dictionary words, names that no dictionary has, numbers and codes.

Does not know how they are drawn. ``words.txt`` holds common English words counted in the documentation strings of
Python's standard library, most frequent first; a system word list is used beside it where one is installed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from annotation.renderings import render_word
from annotation.visual_tasks.picture import Picture, encoded

__all__ = ["COMMON", "dictionary", "pictures", "plain", "random_text"]

SYSTEM_LIST = Path("/usr/share/dict/words")
COMMON = tuple(Path(__file__).with_name("words.txt").read_text().split())
LENGTHS = {1: 3, 2: 12, 3: 17, 4: 18, 5: 16, 6: 12, 7: 9, 8: 5, 9: 4, 10: 2, 11: 1, 12: 1}
ONSETS = [
    "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z", "br", "ch", "cl",
    "cr", "dr", "fl", "fr", "gr", "kr", "ph", "pl", "pr", "qu", "sh", "sk", "sl", "st", "th", "tr",
]  # fmt: skip
VOWELS = [
    "a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ee", "ea", "oo", "ou", "ia", "y",
]  # fmt: skip
CODAS = ["", "", "", "n", "r", "s", "l", "t", "m", "d", "k", "x", "nd", "st", "rt", "ng", "ck"]


@cache
def dictionary() -> dict[int, list[str]]:
    """Words by length: the system's list where there is one, and the common ones."""
    listed = SYSTEM_LIST.read_text().split() if SYSTEM_LIST.is_file() else []
    by_length: dict[int, list[str]] = defaultdict(list)
    for word in dict.fromkeys([*COMMON, *listed]):
        if word.isascii() and word.isalpha():
            by_length[len(word)].append(word)
    return by_length


def _syllables(rng: random.Random) -> str:
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.randint(1, 3)))


def _code(rng: random.Random) -> str:
    digits = "".join(rng.choice("0123456789") for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7))))
    if rng.random() < 0.65:
        return digits
    letters = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    return rng.choice(
        (digits + letters, letters + digits, digits + rng.choice(("KM", "TH", "ST", "AM", "PM", "CM", "KG")))
    )


def _dressed(word: str, rng: random.Random) -> str:
    """Case and, now and then, punctuation, as signs have them."""
    word = rng.choice((word.upper(), word.upper(), word.lower(), word.capitalize()))
    kind = rng.random()
    if kind < 0.05:
        return word + rng.choice(".,!:;?-…")
    if kind < 0.06:
        return f"{word}'s"
    if kind < 0.075:
        left, right = rng.choice(("()", "[]", '""', "''", "--", "@ ", "# ", "& "))
        return (left + word + right).strip()
    if kind < 0.09 and word.isdigit():
        return rng.choice(("$", "£", "€")) + word + rng.choice(("", ".00", "-", "%"))
    return word


def random_text(rng: random.Random) -> str:
    """A text to draw, of one word."""
    kind = rng.random()
    if kind < 0.5:
        words = dictionary()
        length = rng.choices(list(LENGTHS), list(LENGTHS.values()))[0]
        word = rng.choice(words.get(length) or list(COMMON))
    elif kind < 0.65:
        word = COMMON[int(len(COMMON) * rng.random() ** 2.5)]
    elif kind < 0.8:
        word = _syllables(rng)
    elif kind < 0.95:
        word = _code(rng)
    else:
        word = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.randint(1, 8)))
    return _dressed(word, rng)


def plain(text: str) -> str:
    """What counts as the right answer: letters and digits, in capitals."""
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum()).upper()


def pictures(count: int, *, seed: str) -> Iterator[Picture]:
    """Drawn words; the same seed gives the same words, and with the same fonts installed the same pictures."""
    name = "-".join(seed.split())
    for index in range(count):
        rng = random.Random(f"words {seed} {index}")
        text = random_text(rng)
        image = render_word(text, rng)
        content, suffix = encoded(image, quality=None)
        yield Picture(
            f"words-{name}-{index:06d}", "words", content, suffix, image.width, image.height, word=plain(text)
        )
