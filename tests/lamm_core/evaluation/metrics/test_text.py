"""BLEU, ROUGE-L and CIDEr-D equal pycocoevalcap and nltk on thousands of random captions; reading equals jiwer."""

from __future__ import annotations

import contextlib
import io
import random
import warnings

import jiwer
import pytest
from nltk.translate.bleu_score import corpus_bleu
from nltk.translate.bleu_score import sentence_bleu as nltk_sentence_bleu
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from lamm_core.evaluation.metrics.bleu import bleu, bleu_counts, sentence_bleu
from lamm_core.evaluation.metrics.cider import cider_d
from lamm_core.evaluation.metrics.reading import edits, words_right
from lamm_core.evaluation.metrics.rouge import common_subsequence, rouge_l
from lamm_core.evaluation.metrics.tokens import tokens

WORDS = ["a", "the", "dog", "cat", "runs", "sits", "on", "wall", "red", "house", "of", "with", "two"]
Captions = list[tuple[list[str], list[list[str]]]]


def random_captions(rng: random.Random, *, most: int = 6) -> Captions:
    """Candidates that share stretches with their references, some of them short."""
    made = []
    for _ in range(rng.randint(1, most)):
        references = [rng.choices(WORDS, k=rng.randint(1, 12)) for _ in range(rng.randint(1, 5))]
        start = rng.choice(references)
        cut = rng.randint(0, len(start))
        candidate = start[:cut] + rng.choices(WORDS, k=rng.randint(0, 5)) + (start[cut:] if rng.random() < 0.5 else [])
        made.append((candidate or ["a"], references))
    return made


def as_files(captions: Captions) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    said = {index: [" ".join(candidate)] for index, (candidate, _) in enumerate(captions)}
    true = {index: [" ".join(reference) for reference in several] for index, (_, several) in enumerate(captions)}
    return true, said


def test_bleu_equals_pycocoevalcap() -> None:
    rng = random.Random(0)
    for _ in range(1500):
        captions = random_captions(rng)
        counts = [bleu_counts(candidate, references) for candidate, references in captions]
        with contextlib.redirect_stdout(io.StringIO()):
            theirs, _ = Bleu(4).compute_score(*as_files(captions), verbose=0)
        for size in range(1, 5):
            # Theirs adds 1e-15 to counts of nothing, ours is 0 there.
            right = sum(one.right[size - 1] for one in counts)
            assert bleu(counts, size) == pytest.approx(theirs[size - 1] if right else 0.0, abs=1e-6)


def test_bleu_equals_nltk() -> None:
    """Of captions with four tokens or more: a shorter one adds one to nltk's count of runs of four, none to ours."""
    rng = random.Random(1)
    for _ in range(1500):
        captions = [one for one in random_captions(rng) if len(one[0]) >= 4]
        if not captions:
            continue
        counts = [bleu_counts(candidate, references) for candidate, references in captions]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = corpus_bleu([references for _, references in captions], [candidate for candidate, _ in captions])
            alone = nltk_sentence_bleu(captions[0][1], captions[0][0])
        assert bleu(counts) == pytest.approx(whole, abs=1e-6)
        assert sentence_bleu(*captions[0]) == pytest.approx(alone, abs=1e-6)


def test_rouge_l_equals_pycocoevalcap() -> None:
    rng = random.Random(2)
    for _ in range(500):
        captions = random_captions(rng)
        _, theirs = Rouge().compute_score(*as_files(captions))
        assert [rouge_l(*one) for one in captions] == pytest.approx(list(theirs), abs=1e-6)


def test_cider_d_equals_pycocoevalcap() -> None:
    rng = random.Random(3)
    for _ in range(400):
        captions = random_captions(rng, most=9)
        theirs, _ = Cider().compute_score(*as_files(captions))
        ours = cider_d([candidate for candidate, _ in captions], [references for _, references in captions])
        assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_nothing_said_gains_nothing() -> None:
    assert bleu([]) is None and cider_d([], []) is None
    assert bleu([bleu_counts([], [["a"]])]) == 0.0
    assert rouge_l([], [["a"]]) == 0.0 and rouge_l(["a"], [[]]) == 0.0


def random_text(rng: random.Random) -> str:
    return "".join(rng.choices("ABC d", k=rng.randint(1, 12))).strip() or "A"


def test_edits_equal_jiwer() -> None:
    rng = random.Random(4)
    for _ in range(3000):
        true, said = random_text(rng), random_text(rng)
        found = jiwer.process_characters(true, said)
        assert edits(said, true) == found.substitutions + found.deletions + found.insertions
        assert edits(said, true) / len(true) == pytest.approx(found.cer, abs=1e-6)


def test_the_character_error_rate_of_a_set_equals_jiwer() -> None:
    rng = random.Random(5)
    for _ in range(500):
        pairs = [(random_text(rng), random_text(rng)) for _ in range(rng.randint(1, 6))]
        ours = sum(edits(said, true) for true, said in pairs) / sum(len(true) for true, _ in pairs)
        assert ours == pytest.approx(jiwer.cer([true for true, _ in pairs], [said for _, said in pairs]), abs=1e-6)


def test_words_right_are_each_counted_once() -> None:
    rng = random.Random(6)
    for _ in range(2000):
        true, said = rng.choices("abc", k=rng.randint(0, 5)), rng.choices("abc", k=rng.randint(0, 5))
        left = list(said)
        by_hand = 0
        for word in true:
            if word in left:
                left.remove(word)
                by_hand += 1
        assert words_right(said, true) == by_hand


def test_the_common_subsequence_is_the_longest() -> None:
    rng = random.Random(7)
    for _ in range(300):
        first, second = rng.choices("abc", k=rng.randint(0, 8)), rng.choices("abc", k=rng.randint(0, 8))
        best = 0
        for mask in range(1 << len(first)):
            kept = [token for place, token in enumerate(first) if mask >> place & 1]
            rest = iter(second)
            if all(token in rest for token in kept):
                best = max(best, len(kept))
        assert common_subsequence(first, second) == best


@pytest.mark.parametrize(
    ("text", "cut"),
    [("A dog's ball.", ["a", "dog", "'s", "ball"]), ("I don't know!", ["i", "do", "n't", "know"]),
     ("It’s 3.5 m, e.g. a two-seater", ["it", "'s", "3.5", "m", "e.g", "a", "two-seater"]),
     ("we're; you'll", ["we", "'re", "you", "'ll"]), ("(brown) — \"red\"", ["brown", "red"]), ("...", []), ("", [])],
)  # fmt: skip
def test_tokens_are_cut_as_stated(text: str, cut: list[str]) -> None:
    assert tokens(text) == cut
