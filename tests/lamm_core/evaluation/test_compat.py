"""LAMM's published protocol, step by step, against answers worked out by hand and a plain BLEU."""

from __future__ import annotations

import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nltk.translate.bleu_score import sentence_bleu

from lamm_core.evaluation import compat
from lamm_core.grounding import Box3D

MESSY = some.text(max_size=120) | some.text(alphabet='[](),.-0123456789 xyABC"', max_size=120)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("at (3, 4) and [0.1, 0.2]", [0.1, 0.2, 3, 4]), ("0.5 then 7", [0.5, 7]), ("[-1, 2] but 9", [-1, 2]),
     ("-3", [3]), ("[x1, 0.1, 0.2]", [0.1, 0.2]), ("[a] 5", [5]), ("", [])],
)  # fmt: skip
def test_numbers_stand_in_brackets_or_anywhere(text: str, numbers: list[float]) -> None:
    assert compat.numbers_in(text) == numbers


def test_numbers_are_grouped_whatever_they_were_meant_for() -> None:
    assert compat.boxes_in("[0.5, 0.6, 0.1, 0.2]") == [(0.1, 0.2, 0.5, 0.6)]  # both corners turned round
    assert compat.boxes_in("[0.5, 0.2, 0.1, 0.6]") == []  # one of them
    assert compat.points_in("[0.1, 0.2, 0.3, 0.4]") == [(0.1, 0.2), (0.3, 0.4)]
    assert compat.boxes_3d_in("[1, 2, 3, -4, 5, 6, 7]") == [Box3D((1, 2, 3), (4, 5, 6))]


@pytest.mark.parametrize(
    ("text", "label", "found"),
    [("An AEROPLANE.", "airplane", True), ("cars", "automobile", True), ("carpet", "car", False),
     ("people", "person", True),
     ("two buses", "bus", True), ("a stop sign", "stop sign", True), ("nothing", "dog", False), ("", "dog", False)],
)  # fmt: skip
def test_a_class_is_mentioned_by_a_lemma_of_its_own(text: str, label: str, found: bool) -> None:
    assert compat.label_mentioned(text, label) is found


def test_one_box_may_find_every_object_that_it_overlaps() -> None:
    dog = ("dog", [0.1, 0.1, 0.5, 0.5])
    assert compat.objects_found("dogs: [0.1, 0.1, 0.5, 0.5]", [dog, dog]) == 2
    assert compat.objects_found("cat [0.1, 0.1, 0.5, 0.5]", [dog]) == 0


def test_boxes_apart_on_two_axes_do_not_overlap() -> None:
    true, away = Box3D((0, 0, 0), (1, 1, 1)), Box3D((1.9, 1.9, 0), (1, 1, 1))
    assert compat.scene_objects_found("chair", [away], [("chair", true)]) == 0
    assert compat.scene_objects_found("chair", [true], [("chair", true)]) == 1
    assert compat.scene_objects_found("chair", [Box3D((0, 0, 0), (0, 0, 0))], [("chair", true)]) == 0


def test_binary_locating_takes_any_point_for_any_object_that_is_named() -> None:
    true = [("dog", [0.1, 0.1, 0.5, 0.5]), ("cat", [0.1, 0.1, 0.5, 0.5]), ("cow", [0.1, 0.1, 0.5, 0.5])]
    assert compat.units_located("a dog and a cat at [0.2, 0.2]", true) == 2
    assert compat.units_located("[0.2, 0.2]", true) == 0
    assert compat.units_located("[0.2, 0.2]", true, named=False) == 3
    assert compat.units_located("dog [0.1, 0.2]", true) == 0  # on the border


@pytest.mark.parametrize(
    ("text", "count"),
    [("7 cells", 7), ("seven", 7), ("about 7.", 0), ("no cells", 0), ("many", 0), ("There are 12", 12)],
)
def test_a_count_is_a_token_of_digits_or_zero(text: str, count: int) -> None:
    assert compat.count_in(text) == count


@pytest.mark.parametrize(
    ("text", "share"),
    [("grand hotel", 1), ("GRAND cafe hotel", 1), ("grand hotel.", 0.5), ('it says "hotel" grand', 0.5), ("", 0)],
)
def test_the_share_of_words_is_of_whole_tokens(text: str, share: float) -> None:
    assert compat.word_share(text, ["Grand", "Hotel"]) == share


def test_caption_bleu_is_that_of_the_best_sentence() -> None:
    rng = random.Random(0)
    vocabulary = ["a", "the", "dog", "cat", "runs", "sits", "on", "wall", "red"]
    for _ in range(600):
        references = [" ".join(rng.choices(vocabulary, k=rng.randint(4, 9))) for _ in range(5)]
        sentences = [
            rng.choice(references),
            *(" ".join(rng.choices(vocabulary, k=rng.randint(4, 9))) for _ in range(2)),
        ]
        rng.shuffle(sentences)
        sentences = [" ".join(one.split()[: rng.randint(4, 9)]) for one in sentences]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            best = max(sentence_bleu([ref.split() for ref in references], one.split()) for one in sentences)
        assert compat.caption_bleu(". ".join(sentences) + ".", references) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "smile"), [("Yes", True), ("No.", False), ("not at all", False), ("", True), ("none", True)]
)
def test_whatever_does_not_deny_is_a_smile(text: str, smile: bool) -> None:
    assert compat.smiles(text) is smile


@pytest.mark.parametrize(
    ("text", "right"),
    [("The answer is (B).", True), ("The answer is (A). The answer is (B).", False), ("ANSWER: B", True),
     ("ANSWER: B ANSWER: A", True), ("(A) no, (B)", False), ("(B) and (B)", True), ("three", True),
     ("two, three", False),
     ("The answer is (A), ANSWER: B", False), ("", False)],
)  # fmt: skip
def test_options_are_read_by_the_published_order_of_rules(text: str, right: bool) -> None:
    assert compat.option_right(text, 1, ["two", "three", "four"]) is right


@given(text=MESSY)
def test_no_text_breaks_the_protocol(text: str) -> None:
    true = [("dog", [0.1, 0.1, 0.5, 0.5])]
    assert all(len(box) == 4 for box in compat.boxes_in(text))
    assert compat.objects_found(text, true) + compat.units_located(text, true) <= 2
    assert 0 <= compat.word_share(text, ["a"]) <= 1 and 0 <= compat.caption_bleu(text, ["a b"]) <= 1
    assert compat.count_in(text) >= 0
    assert isinstance(compat.smiles(text), bool) and isinstance(compat.option_right(text, 0, ["a", ""]), bool)
    boxes = compat.boxes_3d_in(text)
    assert compat.scene_objects_found(text, boxes, [("dog", Box3D((0, 0, 0), (1, 1, 1)))]) <= 1
