"""Each task reads its raw set, asks in known and new wordings, and scores as its protocol says."""

from __future__ import annotations

import io
import json
import math
import random
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image

import annotation.visual_tasks.classification as made_classification
import annotation.visual_tasks.counting as made_counting
import annotation.visual_tasks.detection as made_detection
import annotation.visual_tasks.keypoints as made_keypoints
import annotation.visual_tasks.locating as made_locating
import annotation.visual_tasks.ocr as made_ocr
from annotation.visual_tasks import readers
from annotation.visual_tasks.wordings import Wordings
from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.task import Part, Questions, Task
from lamm_core.evaluation.tasks import TASKS, classification, counting, detection, keypoints, locating, ocr, sets, task

BOX = [0.1, 0.1, 0.5, 0.5]


def png(value: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny raw sets in the layouts that the tasks read."""
    root = tmp_path_factory.mktemp("data")
    for name in (
        "cifar10",
        "iiit5k",
        "lsp",
        "coco128/images",
        "bccd/JPEGImages",
        "bccd/Annotations",
        "bccd/ImageSets/Main",
    ):
        (root / name).mkdir(parents=True)
    images = [{"bytes": png(n), "path": f"{n}.png"} for n in range(4)]
    labels = arrow.Table.from_pylist([{"img": image, "label": n % 3} for n, image in enumerate(images)])
    schema = {"info": {"features": {"label": {"names": ["airplane", "automobile", "frog"]}}}}
    labels = labels.replace_schema_metadata({"huggingface": json.dumps(schema)})
    parquet.write_table(labels, root / "cifar10" / "test.parquet")
    words = [{"image": image, "text": f"Word{n}"} for n, image in enumerate(images)]
    parquet.write_table(arrow.Table.from_pylist(words), root / "iiit5k" / "test.parquet")
    joints = [[float(2 * n + 1), float(n + 1), 1.0] for n in range(14)]
    people = [{"image": image, "joints": joints, "width": 40, "height": 20} for image in images]
    parquet.write_table(arrow.Table.from_pylist(people), root / "lsp" / "test.parquet")
    listing = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 40, "height": 20} for n in range(8)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [4, 2, 16, 8], "iscrowd": 0} for n in range(8)
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    }
    (root / "coco128" / "instances.json").write_text(json.dumps(listing))
    for n in range(8):
        (root / "coco128" / "images" / f"{n}.png").write_bytes(png(n))
    (root / "bccd" / "ImageSets" / "Main" / "test.txt").write_text("smear\n")
    (root / "bccd" / "JPEGImages" / "smear.jpg").write_bytes(png())
    (root / "bccd" / "Annotations" / "smear.xml").write_text(
        "<annotation><size><width>40</width><height>20</height></size>"
        + "<object><name>RBC</name><bndbox><xmin>4</xmin><ymin>2</ymin><xmax>20</xmax><ymax>10</ymax></bndbox></object>"
        * 3
        + "</annotation>"
    )
    write_scans(root / "osd")
    return root


def write_scans(root: Path) -> None:
    """Two held-apart scans of two boxes on a table, with a record for each task; a third that is trained on."""
    (root / "clouds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    boxes = [[-0.25, 0.0, 0.1, 0.14, 0.1, 0.2], [0.25, 0.0, 0.1, 0.14, 0.1, 0.2]]
    records: dict[str, list[dict[str, object]]] = {"Detection_OSD": [], "VG_OSD": [], "VQA_OSD_multiplechoice": []}
    for name in ("learn_00", "learn_01", "learn_05"):
        parts = [np.column_stack([rng.uniform(-0.6, 0.6, (8000, 2)), rng.normal(0, 0.001, 8000)])]
        for x, *_ in boxes:
            side = rng.uniform(0, 1, (2500, 3))
            axis = rng.integers(0, 3, 2500)
            side[np.arange(2500), axis] = axis == 2
            parts.append(side * (0.14, 0.1, 0.2) + (x - 0.07, -0.05, 0.0))
        np.savez(root / "clouds" / f"{name}.npz", xyz=np.concatenate(parts).astype(np.float32))
        pcl = f"clouds/{name}.npz"
        found = [{"label": "object", "bbox": box} for box in boxes]
        records["Detection_OSD"].append({"id": name, "pcl": pcl, "query": "Find all.", "object": found})
        query = "the object furthest to the left"
        records["VG_OSD"].append({"id": f"{name}_0", "pcl": pcl, "query": query, "object": boxes[0]})
        asked = {"query": "How many objects are on the table?", "gt_choices": ["1", "2"], "gt_choice": 1}
        records["VQA_OSD_multiplechoice"].append({"id": f"{name}_count", "pcl": pcl, **asked})
    for name, listed in records.items():
        (root / f"{name}.json").write_text(json.dumps(listed))


def test_scans_are_scored_by_the_boxes_of_the_objects_named(data: Path, tmp_path: Path) -> None:
    detection, grounding, questions = (task(name) for name in ("osd_detection", "osd_grounding", "osd_vqa"))
    samples = detection.samples(data, tmp_path, limit=None, seed=0)
    assert [sample.id for sample in samples] == ["learn_00", "learn_05"]  # the third is trained on
    everything = detection.score(samples[0], "object [obj1]; object [obj2]; object [obj9]").parts
    assert everything["recall_50"] == Part(2, 2) and everything["ceiling_50"] == Part(2, 2)
    assert everything["f1_50"] == Part(4, 4)  # a number that no object has names nothing
    assert detection.score(samples[0], "object [obj1]").parts["recall_50"] == Part(1, 2)
    meant = grounding.samples(data, tmp_path, limit=None, seed=0)[0]
    hits = [grounding.score(meant, f"object [obj{number}]").parts["acc_50"].gained for number in (1, 2)]
    assert sorted(hits) == [0, 1]
    asked = questions.samples(data, tmp_path, limit=None, seed=0)[0]
    assert [questions.score(asked, text).value for text in ("(B) 2", "2", "B", "(A) 1", "1 or 2")] == [1, 1, 1, 0, None]


@pytest.mark.parametrize("chosen", TASKS, ids=lambda chosen: chosen.name)
def test_every_task_gives_the_same_samples_for_a_seed(chosen: Task, data: Path, tmp_path: Path) -> None:
    samples = chosen.samples(data, tmp_path, limit=None, seed=3)
    assert samples and samples == chosen.samples(data, tmp_path, limit=None, seed=3)
    assert len({sample.id for sample in samples}) == len(samples)
    assert len(chosen.samples(data, tmp_path, limit=1, seed=0)) == 1
    for sample in samples:
        assert sample.media[0].path.is_file()
        assert "{" not in sample.turns[0].text
        assert isinstance(sample.metadata["unseen_wording"], bool)


@pytest.mark.parametrize("chosen", TASKS, ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("answer", ["", "!!", "[", "[x1, 0.1, 0.2]", "[1e99, 2]", "[[0.1,0.2],[0.3]]", "dog " * 300])
def test_no_answer_breaks_a_score_and_unparsed_is_never_zero(
    chosen: Task, answer: str, data: Path, tmp_path: Path
) -> None:
    for sample in chosen.samples(data, tmp_path, limit=None, seed=0):
        score = chosen.score(sample, answer)
        assert (score.value is None) == (score.answer is None)
        assert set(score.parts) <= set(chosen.metrics)


@pytest.mark.parametrize("chosen", TASKS, ids=lambda chosen: chosen.name)
def test_a_missing_set_is_a_task_error(chosen: Task, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is missing"):
        chosen.samples(tmp_path / "nowhere", tmp_path, limit=None, seed=0)


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="classification"):
        task("colouring")


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
    assert sets.held_apart(list(range(500))) == readers.held_apart(range(500))
    assert keypoints.JOINTS == readers.JOINTS


def sample(target: object, **metadata: object) -> Sample:
    return Sample("s", (), target=target, metadata=metadata)


@pytest.mark.parametrize(
    ("answer", "value", "lenient"),
    [("frog", 1.0, 1), ("A frog.", 1.0, 1), ("It is a frog.", 1.0, 1), ("plane", 0.0, 0), ("toad", 1.0, 1),
     ("a frog or an airplane", None, 1), ("nothing", None, 0), ("froggy", None, 0)],
)  # fmt: skip
def test_classification_wants_one_class(answer: str, value: float | None, lenient: int) -> None:
    score = task("classification").score(sample("frog", classes=["airplane", "automobile", "frog"]), answer)
    assert score.value == value
    assert score.parts["lamm_accuracy"] == Part(lenient, 1)


@pytest.mark.parametrize(
    ("answer", "word", "exact"), [("HOTEL", 1, 1), ("the word HOTEL", 1, 0), ("hotels", 0, 0), ("'hotel'", 1, 1)]
)
def test_a_word_counts_among_others_but_is_exact_alone(answer: str, word: int, exact: int) -> None:
    parts = task("ocr").score(sample("HOTEL"), answer).parts
    assert (parts["word_accuracy"].gained, parts["exact"].gained) == (word, exact)


def test_detection_wants_class_and_box_together_and_lamm_does_not() -> None:
    chosen, target = task("detection"), [("dog", BOX), ("cat", [0.6, 0.6, 0.9, 0.9])]
    swapped = chosen.score(
        sample(target, classes=["dog", "cat"]), "cat [0.10, 0.10, 0.50, 0.50]; dog [0.00, 0.90, 0.05, 1.00]"
    )
    assert swapped.parts == {"recall": Part(0, 2), "precision": Part(0, 2), "lamm_recall": Part(1, 2)}
    right = chosen.score(sample(target, classes=["dog", "cat"]), "Dogs [0.12, 0.10, 0.50, 0.50]")
    assert right.parts == {"recall": Part(1, 2), "precision": Part(1, 1), "lamm_recall": Part(1, 2)}
    assert right.value == 0.5


def test_locating_wants_the_name_and_a_point_strictly_inside_for_photos_only() -> None:
    chosen = task("locating")
    photo = sample([("dog", BOX)], source_dataset="coco128")
    assert chosen.score(photo, "dog [0.30, 0.30]").value == 1
    assert chosen.score(photo, "cat [0.30, 0.30]").value == 0
    assert chosen.score(photo, "dog [0.10, 0.30]").value == 0
    assert chosen.score(photo, "dog somewhere").value is None
    person = sample([("person", BOX)], source_dataset="lsp")
    assert chosen.score(person, "hip [0.30, 0.30]").parts == {"binary_loc": Part(1, 1), "binary_loc_people": Part(1, 1)}


def test_keypoints_equal_distances_taken_one_by_one() -> None:
    rng = random.Random(2)
    for _ in range(40):
        true = {name: (rng.random(), rng.random()) for name in keypoints.JOINTS}
        said = {
            name: (round(x + rng.gauss(0, 0.07), 2), round(y + rng.gauss(0, 0.07), 2)) for name, (x, y) in true.items()
        }
        said = {name: (min(1.0, max(0.0, x)), min(1.0, max(0.0, y))) for name, (x, y) in said.items()}
        answer = "; ".join(f"{name} [{x:.2f}, {y:.2f}]" for name, (x, y) in said.items())
        near = sum(math.hypot(said[n][0] - true[n][0], said[n][1] - true[n][1]) <= 0.1 for n in true)
        assert task("keypoints").score(sample(true), answer).parts["pck"] == Part(near, 14)


def test_a_joint_named_wrongly_is_not_hit() -> None:
    assert task("keypoints").score(sample({"neck": (0.5, 0.5)}), "head top [0.50, 0.50]").value == 0
    assert task("joints").score(sample({"neck": (0.5, 0.5)}), "[0.55, 0.45]").value == 1


def test_counting_errors_are_absolute_and_lamm_reads_silence_as_zero() -> None:
    chosen = task("counting")
    assert chosen.score(sample(7, source_dataset="bccd"), "five").parts["mae"] == Part(2, 1)
    silent = chosen.score(sample(7, source_dataset="bccd"), "many")
    assert silent.value is None and "mae" not in silent.parts
    assert silent.parts["lamm_mae"] == Part(7, 1)
