"""A set that is not as it should be is refused with file, record and field; broken pictures stay samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, chosen, unpack
from lamm_core.evaluation.tasks import task


def publish(root: Path, name: str, records: Any, *, folder: str = "2D_Benchmark") -> Path:
    file = root / folder / "meta_file" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(records if isinstance(records, str) else json.dumps(records))
    return root


@pytest.mark.parametrize(
    ("name", "file", "record", "told"),
    [("cifar10", "Classification_CIFAR10", {"image": "a.png"}, "no field 'label'"),
     ("cifar10", "Classification_CIFAR10", {"label": "frog"}, "no field 'image'"),
     ("cifar10", "Classification_CIFAR10", {"image": "a.png", "label": ""}, "is no text"),
     ("fsc147", "Counting_FSC147", {"image": "a.png", "num": "many"}, "wrong field"),
     ("fsc147", "Counting_FSC147", {"image": "a.png", "num": -1}, "wrong field"),
     ("sqaimage", "VQA_SQAimage", {"image": "a.png", "gt_choices": ["a"], "gt_choice": 1}, "gt_choice 1 of 1"),
     ("voc2012_detection", "Detection_VOC2012", {"image": "a.png", "object": [{"label": "dog", "bbox": [1]}]}, "not 4"),
     ("voc2012_detection", "Detection_VOC2012", {"image": "a.png", "object": None}, "wrong field"),
     ("lsp", "Keypoints_Detection_LSP", {"image": "a.png", "gt_joints": [[1, 2]]}, "1 joints, not 14"),
     ("celeba_smile", "Facial_Classification_CelebA(Smile)", {"image": "a.png", "attr": "maybe"}, "neither 1 nor -1"),
     ("svt", "OCR_SVT", {"image": "a.png", "word_list": []}, "empty"),
     ("flickr30k", "Caption_flickr30k", {"image": "a.png", "sentences": [None]}, "is no text")],
)  # fmt: skip
def test_a_record_with_wrong_fields_is_named(name: str, file: str, record: Any, told: str, tmp_path: Path) -> None:
    publish(tmp_path, file, [record])
    with pytest.raises(TaskError, match=r"record 0") as raised:
        task(name).samples(tmp_path, tmp_path, limit=None, seed=0)
    assert told in str(raised.value) and file in str(raised.value)


@pytest.mark.parametrize(
    ("content", "told"), [("{", "not JSON"), ("{}", "list of records"), ("[1]", "list of records"), ("[]", "nothing")]
)
def test_a_file_that_is_no_list_of_records_is_refused(content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=told):
        task("cifar10").samples(publish(tmp_path, "Classification_CIFAR10", content), tmp_path, limit=None, seed=0)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    record = {"id": 7, "image": "a.png", "label": "frog"}
    with pytest.raises(TaskError, match="'7' stands there twice"):
        task("cifar10").samples(publish(tmp_path, "Classification_CIFAR10", [record] * 2), tmp_path, limit=None, seed=0)


@pytest.mark.parametrize("name", ["lsp", "locating", "cifar10"])
def test_a_missing_picture_is_a_sample_still(name: str, tmp_path: Path) -> None:
    joints = [[float(n), float(n)] for n in range(14)]
    publish(tmp_path, "Keypoints_Detection_LSP", [{"image": "gone.png", "gt_joints": joints}])
    publish(tmp_path, "Locating_LSP", [{"image": "gone.png", "gt_joints": joints}])
    publish(tmp_path, "Classification_CIFAR10", [{"image": "gone.png", "label": "frog"}])
    samples = task(name).samples(tmp_path, tmp_path, limit=None, seed=0)
    assert samples and not samples[0].media[0].path.exists()
    assert task(name).score(samples[0], "").value is None


def test_a_scan_that_is_gone_has_no_proposals_and_is_a_sample_still(tmp_path: Path) -> None:
    record = {"pcl": "gone.npy", "query": "The chair.", "object": [0, 0, 0, 1, 1, 1]}
    publish(tmp_path, "VG_ScanRefer", [record], folder="3D_Benchmark")
    sample = task("scanrefer").samples(tmp_path, tmp_path, limit=None, seed=0)[0]
    parts = task("scanrefer").score(sample, "[0, 0, 0, 1, 1, 1]").parts
    assert parts["acc_50"].gained == 1 and "proposal_recall_50" not in parts


def test_bytes_that_are_no_picture_are_unpacked_for_whoever_opens_them(tmp_path: Path) -> None:
    path = unpack(b"not a picture", tmp_path, "one")
    assert path.read_bytes() == b"not a picture"
    assert Entry("one", b"not a picture", None, "s", "one").file(tmp_path) == path


def test_the_published_records_are_found_wherever_the_benchmark_lies(published: Path, tmp_path: Path) -> None:
    inside, above = published / "2D_Benchmark", published.parent
    ids = [
        [sample.id for sample in task("cifar10").samples(root, tmp_path, limit=None, seed=0)]
        for root in (published, inside, above)
    ]
    assert ids[0] == ids[1] == ids[2] == ["cifar10-00000", "own"]


def test_a_set_asks_in_its_own_words(published: Path, tmp_path: Path) -> None:
    sample = task("cifar10").samples(published, tmp_path, limit=None, seed=0)[0]
    assert sample.turns[0].text.startswith("What is asked in Classification_CIFAR10?")
    asked = task("sqaimage").samples(published, tmp_path, limit=None, seed=0)[0].turns[0].text
    assert "(A) two (B) three (C) twenty three" in asked


def test_the_same_seed_draws_the_same_items_in_their_own_order() -> None:
    drawn = chosen(range(100), 10, 4)
    assert drawn == sorted(drawn) == chosen(range(100), 10, 4) and len(set(drawn)) == 10
    assert chosen(range(3), 10, 4) == [0, 1, 2]
