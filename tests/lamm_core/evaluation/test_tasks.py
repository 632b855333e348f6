"""Each task asks in known and new wordings and scores as its protocol says."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import annotation.visual_tasks.classification as made_classification
import annotation.visual_tasks.counting as made_counting
import annotation.visual_tasks.detection as made_detection
import annotation.visual_tasks.keypoints as made_keypoints
import annotation.visual_tasks.locating as made_locating
import annotation.visual_tasks.ocr as made_ocr
from annotation.visual_tasks import readers
from annotation.visual_tasks.wordings import Wordings
from lamm_core.conversation import Sample
from lamm_core.evaluation.sets import coco, scans
from lamm_core.evaluation.task import Part, Questions
from lamm_core.evaluation.tasks import classification, counting, detection, keypoints, locating, ocr, task
from lamm_core.grounding import Point2D, format_point

BOX = [0.1, 0.1, 0.5, 0.5]

PAIRS: list[tuple[ModuleType, str, Wordings]] = [
    (classification, "QUESTIONS", made_classification.WORDINGS), (counting, "QUESTIONS", made_counting.WORDINGS),
    (detection, "QUESTIONS", made_detection.EVERYTHING), (locating, "QUESTIONS", made_locating.EVERYTHING),
    (locating, "HIP", made_locating.HIP), (keypoints, "ALL_JOINTS", made_keypoints.ALL_JOINTS),
    (keypoints, "ONE_JOINT", made_keypoints.ONE_JOINT), (ocr, "QUESTIONS", made_ocr.WORDINGS),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "made"), PAIRS, ids=lambda value: getattr(value, "__name__", None))
def test_half_of_the_questions_are_ones_that_training_never_uses(module: ModuleType, name: str, made: Wordings) -> None:
    questions: Questions = getattr(module, name)
    assert set(questions.seen) <= set(made.direct)
    assert set(questions.unseen) <= set(made.held_out)


def test_both_packages_hold_the_same_photos_apart_and_name_the_same_joints() -> None:
    assert coco.held_apart(list(range(500))) == readers.held_apart(range(500))
    assert keypoints.JOINTS == readers.JOINTS


def test_what_is_trained_on_is_not_measured(ordinary: Path, tmp_path: Path) -> None:
    photos = task("coco128_detection").samples(ordinary, tmp_path, limit=None, seed=0)
    assert len(photos) == 2  # a quarter of eight
    scenes = task("osd_detection").samples(ordinary, tmp_path, limit=None, seed=0)
    assert [sample.id for sample in scenes] == ["learn_00", "learn_05"]
    assert not scans.measured("learn_11")
    assert all(scans.measured(name) for name in ("learn_10", "test_11", "scene0011_00"))


@pytest.mark.parametrize("name", ["cifar10", "iiit5k", "osd_grounding", "bccd_counting"])
def test_the_data_folder_may_be_the_folder_of_the_set_itself(name: str, ordinary: Path, tmp_path: Path) -> None:
    folder = ordinary / {"osd_grounding": "osd", "bccd_counting": "bccd"}.get(name, name)
    whole, own = (task(name).samples(root, tmp_path, limit=None, seed=0) for root in (ordinary, folder))
    assert whole == own


def sample(target: Any, **metadata: Any) -> Sample:
    return Sample("s", (), target=target, metadata=metadata)


@pytest.mark.parametrize(
    ("answer", "value", "lenient", "how"),
    [("frog", 1.0, 1, "whole answer"), ("A frog.", 1.0, 1, "whole answer"), ("plane", 0.0, 0, "whole answer"),
     ("It is a frog.", 1.0, 1, "only class mentioned"), ("toad", 1.0, 1, "whole answer"),
     ("a frog or an airplane", None, 1, "none"), ("nothing", None, 0, "none"), ("froggy", None, 0, "none")],
)  # fmt: skip
def test_classification_wants_one_class(answer: str, value: float | None, lenient: int, how: str) -> None:
    score = task("cifar10").score(sample("frog", classes="cifar10"), answer)
    assert (score.value, score.extraction) == (value, how)
    assert score.parts["lamm_accuracy"] == Part(lenient, 1)


def test_of_two_classes_where_one_holds_the_other_the_longer_is_meant() -> None:
    names = ["residential", "dense residential", "river"]
    score = task("ucmerced").score(sample("dense residential", classes=names), "This is a dense residential area.")
    assert score.value == 1.0
    assert task("ucmerced").score(sample("river", classes=names), "River").parts["lamm_accuracy"] == Part(0, 1)


@pytest.mark.parametrize(
    ("answer", "right", "exact", "edits", "lamm"),
    [("HOTEL", 1, 1, 0, 1), ("hotel", 1, 1, 0, 1), ("The word is 'hotel'.", 1, 1, 0, 0),
     ("the word HOTEL", 1 / 3, 0, 9, 1),
     ("The sign says: HOTEL", 1, 1, 0, 1), ("hotels", 0, 0, 1, 0), ("HOTL", 0, 0, 1, 0)],
)  # fmt: skip
def test_a_word_is_to_be_read_alone(answer: str, right: float, exact: int, edits: int, lamm: int) -> None:
    parts = task("iiit5k").score(sample(["HOTEL"]), answer).parts
    assert (parts["word_accuracy"].gained, parts["exact"].gained) == (right, exact)
    assert parts["cer"] == Part(edits, 5)
    assert parts["lamm_word_accuracy"] == Part(lamm, 1)


def test_detection_wants_class_and_box_together_and_lamm_does_not() -> None:
    chosen, target = task("coco128_detection"), [("dog", BOX), ("cat", [0.6, 0.6, 0.9, 0.9])]
    asked = sample(target, classes=["dog", "cat"])
    swapped = chosen.score(asked, "cat [0.10, 0.10, 0.50, 0.50]; dog [0.00, 0.90, 0.05, 1.00]")
    names = ("recall_50", "precision_50", "f1_50", "lamm_recall_50")
    assert [swapped.parts[name] for name in names] == [Part(0, 2), Part(0, 2), Part(0, 4), Part(1, 2)]
    right = chosen.score(asked, "Dogs [0.12, 0.10, 0.50, 0.50]")
    assert [right.parts[name] for name in names] == [Part(1, 2), Part(1, 1), Part(2, 3), Part(1, 2)]
    assert right.value == pytest.approx(2 / 3)
    assert right.detail["answer_boxes"] == [{"label": "dog", "box": [0.12, 0.1, 0.5, 0.5]}]


def test_locating_wants_the_name_and_a_point_strictly_inside_for_photos_only() -> None:
    chosen = task("locating")
    photo = sample([("dog", BOX)], source_dataset="coco128")
    assert chosen.score(photo, "dog [0.30, 0.30]").value == 1
    assert chosen.score(photo, "cat [0.30, 0.30]").value == 0
    assert chosen.score(photo, "dog [0.10, 0.30]").value == 0
    assert chosen.score(photo, "dog somewhere").value is None
    person = sample([("person", BOX)], source_dataset="lsp")
    assert chosen.score(person, "hip [0.30, 0.30]").parts == {"binary_loc": Part(1, 1), "binary_loc_lsp": Part(1, 1)}
    dots = sample([("", [0.5, 0.5]), ("", [0.9, 0.9])], source_dataset="fsc147")
    assert chosen.score(dots, "[0.55, 0.45]").parts == {"binary_loc_fsc147": Part(1, 2)}  # beside the pool, not in it


def test_every_joint_is_near_by_the_picture_or_by_the_torso() -> None:
    rng = random.Random(2)
    for _ in range(40):
        true = {name: (rng.random(), rng.random()) for name in keypoints.JOINTS}
        said = {
            name: (round(x + rng.gauss(0, 0.07), 2), round(y + rng.gauss(0, 0.07), 2)) for name, (x, y) in true.items()
        }
        said = {name: (min(1.0, max(0.0, x)), min(1.0, max(0.0, y))) for name, (x, y) in said.items()}
        answer = "; ".join(format_point(Point2D(name, x, y)) for name, (x, y) in said.items())
        near = sum(math.hypot(said[n][0] - true[n][0], said[n][1] - true[n][1]) <= 0.1 for n in true)
        off = {n: math.hypot(200 * (said[n][0] - true[n][0]), 100 * (said[n][1] - true[n][1])) for n in true}
        score = task("lsp_all_joints").score(sample(true, size=[200, 100], torso_pixels=50), answer)
        assert score.parts == {
            "pck_10": Part(near, 14), "pck_torso_20": Part(sum(pixels <= 10 for pixels in off.values()), 14),
        }  # fmt: skip


def test_the_first_point_is_the_answer_and_lamm_takes_any() -> None:
    asked = sample({"neck": (0.5, 0.5)}, size=[100, 100], torso_pixels=40)
    parts = task("lsp").score(asked, "[0.90, 0.90] or [0.55, 0.45]").parts
    assert parts == {"pck_10": Part(0, 1), "pck_torso_20": Part(0, 1), "lamm_pck_10": Part(1, 1)}
    assert task("lsp").score(asked, "[0.55, 0.45]").value == 1
    assert task("lsp_all_joints").score(asked, "head top [0.50, 0.50]").value == 0  # named wrongly


def test_counting_errors_are_absolute_and_lamm_reads_silence_as_zero() -> None:
    chosen = task("bccd_counting")
    right = chosen.score(sample(7), "five")
    assert right.parts["mae"] == Part(2, 1) and right.value == pytest.approx(5 / 7)
    silent = chosen.score(sample(7), "many")
    assert silent.value is None and "mae" not in silent.parts
    assert silent.parts["lamm_mae"] == Part(7, 1)


@pytest.mark.parametrize(
    ("answer", "value", "lamm"),
    [("(B) three", 1, 1), ("three", 1, 1), ("B", 1, 0),
     ("The answer is B.", 1, 1), ("(A) two", 0, 0),
     ("(A) or (B)", None, 0), ("I see three.", 1, 1), ("two or three", None, 0),
     ("E", None, 0), ("none", None, 0), ("a dog", None, 0)],
)  # fmt: skip
def test_an_option_is_stated_by_letter_or_by_words(answer: str, value: float | None, lamm: int) -> None:
    score = task("osd_vqa").score(sample(1, choices=["two", "three", "four"]), answer)
    assert score.value == value
    assert score.parts["lamm_accuracy"] == Part(lamm, 1)


@pytest.mark.parametrize(
    ("answer", "value", "lamm"),
    [("Yes", 0, 0), ("No.", 1, 1), ("She is smiling.", 0, 0), ("She is not smiling.", 1, 1),
     ("No, she looks sad", 1, 1), ("Yes. There is no doubt.", 0, 1),
     ("The face is serious.", None, 0)],
)  # fmt: skip
def test_a_smile_is_stated_or_denied(answer: str, value: float | None, lamm: int) -> None:
    score = task("celeba_smile").score(sample("no"), answer)
    assert score.value == value
    assert score.parts["lamm_accuracy"] == Part(lamm, 1)


def test_always_yes_has_a_balanced_accuracy_of_one_half() -> None:
    chosen = task("celeba_smile")
    details = [chosen.score(sample(truth), "Yes").detail for truth in ("yes", "yes", "yes", "no")]
    assert chosen.corpus[0].compute(details) == 0.5
    assert chosen.corpus[0].compute(details[:3]) is None


def test_scans_are_scored_by_the_boxes_of_the_objects_named(ordinary: Path, tmp_path: Path) -> None:
    detection, grounding = (task(name) for name in ("osd_detection", "osd_grounding"))
    found = detection.samples(ordinary, tmp_path, limit=None, seed=0)[0]
    everything = detection.score(found, "object [obj1]; object [obj2]; object [obj9]")
    assert everything.parts["recall_50"] == Part(2, 2) and everything.parts["proposal_recall_50"] == Part(2, 2)
    assert everything.parts["f1_50"] == Part(4, 4)  # a number that no object has names nothing
    assert len(everything.detail["answer_boxes"]) == 2 and len(everything.detail["answer_boxes"][0]["box"]) == 6
    assert detection.score(found, "object [obj1]").parts["recall_50"] == Part(1, 2)
    meant = grounding.samples(ordinary, tmp_path, limit=None, seed=0)[0]
    hits = [grounding.score(meant, f"object [obj{number}]").parts["acc_50"].gained for number in (1, 2)]
    assert sorted(hits) == [0, 1]
    assert "acc_50_multiple" in grounding.score(meant, "").parts  # two objects of one class are in the scene


def test_a_description_is_of_a_unique_object_where_no_other_has_its_class(published: Path, tmp_path: Path) -> None:
    chosen = task("scanrefer")
    meant = chosen.samples(published, tmp_path, limit=None, seed=0)[0]
    near = chosen.score(meant, "[-0.250, 0.000, 0.100, 0.140, 0.100, 0.100]")  # half the height: overlap one half
    assert near.parts["acc_50_unique"] == Part(1, 1) and "acc_50_multiple" not in near.parts
    assert chosen.score(meant, "[9, 9, 9, 1, 1, 1]; [-0.25, 0, 0.1, 0.14, 0.1, 0.2]").value == 0  # the first box counts


def test_absent_classes_are_drawn_three_ways_and_as_many_as_present_ones(ordinary: Path, tmp_path: Path) -> None:
    listing = {
        "images": [{"id": 20_000 + n, "file_name": f"{n}.png", "width": 40, "height": 20} for n in range(4)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(("dog", "cat", "cow", "cup", "fork", "bed"))],
        "annotations": [
            {"id": 10 * n + k, "image_id": 20_000 + n, "category_id": k, "bbox": [1, 1, 9, 9]}
            for n, there in enumerate(((0, 1), (0, 1), (0, 2), (3, 4)))
            for k in there
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(listing))
    chosen = task("coco128_hallucination")
    asked = chosen.samples(tmp_path, tmp_path, limit=None, seed=0)
    assert asked == chosen.samples(tmp_path, tmp_path, limit=None, seed=0)
    third = [one for one in asked if one.metadata["group"] == "coco128-20002"]  # a dog and a cow
    assert {one.metadata["label"] for one in third if one.target == "yes"} == {"dog", "cow"}
    drawn = {way: [one.metadata["label"] for one in third if one.target == "no" and way in one.metadata["ways"]]
             for way in ("random", "popular", "adversarial")}  # fmt: skip
    assert all(len(names) == 2 for names in drawn.values())
    assert "cat" in drawn["popular"] and "cat" in drawn["adversarial"]
    always = [chosen.score(one, "Yes.") for one in asked]
    for way in drawn:
        parts = [score.parts[f"f1_{way}"] for score in always if f"f1_{way}" in score.parts]
        assert sum(p.gained for p in parts) / sum(p.possible for p in parts) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("answer", "value", "near"),
    [("Brown", 1, 1), ("it is brown", 0, 1), ("red", 0, 0), ("", None, 0), ("dark brown.", 1, 1)],
)
def test_a_free_answer_is_one_of_the_right_ones(answer: str, value: float | None, near: int) -> None:
    score = task("scanqa_answers").score(sample(["dark brown", "Brown."]), answer)
    assert (score.value, score.parts["em_refined"]) == (value, Part(near, 1))
