"""What the 3D tab shows of a scene and its talk: chips, boxes by kind, the doctor's words, rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.conversation import Answer, Cloud, Exchange, Thread
from app.scene3d import Scene
from app.scene_view import (
    ANSWER,
    PROPOSALS,
    TRUTH,
    doctor_value,
    layers_of,
    named_objects,
    parts,
    pointed_at,
    table_value,
    talk_value,
    viewer_value,
)
from app.services import Services

ALL = [PROPOSALS, ANSWER, TRUTH]


@pytest.fixture
def scene(services: Services) -> Scene:
    *_, opened = services.scenes.open("a1", services.settings.demo / "table.ply")
    assert isinstance(opened, Scene)
    return opened


def asked(scene: Scene, answer: str, question: str = "Which?") -> Thread:
    return Thread("k", (Exchange(question, answer=Answer(answer, finished=True), cloud=scene.cloud),))


@pytest.mark.parametrize(
    ("text", "chips"),
    [
        ("The one furthest to the left is the purple object [obj7].", [(7, "purple object")]),
        ("red object [obj1]; small dark-red cup [obj2]", [(1, "red object"), (2, "small dark-red cup")]),
        ("It is [obj3].", [(3, "")]),
        ("There is no <b>bold</b> object [obj99].", []),
        ("[obj2][obj3]", [(2, ""), (3, "")]),
    ],
)
def test_an_object_is_a_chip_with_the_words_that_name_it(scene: Scene, text: str, chips: list[object]) -> None:
    cut = parts(text, scene)
    assert [(part["number"], part["text"]) for part in cut if "number" in part] == chips
    whole = "".join(f"{part['text']} [obj{part['number']}]" if "number" in part else part["text"] for part in cut)
    assert whole.replace(" ", "") == text.replace(" ", "")


def test_a_question_keeps_its_words_and_only_the_number_is_a_chip(scene: Scene) -> None:
    value = talk_value(scene, asked(scene, "Yes.", "Is this object [obj3] red?"))
    assert value["messages"][0]["parts"] == [
        {"text": "Is this object "},
        {"number": 3, "text": "", "title": "green object"},
        {"text": " red?"},
    ]


def test_named_objects_are_of_the_kind_answer_and_the_others_dim(scene: Scene) -> None:
    value = viewer_value(scene, asked(scene, "It is the cup [obj2], not [obj99]."), ALL)
    assert value["highlight"] == [2]
    kinds = {box["number"]: (box["kind"], box["label"]) for box in value["boxes"] if box["number"]}
    assert kinds[2] == ("answer", "cup") and kinds[1] == ("proposal", "red object")


def test_layers_choose_which_boxes_are_drawn(scene: Scene) -> None:
    thread = asked(scene, "It is [obj2].")

    def kinds(*layers: str) -> list[str]:
        return [box["kind"] for box in viewer_value(scene, thread, layers)["boxes"]]

    assert layers_of(scene) == ALL and layers_of(None) == [PROPOSALS, ANSWER]
    assert kinds(ANSWER) == ["answer"]
    assert kinds(PROPOSALS) == ["proposal"] * 7
    assert kinds(TRUTH) == ["truth"] * 7
    assert viewer_value(scene, thread, [PROPOSALS])["highlight"] is None


def test_numbers_from_before_a_change_of_the_cloud_point_at_nothing(scene: Scene) -> None:
    old = Exchange("Which?", answer=Answer("It is [obj2].", finished=True), cloud=Cloud(scene.name, Path("other.npz")))
    thread = Thread("k", (old,))
    assert named_objects(scene, thread) == {}
    messages = talk_value(scene, thread)["messages"]
    assert messages[1]["parts"] == [{"text": "It is [obj2]."}]
    assert messages[2]["role"] == "note" and "new numbers" in messages[2]["parts"][0]["text"]


def test_the_table_lists_every_object_and_the_truth_when_it_is_shown(scene: Scene) -> None:
    thread = asked(scene, "the tall one [obj4]")
    value = table_value(scene, thread, ALL)
    assert value["unit"] == "m" and len(value["rows"]) == 14
    row = value["rows"][3]
    assert (row["identifier"], row["label"], row["kind"]) == ("obj4", "tall one", "answer")
    assert len(table_value(scene, thread, [PROPOSALS])["rows"]) == 7


def test_boxes_of_a_scan_in_millimetres_are_not_said_to_be_in_metres(services: Services) -> None:
    *_, scene = services.scenes.open("a1", services.settings.demo / "sideways.ply")
    assert isinstance(scene, Scene)
    assert table_value(scene, Thread(), ALL)["unit"] == "file units"
    value = doctor_value(scene)
    fixes = {finding["name"]: finding["fix"] for finding in value["findings"] if finding["fix"]}
    assert fixes == {"unit": "Scale by 0.001", "up axis": "Turn upright", "colours": "Set the colours' range"}
    *_, fixed = services.scenes.fix(scene, ["unit"])
    assert isinstance(fixed, Scene)
    assert table_value(fixed, Thread(), ALL)["unit"] == "m"
    assert doctor_value(fixed)["made"] == ["unit"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[obj3] "),
        ("Is this object red?", "Is this object [obj3] red?"),
        ("What is left of", "What is left of [obj3] "),
        ("Is [obj3] red?", "Is [obj3] red?"),
        ("Is this one [obj1] like", "Is this one [obj1] like [obj3] "),
    ],
)
def test_a_click_puts_the_object_where_the_question_speaks_of_it(before: str, after: str) -> None:
    assert pointed_at(before, 3) == after
