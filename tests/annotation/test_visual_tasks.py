"""Pairs from annotated pictures: the answers are the annotations, and the wordings are many and kept apart."""

from __future__ import annotations

import io
import json
import random
import re
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from typer.testing import CliRunner

from annotation.__main__ import app
from annotation.visual_tasks import classification, counting, description, detection, dialogue, keypoints, locating, ocr
from annotation.visual_tasks.picture import Picture, Thing, encoded
from annotation.visual_tasks.plans import PLANS, conversations
from annotation.visual_tasks.readers import JOINTS, held_apart
from annotation.visual_tasks.variation import vary
from annotation.visual_tasks.wordings import Wordings, a_or_an, plural
from lamm_core.grounding import find_boxes, find_points

POOLS = {
    "classification": classification.WORDINGS, "presence": classification.PRESENCE, "counting": counting.WORDINGS,
    "description": description.WORDINGS, "detection": detection.EVERYTHING, "detection of a class": detection.ONE_CLASS,
    "names": dialogue.NAMES, "side": dialogue.SIDE, "one joint": keypoints.ONE_JOINT, "joints": keypoints.ALL_JOINTS,
    "locating": locating.EVERYTHING, "locating of a class": locating.ONE_CLASS, "hip": locating.HIP,
    "ocr": ocr.WORDINGS,
}  # fmt: skip


def photo(things: tuple[Thing, ...] = (), **more: object) -> Picture:
    content, suffix = encoded(Image.new("RGB", (64, 48), (90, 120, 60)))
    fields = {"vocabulary": ("dog", "cat", "person", "chair", "kite", "bus")} | more
    return Picture("p", str(fields.pop("source", "coco128")), content, suffix, 64, 48, things=things, **fields)  # type: ignore[arg-type]


DOGS = (Thing("dog", (0.1, 0.2, 0.3, 0.4)), Thing("dog", (0.5, 0.2, 0.9, 0.9)), Thing("cat", (0.0, 0.0, 0.25, 0.2)))
JOINT_PLACES = {name: (0.2 + 0.04 * index, 0.1 + 0.05 * index) for index, name in enumerate(JOINTS)}


@pytest.mark.parametrize("name", POOLS)
def test_each_pool_has_at_least_25_wordings_and_keeps_others_for_testing(name: str) -> None:
    pool: Wordings = POOLS[name]
    assert len(set(pool.direct)) == len(pool.direct) >= 25
    assert len(pool.held_out) >= 2
    assert not set(pool.held_out) & set(pool.direct)


def test_training_questions_never_use_a_held_out_wording() -> None:
    held = {text for pool in POOLS.values() for text in pool.held_out}
    patterns = [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))) for text in held]
    picture = photo(DOGS)
    for seed in range(150):
        for talk in conversations(picture, random.Random(seed)):
            for exchange in talk:
                assert not any(pattern.fullmatch(exchange.question) for pattern in patterns), exchange.question


def test_detection_answers_list_the_largest_boxes_first() -> None:
    answer = detection.detect(photo(DOGS), random.Random(0)).answer
    found = find_boxes(answer)
    assert [box.label for box in found] == ["dog", "cat", "dog"]
    assert (found[0].x1, found[0].y2) == (0.5, 0.9)


def test_detection_answers_stop_at_eight_boxes() -> None:
    many = tuple(Thing("kite", (0.0, 0.0, 0.1 + index / 50, 0.1)) for index in range(20))
    assert len(find_boxes(detection.detect(photo(many), random.Random(0)).answer)) == 8


def test_locating_answers_are_the_centres_of_boxes() -> None:
    found = find_points(locating.locate_class(photo(DOGS), random.Random(0), label="dog").answer)
    assert [(point.x, point.y) for point in found] == [(0.7, 0.55), (0.2, 0.3)]


def test_counting_answers_are_numerals_and_know_zero() -> None:
    assert counting.count_class(photo(DOGS), random.Random(0), label="dog").answer == "2"
    assert counting.count_class(photo(DOGS), random.Random(0), label="bus").answer == "0"


def test_presence_is_answered_truly_and_in_balance() -> None:
    picture = photo(DOGS)
    answers = []
    for seed in range(400):
        exchange = classification.presence(picture, random.Random(seed))
        named = [
            label for label in picture.vocabulary if re.search(rf"\b({label}|{plural(label)})\b", exchange.question)
        ]
        assert (named[0] in ("dog", "cat")) == (exchange.answer == "yes")
        answers.append(exchange.answer)
    assert 160 < answers.count("yes") < 240


def test_joints_are_answered_in_the_order_of_the_set() -> None:
    picture = photo(source="lsp", joints=JOINT_PLACES)
    points = find_points(keypoints.all_joints(picture, random.Random(0)).answer)
    assert [point.label for point in points] == list(JOINTS)
    single = find_points(keypoints.one_joint(picture, random.Random(0), joint="neck").answer)[0]
    assert single == points[JOINTS.index("neck")]


