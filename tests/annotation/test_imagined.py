"""Imagined pictures: what they know of themselves is what their placeholder says, and what the answers say."""

from __future__ import annotations

import json
import random

from annotation.imagined import named_pictures, pictures
from annotation.visual_tasks import conversations
from lamm_core.grounding import find_boxes
from lamm_core.names import CHARACTERS, JOINTS, OBJECTS, imagenet_names


def test_the_placeholder_holds_what_the_picture_knows() -> None:
    kinds = set()
    for picture in pictures(200, seed="train 0"):
        findings = json.loads(picture.content)
        kinds |= findings.keys()
        assert findings.get("word") == picture.word and findings.get("label") == picture.label
        assert [item["label"] for item in findings["objects"]] == [thing.label for thing in picture.things]
        assert all(thing.label in OBJECTS for thing in picture.things)
        assert set(picture.word or "") <= set(CHARACTERS)
        assert set(findings.get("joints", JOINTS)) == set(JOINTS)
    assert {"word", "label", "objects", "joints"} <= kinds


def test_boxes_in_answers_are_boxes_of_the_findings() -> None:
    rng = random.Random(0)
    checked = 0
    for picture in pictures(120, seed="train 1"):
        boxes = {tuple(f"{value:.2f}" for value in item["bbox"]) for item in json.loads(picture.content)["objects"]}
        for talk in conversations(picture, rng):
            for exchange in talk:
                for box in find_boxes(exchange.answer):
                    assert tuple(f"{value:.2f}" for value in (box.x1, box.y1, box.x2, box.y2)) in boxes
                    checked += 1
    assert checked > 50


def test_the_same_seed_imagines_the_same() -> None:
    first, second, other = (list(pictures(20, seed=seed)) for seed in ("a", "a", "b"))
    assert first == second != other


def test_every_name_is_asked_for() -> None:
    rng = random.Random(0)
    named = list(named_pictures(1, seed="train 0"))
    answers = [conversations(picture, rng)[0][0].answer for picture in named]
    assert answers == imagenet_names()
    assert [json.loads(picture.content)["name"] for picture in named] == list(range(1000))
