"""Questions about scenes in space: answers are true of the objects, clear by a margin, and worded in many ways."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest

from annotation.spatial import (
    SceneObject,
    choices,
    comparing,
    conversations,
    counting,
    describing,
    dialogue,
    grounding,
    imagined,
    measuring,
    phrases,
)
from annotation.spatial.plans import KINDS
from annotation.spatial.references import absent, any_reference, ordinal, relation, simple
from annotation.spatial.relations import Margins, between, direction, on_top, winner
from annotation.spatial.speaker import NONE, Speaker, length_in_words
from annotation.visual_tasks.wordings import Wordings
from lamm_core.grounding import Box3D, find_objects
from lamm_core.modalities.pointcloud.scene_tokens import LAYOUT

T = TypeVar("T")
ONE = "(object|one|thing|item)( on the table| here)?"
ASKED = {
    "one": grounding.ONE, "several": grounding.SEVERAL, "count": counting.WORDINGS, "yes or no": comparing.YES_NO,
    "which": comparing.WHICH, "present": comparing.PRESENCE, "detect": describing.DETECT, "kinds": describing.KINDS,
    "describe": describing.DESCRIBE, "names": describing.NAMES, "colour": describing.COLOUR, "place": describing.PLACE,
    "one object": describing.ONE_OBJECT, "find": dialogue.FIND, "distance": measuring.DISTANCE,
    "choices": choices.WORDINGS_OF_CHOICES,
    **{f"size {name}": pool for name, pool in measuring.SIZES.items()},
    **{f"it {name}": pool for name, pool in dialogue.BY_IT.items()},
    **{f"either {name}": pool for name, pool in comparing.EITHER.items()},
}  # fmt: skip
POINTED = {
    "definite": phrases.DEFINITE, "between": phrases.BETWEEN,
    **{f"superlative {name}": pool for name, pool in phrases.SUPERLATIVES.items()},
    **{f"pair {name}": pool for name, pool in phrases.PAIR.items()},
    **{f"ordinal {name}": pool for name, pool in phrases.ORDINALS.items()},
    **{f"relation {name}": pool for name, pool in phrases.RELATIONS.items()},
}  # fmt: skip


def thing(number: int, x: float, y: float, *, size: tuple[float, float, float] = (0.1, 0.1, 0.1), z: float = 0.0,
          colour: str | None = None, label: str = "object") -> SceneObject:  # fmt: skip
    box = Box3D((x, y, z + size[2] / 2), size)
    return SceneObject(number, label, box, colour, (colour,) if colour else (), points=100)


# From left to right: red and low, blue and tall, red and far, and a small yellow one on top of the blue one.
RED, BLUE, FAR_RED = (
    thing(1, -0.3, 0.0, colour="red", size=(0.1, 0.1, 0.06)),
    thing(2, 0.0, -0.2, colour="blue", size=(0.1, 0.1, 0.3)),
    thing(3, 0.3, 0.3, colour="red", size=(0.2, 0.2, 0.12)),
)
YELLOW = thing(4, 0.0, -0.2, colour="yellow", size=(0.05, 0.05, 0.05), z=0.3)
SCENE = [RED, BLUE, FAR_RED, YELLOW]


@pytest.mark.parametrize("name", [*ASKED, *POINTED])
def test_each_pool_has_wordings_of_its_own_kept_for_testing(name: str) -> None:
    pool: Wordings = {**ASKED, **POINTED}[name]
    assert len(pool.held_out) >= 1
    assert not set(pool.held_out) & set(pool.direct)
    assert len(set(pool.direct)) >= (25 if name in ("one", "count", "detect") else 2)


def test_training_questions_never_use_a_held_out_wording() -> None:
    held = [
        re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))) for pool in ASKED.values() for text in pool.held_out
    ]
    for scan in imagined.scans(80, seed="held"):
        for talk in conversations(scan.objects, random.Random(scan.id), place=scan.place):
            for exchange in talk:
                assert not any(pattern.fullmatch(exchange.question) for pattern in held), exchange.question


def test_test_questions_use_held_out_wordings_too() -> None:
    asked = {exchange.question for seed in range(60) for talk in conversations(SCENE, random.Random(seed), unseen=0.5)
             for exchange in talk}  # fmt: skip
    assert any(question.startswith("Output the identifier of") for question in asked)


@pytest.mark.parametrize("place", ["table", "floor"])
def test_conversations_are_repeatable_short_and_without_open_slots(place: str) -> None:
    for scan in imagined.scans(60, seed="plans"):
        talks = conversations(scan.objects, random.Random(scan.id), place=place, most=6)
        assert talks == conversations(scan.objects, random.Random(scan.id), place=place, most=6)
        assert 1 <= len(talks) <= 6
        for talk in talks:
            assert 1 <= len(talk) <= 6
            for exchange in talk:
                assert exchange.answer and "{" not in exchange.question + exchange.answer
                assert "None" not in exchange.question + exchange.answer


def test_an_empty_scene_is_not_asked_about() -> None:
    assert conversations([], random.Random(0)) == []


def test_answers_speak_of_the_numbers_that_objects_have() -> None:
    numbered = [replace(one, number=one.number + 10) for one in SCENE]
    spoken = {mention.number for seed in range(20) for talk in conversations(numbered, random.Random(seed))
              for exchange in talk for mention in find_objects(exchange.answer)}  # fmt: skip
    assert spoken == {11, 12, 13, 14}


def with_kinds(things: Sequence[SceneObject]) -> list[SceneObject]:
    """The same objects, of two kinds in turn."""
    return [replace(thing, label=("bowl", "bottle")[place % 2]) for place, thing in enumerate(things)]


def test_every_kind_of_question_comes_up() -> None:
    scenes = [(scan.id, with_kinds(scan.objects)) for scan in imagined.scans(60, seed="kinds")]
    asked = Counter(exchange.kind for name, things in scenes
                    for talk in conversations(things, random.Random(name)) for exchange in talk)  # fmt: skip
    assert set(asked) == {
        "visual_grounding3d",
        "VQA3d",
        "detection3d",
        "description3d",
        "classification3d",
        "conversation3d",
    }
    for name, (make, _) in KINDS.items():
        assert any(make(Speaker(things, random.Random(scene))) for scene, things in scenes), name


def test_nothing_turns_on_a_kind_where_the_encoder_tells_none() -> None:
    assert {thing.label for scan in imagined.scans(30, seed="plain") for thing in scan.objects} == {"object"}


def test_what_is_learned_first_is_short_and_points_with_the_words_of_the_index() -> None:
    words = Counter[str]()
    for scan in imagined.scans(60, seed="first"):
        for talk in conversations(scan.objects, random.Random(scan.id), place=scan.place, first=True):
            assert {exchange.kind for exchange in talk} <= {"visual_grounding3d", "VQA3d", "detection3d"}
            for exchange in talk:
                if exchange.kind == "visual_grounding3d":
                    words.update(mention.label for mention in find_objects(exchange.answer))
    told = {f" {word.removeprefix('the ')}" for word in words} - {" object"}
    assert told <= set(LAYOUT.names["written"])
    assert {" leftmost", " nearest", " highest", " largest"} <= told


SIDES = {
    "the object furthest to the left": (0, min), "the object furthest to the right": (0, max),
    "the object nearest to the viewer": (1, min), "the object furthest from the viewer": (1, max),
}  # fmt: skip


def test_what_a_superlative_points_at_leads_by_three_centimetres() -> None:
    checked = Counter[str]()
    for scan in imagined.scans(60, seed="truth"):
        for speaker in speakers(40, list(scan.objects)):
            reference = any_reference(speaker)
            if reference is None or reference.text not in SIDES:
                continue
            axis, best = SIDES[reference.text]
            chosen = reference.thing.box.centre[axis]
            others = [one.box.centre[axis] for one in scan.objects if one.number != reference.thing.number]
            assert best(chosen, *others) == chosen and min(abs(chosen - other) for other in others) >= 0.03
            checked[reference.text] += 1
    assert len(checked) == 4


def test_what_is_too_close_to_call_is_not_asked() -> None:
    level = [thing(1, 0.0, 0.0), thing(2, 0.02, 0.4), thing(3, 0.01, 0.8)]
    margins = Margins.of(level)
    assert winner(level, "right", margins) is None
    assert winner(level, "highest", margins) is None
    assert winner(level, "near", margins) is level[0]
    assert winner(level[:1], "near", margins) is None
    assert direction(level[0], level[1], "left", margins) is None


def test_margins_grow_with_the_scene() -> None:
    small, large = Margins.of(SCENE), Margins.of([thing(1, -2, -2, size=(1, 1, 2)), thing(2, 2, 2, size=(1, 1, 2))])
    assert (small.side, small.height) == (0.03, 0.02)
    assert large.side == pytest.approx(0.2) and large.height == pytest.approx(0.06)


def test_relations_hold_as_they_look() -> None:
    margins = Margins.of(SCENE)
    assert direction(RED, BLUE, "left", margins) and not direction(RED, BLUE, "right", margins)
    assert direction(BLUE, RED, "near", margins) and direction(FAR_RED, RED, "far", margins)
    assert direction(BLUE, RED, "higher", margins) and direction(RED, BLUE, "smaller", margins)
    assert on_top(YELLOW, BLUE) and on_top(BLUE, YELLOW) is False and on_top(RED, BLUE) is False
    middle = thing(5, 0.0, 0.15)
    assert between(middle, RED, FAR_RED, margins) and between(BLUE, RED, FAR_RED, margins) is False


def told(answers: dict[str, T], pattern: str) -> set[T]:
    """What was answered to the questions that match, of which there is at least one."""
    matching = {answer for question, answer in answers.items() if re.fullmatch(pattern, question)}
    assert matching, pattern
    return matching


def speakers(count: int, objects: list[SceneObject]) -> list[Speaker]:
    return [Speaker(objects, random.Random(seed)) for seed in range(count)]


def test_a_colour_that_two_objects_might_have_does_not_point_at_one() -> None:
    doubtful = replace(FAR_RED, colour=None, possible=("red", "white"))
    speaker = Speaker([RED, BLUE, doubtful, YELLOW], random.Random(0))
    assert {group.colour for group in speaker.groups} == {None, "blue", "yellow"}
    assert "red" not in speaker.absent_colours and "white" not in speaker.absent_colours
    assert "green" in speaker.absent_colours


def test_relations_name_the_only_object_that_fits() -> None:
    found = {reference.text: reference.thing.number for speaker in speakers(400, SCENE)
             if (reference := relation(speaker))}  # fmt: skip
    assert told(found, f".* (on top of|standing on) the (only )?blue {ONE}") == {4}
    assert told(found, f".* (under|below|beneath) the (only )?yellow {ONE}") == {2}
    assert told(found, f".* (to the left|left|on the left side) of the (only )?blue {ONE}") == {1}
    assert len(found) > 100


def test_an_ordinal_counts_from_its_end() -> None:
    row = [thing(number, x, 0.0) for number, x in ((1, 0.4), (2, -0.4), (3, 0.0), (4, 0.2))]
    found = {
        reference.text: reference.thing.number for speaker in speakers(300, row) if (reference := ordinal(speaker))
    }
    assert found["the second object from the left"] == 3
    assert found["the third object from the right"] == 3
    assert found["number 2 from the right"] == 4


def test_an_answer_calls_an_object_by_what_makes_it_stand_out() -> None:
    answers = {}
    for speaker in speakers(300, with_kinds([RED, BLUE, FAR_RED])):
        exchange = grounding.ground(speaker)
        assert exchange is not None
        answers[exchange.question] = exchange.answer
    assert told(answers, "\\w+( \\w+)? the (only )?blue (object|thing|item)[.?]") == {"the blue [obj2]"}
    assert told(answers, "\\w+( \\w+)? the (only )?bottle[.?]") == {"object [obj2]"}


def test_what_is_not_there_is_answered_so() -> None:
    answers = {exchange.answer for speaker in speakers(40, SCENE) if (exchange := grounding.ground_none(speaker))}
    assert answers == {NONE}
    names = [text for speaker in speakers(80, SCENE) if (text := absent(speaker))]
    assert names and not any(colour in text.split() for text in names for colour in ("red", "blue", "yellow", "pink"))


def test_several_objects_are_listed_by_number() -> None:
    answers = {exchange.question: exchange.answer for speaker in speakers(300, SCENE)
               if (exchange := grounding.ground_several(speaker))}  # fmt: skip
    assert answers["Find all red objects."] == "object [obj1]; object [obj3]"
    assert any(answer == NONE for answer in answers.values())


def test_counts_are_numerals_of_the_right_objects() -> None:
    answers = {exchange.question: exchange.answer for speaker in speakers(300, SCENE)
               if (exchange := counting.count_group(speaker))}  # fmt: skip
    assert told(answers, "How many (objects|things|items) are (there|on the table).") == {"4"}
    assert told(answers, "(How many|Count the) red (objects|things|items|ones).*") == {"2"}
    assert told(answers, ".* green .*") == {"0"}
    beside = {exchange.question: exchange.answer for speaker in speakers(300, [RED, BLUE, FAR_RED])
              if (exchange := counting.count_beside(speaker))}  # fmt: skip
    assert told(
        beside, f"(How many|Count the|Number of) \\w+ to the (right|left) of the (only )?blue {ONE}( are there)?[.?]"
    ) == {"1"}


def test_yes_and_no_come_about_equally_often() -> None:
    answers = Counter[str]()
    for scan in imagined.scans(150, seed="balance"):
        for make in (comparing.yes_no, comparing.present):
            if exchange := make(Speaker(scan.objects, random.Random(scan.id), place=scan.place)):
                answers[exchange.answer] += 1
    assert set(answers) == {"yes", "no"}
    assert 0.7 < answers["yes"] / answers["no"] < 1.4


def test_multiple_choice_lists_letters_and_each_letter_may_be_right() -> None:
    letters = Counter[str]()
    for speaker in speakers(400, SCENE):
        exchange = choices.choose(speaker)
        if exchange is None:
            continue
        listed = dict(re.findall(r"\(([A-F])\) (.+?)(?= \([A-F]\)|\n| Which one|$)", exchange.question))
        text = exchange.answer
        assert len(listed) >= 2 and text in listed.values()
        letters.update(letter for letter, option in listed.items() if option == text)
        if exchange.question.startswith("How many objects are on the table?\n"):
            assert text == "4"
    assert letters["A"] and letters["B"] and letters["C"] and letters["A"] < 0.6 * sum(letters.values())


def test_left_or_right_is_seen_from_the_viewer() -> None:
    found = {}
    for speaker in speakers(400, [RED, BLUE]):
        if asked := comparing.either_way(speaker):
            found[asked[0]] = asked[2]
    assert told(found, f"(Is|Seen from the viewer, is) the red {ONE} .*left or .*right of the blue {ONE}\\?") == {
        "left"
    }
    assert told(found, f"(Is|Seen from the viewer, is) the blue {ONE} .*in front of .*the red {ONE}.*") == {"in front"}
    assert set(found.values()) == {"left", "right", "in front", "behind", "higher", "lower", "larger", "smaller"}


def test_sizes_and_distances_are_rounded_as_people_say_them() -> None:
    assert (length_in_words(0.243), length_in_words(0.998), length_in_words(1.84)) == ("24 cm", "1.0 m", "1.8 m")
    answers = {exchange.question: exchange.answer for speaker in speakers(400, SCENE)
               for exchange in (measuring.size_of(speaker), measuring.far_apart(speaker)) if exchange}  # fmt: skip
    assert told(answers, f"(How (tall|high) is|Height of) the (only )?blue {ONE}\\?") == {"30 cm"}
    assert told(answers, f".* wide is the (only )?yellow {ONE}\\?") == {"5 cm"}
    assert told(answers, f".*between the blue {ONE} and the yellow {ONE}[.?]") == {"18 cm"}


def test_a_description_says_what_stands_where() -> None:
    text = describing.describe(Speaker([RED, BLUE, FAR_RED], random.Random(0))).answer
    assert text == (
        "Three objects stand on the table: a red object [obj1] on the left, a blue object [obj2] in front "
        "and a red object [obj3] at the back on the right."
    )
    assert "a yellow object [obj4] on top of [obj2]" in describing.describe(Speaker(SCENE, random.Random(0))).answer


def test_detection_lists_every_object_by_number() -> None:
    answer = describing.detect(Speaker(SCENE, random.Random(0))).answer
    assert answer == "object [obj1]; object [obj2]; object [obj3]; object [obj4]"


def test_rounds_stay_with_the_object_they_began_with() -> None:
    for speaker in speakers(200, SCENE):
        talk = dialogue.rounds(speaker)
        assert talk is not None and 2 <= len(talk) <= 4
        opening = next(turn for turn in talk if len(find_objects(turn.answer)) == 1)
        number = find_objects(opening.answer)[0].number
        for turn in talk:
            if re.fullmatch("How (tall|high) is it\\?", turn.question):
                assert turn.answer == length_in_words(SCENE[number - 1].box.size[2])
            if turn.question == "What colour is it?":
                assert turn.answer == SCENE[number - 1].colour


def test_references_never_point_at_two_objects() -> None:
    for scan in imagined.scans(60, seed="unique"):
        meant: dict[str, int] = {}
        for seed in range(40):
            reference = any_reference(Speaker(scan.objects, random.Random(seed), place=scan.place))
            if reference is not None:
                assert meant.setdefault(reference.text, reference.thing.number) == reference.thing.number, (
                    reference.text
                )


def test_scenes_without_colours_are_asked_about_too() -> None:
    bare = [replace(one, colour=None, possible=()) for one in SCENE]
    questions = [exchange.question for seed in range(30) for talk in conversations(bare, random.Random(seed))
                 for exchange in talk]  # fmt: skip
    words = " ".join(question for question in questions if "something else" not in question)
    assert not re.search(r"\b(red|blue|green|yellow|purple|orange) (object|thing|item|one)", words)
    assert simple(Speaker(bare, random.Random(0))) is not None