def test_a_description_says_only_what_is_annotated() -> None:
    text = description.sentence(photo(DOGS))
    assert text == "There are two dogs and a cat; the largest is a dog on the right."


def test_words_are_answered_in_capitals() -> None:
    assert ocr.read_word(photo(source="iiit5k", word="Hotel"), random.Random(0)).answer == "HOTEL"


@pytest.mark.parametrize("source", PLANS)
def test_every_plan_gives_one_to_four_turns_and_the_same_for_the_same_seed(source: str) -> None:
    fields = {
        "cifar10": {"label": "dog"}, "iiit5k": {"word": "INN"}, "words": {"word": "INN"},
        "lsp": {"joints": JOINT_PLACES, "things": (Thing("person", (0.2, 0.1, 0.8, 0.9)),)},
        "bccd": {"things": (Thing("WBC", (0.1, 0.1, 0.4, 0.4)),), "vocabulary": ("RBC", "WBC", "Platelets")},
    }.get(source, {"things": DOGS})  # fmt: skip
    picture = photo(source=source, **fields)  # type: ignore[arg-type]
    for seed in range(30):
        talks = conversations(picture, random.Random(seed))
        assert talks == conversations(picture, random.Random(seed))
        assert all(1 <= len(talk) <= 4 for talk in talks)
        assert all("{" not in turn.question and turn.answer for talk in talks for turn in talk)


def test_a_mirrored_person_swaps_left_and_right() -> None:
    picture = photo((Thing("person", (0.2, 0.1, 0.72, 0.75)),), source="lsp", joints=JOINT_PLACES)
    mirrored = []
    for seed in range(20):
        joints = vary(picture, random.Random(seed), number=1).joints
        assert list(joints) == list(JOINTS)
        assert joints["right knee"][0] < joints["left knee"][0]
        mirrored.append(joints["neck"][0] > joints["head top"][0])
    assert {True, False} == set(mirrored)


def test_variations_move_boxes_with_the_pixels() -> None:
    image = Image.new("RGB", (200, 100), (0, 0, 0))
    image.paste((255, 255, 255), (60, 30, 120, 70))
    content, suffix = encoded(image, quality=None)
    picture = Picture("q", "coco128", content, suffix, 200, 100, things=(Thing("dog", (0.3, 0.3, 0.6, 0.7)),))
    seen = 0
    for seed in range(30):
        varied = vary(picture, random.Random(seed), number=1)
        with Image.open(io.BytesIO(varied.content)) as opened:
            bright = opened.convert("L").point(lambda value: 255 if value > 90 else 0).getbbox()
        if varied.things and bright:
            seen += 1
            box = varied.things[0].box
            expected = (
                bright[0] / varied.width,
                bright[1] / varied.height,
                bright[2] / varied.width,
                bright[3] / varied.height,
            )
            assert box == pytest.approx(expected, abs=0.03)
    assert seen > 10


@pytest.mark.parametrize(
    ("label", "many", "one"),
    [("person", "people", "a person"), ("wine glass", "wine glasses", "a wine glass"), ("bus", "buses", "a bus"),
     ("apple", "apples", "an apple"), ("knife", "knives", "a knife"), ("scissors", "scissors", "scissors")],
)  # fmt: skip
def test_class_names_take_their_plural_and_article(label: str, many: str, one: str) -> None:
    assert (plural(label), a_or_an(label)) == (many, one)


def test_a_quarter_is_held_apart_whatever_the_order() -> None:
    ids = list(range(128))
    assert held_apart(ids) == held_apart(reversed(ids))
    assert len(held_apart(ids)) == 32


@pytest.fixture
def raw_words(tmp_path: Path) -> Path:
    """A folder with a two-row iiit5k/train.parquet as the hub stores it."""
    content, _ = encoded(Image.new("RGB", (40, 20), (200, 30, 30)), quality=None)
    rows = [{"image": {"bytes": content, "path": f"{n}.png"}, "text": word} for n, word in enumerate(("Inn", "BAR"))]
    (tmp_path / "iiit5k").mkdir()
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "iiit5k" / "train.parquet")
    return tmp_path


def test_the_command_writes_records_and_a_second_run_doubles_nothing(raw_words: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["pairs", "--data", str(raw_words), "--set", "iiit5k", "--out", str(out)]
    for _ in range(2):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    records = json.loads((out / "pairs.json").read_text())
    assert [record["conversations"][1]["value"] for record in records] == ["INN", "BAR"]
    assert len(list((out / "media").iterdir())) == 2
    assert {record["image"] for record in records} == {f"media/{path.name}" for path in (out / "media").iterdir()}
    assert records[0]["target"] == {"word": "INN"} and (records[0]["width"], records[0]["height"]) == (40, 20)


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["pairs", "--data", str(tmp_path), "--set", "lsp", "--out", str(tmp_path / "o")])
    assert result.exit_code == 1
    assert "lsp" in result.output
