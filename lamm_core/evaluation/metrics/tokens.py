"""The tokenizer of the text metrics: words, numbers and clitics in small letters, punctuation dropped.

Does not know metrics. It stands in for the Penn Treebank tokenizer that captions are usually scored with, which needs
Java; figures are comparable among themselves and to within what the two cut differently, so they name it: ``words-1``.
The rule: small letters; contractions are cut as the Treebank does (``don't`` → ``do n't``, ``dog's`` → ``dog 's``);
words may hold inner hyphens, dots and digits; all other punctuation goes.
"""

from __future__ import annotations

import re

__all__ = ["TOKENIZER", "tokens"]

TOKENIZER = "words-1"
_CLITIC = re.compile(r"(?<=\w)(n't|'s|'re|'ve|'ll|'d|'m)\b")
_TOKEN = re.compile(r"n't\b|'(?:s|re|ve|ll|d|m)\b|\w+(?:[-.,:]\w+)*")


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    small = text.lower().replace("’", "'").replace("`", "'")
    return _TOKEN.findall(_CLITIC.sub(r" \1", small))
