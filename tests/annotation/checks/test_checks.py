"""Each machine check on texts that are wrong, and on texts that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.checks import CHECKS, Calibration, Checker
from annotation.checks.known import known_of
from annotation.generation.drafts import make
from annotation.generation.slotting import Pair
from annotation.review.items import Check, Draft
from annotation.sources.source import Box, Joint, Relation, Source, Thing
from lamm_core.conversation import Media

PHOTO = Source(
    "photo-1", "made", (Media("image", Path("1.jpg")),), "none", 100, 50,
    captions=("A brown dog runs after two red balls on the lawn.",),
    boxes=(
        Box("dog", 0.1, 0.2, 0.3, 0.8),
        Box("sports ball", 0.4, 0.7, 0.45, 0.8),
        Box("sports ball", 0.5, 0.7, 0.55, 0.8),
        Box("person", 0.7, 0.1, 0.9, 0.95),
    ),
    relations=(Relation("dog", "runs after", "ball"),),
    joints=(Joint("nose", 0.8, 0.2),),
)  # fmt: skip
SCAN = Source(
    "scan-1", "made", (Media("pointcloud", Path("1.npz")),), "none",
    things=(
        Thing("chair", (0.0, 0.2, 0.4), (0.5, 0.5, 0.9), ("red",)),
        Thing("chair", (1.0, 0.9, 0.4), (0.5, 0.5, 0.9), ("blue",)),
        Thing("table", (0.5, 0.5, 0.3), (1.0, 0.6, 0.6), ("brown",)),
    ),
)  # fmt: skip


def draft(
    answer: str, *, question: str = "What is there?", kind: str = "C1", source: Source = PHOTO, task: str | None = None
) -> Draft:
    return make(source, kind, [Pair(question, answer)], prompt_hash="", generator="", task_type=task)


def found(name: str, one: Draft, source: Source = PHOTO) -> list[Check]:
    return list(CHECKS[name](one, known_of(source)))


def spoken(check: Check, one: Draft) -> str:
    assert check.span
    return one.turns[check.span.turn].text[check.span.start : check.span.end]


WRONG = [
    ("object", "There is a dog and a bicycle.", "bicycle"),
    ("object", "Two dogs chase an elephant.", "elephant"),
    ("count", "There are three dogs.", "three dogs"),
    ("count", "I can see 4 people.", "4 people"),
    ("place", "The dog is on the right side of the picture.", "dog is on the right"),
    ("place", "The person stands to the left of the dog.", "person stands to the left of the dog"),
    ("place", "The ball is at the top of the picture.", "ball is at the top"),
    ("coordinates", "The dog is at [0.60, 0.20, 0.80, 0.80].", "[0.60, 0.20, 0.80, 0.80]"),
    ("coordinates", "The dog is at [3, 20, 90, 80].", "[3, 20, 90, 80]"),
    ("coordinates", "The nose is at [0.20, 0.20].", "[0.20, 0.20]"),
    ("colour", "The blue dog runs.", "blue"),
    ("length", "Yes.", "Yes."),
    ("leak", "According to the captions, a dog runs.", "According to the captions"),
    ("leak", "The dog is at {position}.", "{position}"),
    ("leak", "The dog is at [0.1, 0.2, 0.3, 0.8].", "[0.1, 0.2, 0.3, 0.8]"),
    ("leak", "Never mention notes, captions, boxes, lists, labels or coordinates here.",
     "Never mention notes, captions, boxes, lists, labels or coordinates"),
    ("refusal", "I'm sorry, but I cannot see the picture.", "I'm sorry, but I cannot"),
    ("refusal", "As an AI language model I only read text.", "As an AI"),
    ("markup", "A dog <script>alert(1)</script>.", "<script>"),
    ("markup", "A dog <img src=x onerror=alert(1)>.", "onerror="),
    ("markup", "A dog [more](javascript:alert(1)).", "javascript:alert(1"),
    ("markup", "A **brown** dog.", "**brown**"),
    ("markup", "A dog\u202e gnihton.", "\u202e"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "span"), WRONG, ids=[f"{name}: {text[:40]}" for name, text, _ in WRONG])
def test_an_error_is_found_where_it_stands(name: str, text: str, span: str) -> None:
    one = draft(text)
    assert span in [spoken(check, one) for check in found(name, one)]


RIGHT = [
    ("object", "A puppy and a man play on the lawn with two balls."),
    ("object", "There is no bicycle and no car."),
    ("object", "It looks like a horse."),
    ("count", "There is one dog and there are two balls."),
    ("count", "There are at least two people."),
    ("count", "One of the balls is close to the dog."),
    ("place", "The dog is on the left side of the picture, and the person on the right."),
    ("place", "The dog is to the left of the person."),
    ("coordinates", "The dog is at [0.10, 0.20, 0.30, 0.80]."),
    ("coordinates", "The nose is at [0.80, 0.20]."),
    ("colour", "The brown dog chases red balls."),
    ("length", "A brown dog runs across the lawn."),
    ("leak", "The sign shows a caption in large letters."),
    ("refusal", "The dog cannot reach the ball."),
    ("markup", "5 < 6 and 7 > 6, a dog."),
    ("markup", "The dog [on the left] runs (fast)."),
]


@pytest.mark.parametrize(("name", "text"), RIGHT, ids=[f"{name}: {text[:40]}" for name, text in RIGHT])
def test_what_is_right_is_left_alone(name: str, text: str) -> None:
    assert found(name, draft(text)) == []


def test_a_description_names_every_kind() -> None:
    one = draft("A dog runs on a lawn, and two balls roll in front of it.", kind="C3")
    (check,) = found("missing", one)
    assert "person" in check.message and check.box and check.box.values == (0.7, 0.1, 0.9, 0.95)
    assert found("missing", draft("A dog.", kind="C1")) == []


def test_a_bare_number_answers_how_many() -> None:
    assert found("count", draft("5", question="How many dogs are there?", kind="C4", task="counting"))
    assert not found("count", draft("1", question="How many dogs are there?", kind="C4", task="counting"))


def test_a_number_before_a_colour_counts_those_of_the_colour() -> None:
    right = draft("There is one red chair.", source=SCAN)
    wrong = draft("There are two red chairs.", source=SCAN)
    assert (found("count", right, SCAN), len(found("count", wrong, SCAN))) == ([], 1)


def test_colours_pick_which_thing_is_meant() -> None:
    right = draft("The red chair is to the left of the table.", source=SCAN)
    wrong = draft("The blue chair is to the left of the table.", source=SCAN)
    assert (found("place", right, SCAN), len(found("place", wrong, SCAN))) == ([], 1)


def test_depth_is_known_in_scans() -> None:
    assert found("place", draft("The red chair is behind the table.", source=SCAN), SCAN)
    assert not found("place", draft("The red chair is in front of the table.", source=SCAN), SCAN)


def test_what_things_of_a_scan_stand_on_need_not_be_noted() -> None:
    bare = Source("scan-2", "made", SCAN.media, "none", things=(Thing("cup", (0, 0, 0.1), (0.1, 0.1, 0.2)),))
    assert found("object", draft("A cup stands on the table.", source=bare), bare) == []
    assert found("object", draft("A cup stands beside a kite.", source=bare), bare)


def test_furthest_is_checked() -> None:
    assert found("place", draft("Furthest to the right stands the red chair.", source=SCAN), SCAN)
    assert not found("place", draft("Furthest to the left stands the red chair.", source=SCAN), SCAN)


def test_boxes_in_metres() -> None:
    right = draft("chair [0.000, 0.200, 0.400, 0.500, 0.500, 0.900]", kind="C4", source=SCAN, task="detection3d")
    wrong = draft("chair [0.000, 0.200, 0.400, 0.200, 0.200, 0.200]", kind="C4", source=SCAN, task="detection3d")
    assert (found("coordinates", right, SCAN), len(found("coordinates", wrong, SCAN))) == ([], 1)


def test_neighbouring_colours_are_half_wrong() -> None:
    assert found("colour", draft("An orange chair.", source=SCAN), SCAN)[0].score < 0.5
    assert found("colour", draft("A green chair.", source=SCAN), SCAN)[0].score > 0.8


def test_facts_about_a_class_may_speak_of_other_things() -> None:
    source = Source("b", "bamboo", PHOTO.media, "", label="dog", label_path=("animal", "dog"), knowledge="It hunts.")
    assert found("object", draft("It pulls a car.", kind="C2", source=source), source) == []


def test_the_same_round_and_the_same_sentence_are_repeats() -> None:
    pairs = [Pair("What is there?", "A brown dog runs."), Pair("What is there?", "A brown dog runs!")]
    checks, _ = Checker()(make(PHOTO, "C1", pairs, prompt_hash="", generator=""), PHOTO)
    assert [check.name for check in checks] == ["repeat"]
    text = "A brown dog runs over the lawn. The person laughs. A brown dog runs over the lawn."
    checks, _ = Checker()(draft(text), PHOTO)
    assert "repeat" in [check.name for check in checks]


def test_the_point_in_a_number_ends_no_sentence() -> None:
    text = "You will find a dog at [0.10, 0.20, 0.30, 0.80]. You will find a dog at [0.20, 0.20, 0.30, 0.80]."
    checks, _ = Checker()(draft(text, kind="C4", task="detection"), PHOTO)
    assert "repeat" not in [check.name for check in checks]


def test_a_draft_nearly_like_an_earlier_one_of_another_source_is_a_repeat() -> None:
    text = (
        "A brown dog runs over the wide green lawn after two red balls while one person stands at the side and looks on"
    )
    checker = Checker()
    other = Source("photo-2", "made", PHOTO.media, "none", 100, 50, captions=PHOTO.captions, boxes=PHOTO.boxes)
    checker(draft(text), PHOTO)
    checks, _ = checker(draft(text + " quietly", source=other), other)
    assert any(check.name == "repeat" and "photo-1" in check.message for check in checks)


def test_a_source_that_is_not_known_brings_no_false_alarm() -> None:
    checks, chance = Checker()(draft("A dog and three bicycles on the left side of the picture."), None)
    assert checks == () and chance < 0.2


@pytest.mark.parametrize("text", ["dog " * 25_000, "[" * 50_000, "<" * 50_000, "a.b" * 30_000, "İ" * 9000 + " dog"])
def test_hostile_texts_take_no_time_and_bring_no_flood(text: str) -> None:
    checks, chance = Checker()(draft(text), PHOTO)
    assert len(checks) < 60 and 0 <= chance <= 1


def test_spans_lie_inside_their_turn() -> None:
    for _, text, _ in WRONG:
        one = draft(text + " İstanbul ŸŸ three dogs")
        checks, _ = Checker()(one, PHOTO)
        for check in checks:
            if check.span:
                assert 0 <= check.span.start < check.span.end <= len(one.turns[check.span.turn].text)


def test_more_findings_are_more_likely_wrong() -> None:
    model = Calibration(-3.0, {"count": 4.0, "place": 2.0})
    none, one, two = (
        model.expected_error(checks)
        for checks in ([], [Check("count", 0.8)], [Check("count", 0.8), Check("count", 0.3), Check("place", 0.9)])
    )
    assert none < one < two
    assert model.expected_error([Check("new", 1.0)]) > 0.5
