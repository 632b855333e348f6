"""Check: the same said twice, inside a draft or in an earlier one.

Does not know sense: texts are alike that share most of their words in order. Inside a draft pairs are compared by
rapidfuzz; earlier drafts are found by MinHash (datasketch), whose memory grows by about a kilobyte for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rapidfuzz import fuzz

from annotation.checks.known import answers
from annotation.review.items import Check, Draft, Span

__all__ = ["Repeats"]

ALIKE = 0.85  # share of word triples two drafts have in common
ALIKE_PAIR = 92  # rapidfuzz's ratio, of 100
PERMUTATIONS = 64
SHORTEST = 25  # words: shorter drafts are alike by chance, and C4 is made of templates
LONGEST = 4000  # characters compared with each other
_SENTENCE = re.compile(r"(?:[^.!?]|[.!?](?=\S)){25,600}[.!?](?=\s|$)")  # the point in 0.25 ends none


class Repeats:
    """Remembers every draft it has checked."""

    def __init__(self) -> None:
        from datasketch import MinHash, MinHashLSH  # a second or two to import

        self._index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
        self._minhash = MinHash
        self._seen: set[str] = set()

    def check(self, draft: Draft) -> Iterator[Check]:
        """Pairs and sentences that repeat, then an earlier draft that says the same."""
        yield from _inside(draft)
        words = re.findall(r"\w+", " ".join(turn.text[:LONGEST] for turn in draft.turns).lower())
        if draft.kind == "C4" or len(words) < SHORTEST:
            return
        minhash = self._minhash(num_perm=PERMUTATIONS)
        minhash.update_batch([" ".join(words[at : at + 3]).encode() for at in range(len(words) - 2)])
        same = [name for name in self._index.query(minhash) if not name.startswith(f"{draft.source_id}\0")]
        if same:
            turn, text = next(answers(draft))
            message = f"Nearly the same as the draft about {same[0].split(chr(0))[0]}."
            yield Check("repeat", 0.7, message, Span(turn, 0, min(len(text), 200)))
        name = f"{draft.source_id}\0{draft.kind}\0{len(self._seen)}"
        self._seen.add(name)
        self._index.insert(name, minhash, check_duplication=False)


def _inside(draft: Draft) -> Iterator[Check]:
    said: list[str] = []
    question = ""
    for turn, spoken in enumerate(draft.turns):
        if spoken.role != "assistant":
            question = spoken.text
            continue
        pair = f"{question}\n{spoken.text}"[:LONGEST]
        if any(fuzz.ratio(pair, other, score_cutoff=ALIKE_PAIR) for other in said):
            span = Span(turn, 0, min(len(spoken.text), 200))
            yield Check("repeat", 0.9, "An earlier round asks and answers the same.", span)
        said.append(pair)
        sentences: set[str] = set()
        for match in _SENTENCE.finditer(spoken.text[:LONGEST]):
            sentence = match[0].strip().lower()
            if sentence in sentences:
                yield Check("repeat", 0.9, "This sentence was said before.", Span(turn, *match.span()))
                break
            sentences.add(sentence)
