"""Tiny raw sets in every form that the tasks read: as they are distributed, and as LAMM's benchmark publishes them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from lamm_core.conversation import Sample
from tests.lamm_core.evaluation.naming import Naming, ReadsNames, make_samples

JOINTS = [[float(2 * n + 3), float(n + 2), 1.0] for n in range(14)]
BOXES = [[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9]]
SCENE_BOXES = [[-0.25, 0.0, 0.1, 0.14, 0.1, 0.2], [0.25, 0.0, 0.1, 0.14, 0.1, 0.2]]
SENTENCES = ["A red square on a wall.", "There is a red square on the wall of a house.", "One red square hangs there."]
OPTIONS = ["two", "three", "twenty three"]


def png(value: int = 0) -> bytes:
    """A small picture whose shade is its number."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def save_png(path: Path, value: int = 0) -> None:
    """The same as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(value))


def save_json(path: Path, content: Any) -> None:
    """A JSON file in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def save_rows(path: Path, rows: list[dict[str, Any]], names: list[str] | None = None) -> None:
    """Rows as the Hub stores them, with the names of classes in the schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = arrow.Table.from_pylist(rows)
    if names:
        info = {"info": {"features": {"label": {"names": names}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(table, path)


def save_scan(path: Path) -> None:
    """Two boxes on a table."""
    rng = np.random.default_rng(0)
    parts = [np.column_stack([rng.uniform(-0.6, 0.6, (8000, 2)), rng.normal(0, 0.001, 8000)])]
    for x, *_ in SCENE_BOXES:
        side = rng.uniform(0, 1, (2500, 3))
        axis = rng.integers(0, 3, 2500)
        side[np.arange(2500), axis] = axis == 2
        parts.append(side * (0.14, 0.1, 0.2) + (x - 0.07, -0.05, 0.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    xyz = np.concatenate(parts).astype(np.float32)
    np.save(path, xyz) if path.suffix == ".npy" else np.savez(path, xyz=xyz)


def voc_folder(root: Path, split: str, label: str) -> None:
    """A set in Pascal VOC's layout."""
    for name in ("one", "two"):
        save_png(root / "JPEGImages" / f"{name}.jpg", len(name))
        found = "".join(
            f"<object><name>{label}</name><bndbox><xmin>{x1 * 40}</xmin><ymin>{y1 * 20}</ymin><xmax>{x2 * 40}</xmax>"
            f"<ymax>{y2 * 20}</ymax></bndbox></object>"
            for x1, y1, x2, y2 in BOXES
        )
        (root / "Annotations").mkdir(parents=True, exist_ok=True)
        size = "<size><width>40</width><height>20</height></size>"
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{found}</annotation>")
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / f"{split}.txt").write_text("one\ntwo\n")


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every set as it is distributed, or as the folder of real data has it."""
    root = tmp_path_factory.mktemp("ordinary")
    images = [{"bytes": png(n), "path": f"{n}.png"} for n in range(4)]
    rows = [{"img": image, "label": n % 3} for n, image in enumerate(images)]
    save_rows(root / "cifar10" / "test.parquet", rows, ["airplane", "automobile", "frog"])
    save_rows(root / "iiit5k" / "test.parquet", [{"image": im, "text": f"Word{n}"} for n, im in enumerate(images)])
    save_rows(
        root / "lsp" / "test.parquet", [{"image": im, "joints": JOINTS, "width": 40, "height": 20} for im in images]
    )
    listing = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 40, "height": 20} for n in range(8)],
        "annotations": [
            {"id": 8 * n + k, "image_id": n, "category_id": k + 1, "bbox": [4 + 20 * k, 2, 16, 8], "iscrowd": 0}
            for n in range(8)
            for k in range(2)
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    }
    save_json(root / "coco128" / "instances.json", listing)
    for n in range(8):
        save_png(root / "coco128" / "images" / f"{n}.png", n)
    voc_folder(root / "bccd", "test", "RBC")
    voc_folder(root / "VOC2012", "val", "dog")
    write_scans(root / "osd")
    for label in ("airport", "bare soil"):
        save_png(root / "ucmerced" / label / f"{label[:2]}1.png")
    asked = {"question": "How many?", "choices": OPTIONS, "answer": 2, "hint": "Look closely."}
    save_rows(root / "ScienceQA" / "test.parquet", [{"image": im, **asked} for im in (images[0], None, images[1])])
    asked = {"question": "How many?", "options": OPTIONS, "answer": "2"}
    save_rows(root / "ai2d" / "test.parquet", [{"image": im, **asked} for im in images[:2]])
    lines = ["image_name| comment_number| comment"]
    lines += [f"{n}.png| {k}| {text}" for n in range(2) for k, text in enumerate(SENTENCES)]
    (root / "flickr30k").mkdir()
    (root / "flickr30k" / "results.csv").write_text("\n".join(lines))
    for n in range(2):
        save_png(root / "flickr30k" / "flickr30k_images" / f"{n}.png", n)
    dots = {f"{n}.jpg": {"points": [[1.0, 2.0]] * (n + 3)} for n in range(3)}
    save_json(root / "FSC147" / "annotation_FSC147_384.json", dots)
    save_json(root / "FSC147" / "Train_Test_Val_FSC_147.json", {"test": ["0.jpg", "2.jpg"], "train": ["1.jpg"]})
    (root / "FSC147" / "ImageClasses_FSC147.txt").write_text("0.jpg\tapples\n2.jpg\tpears\n")
    for n in range(3):
        save_png(root / "FSC147" / "images_384_VarV2" / f"{n}.jpg", n)
    views = "".join(
        f"<image><imageName>img/{n}.png</imageName><taggedRectangles><taggedRectangle><tag>GRAND</tag></taggedRectangle>"
        "<taggedRectangle><tag>HOTEL</tag></taggedRectangle></taggedRectangles></image>"
        for n in range(2)
    )
    (root / "svt1").mkdir()
    (root / "svt1" / "test.xml").write_text(f"<tagset>{views}</tagset>")
    for n in range(2):
        save_png(root / "svt1" / "img" / f"{n}.png", n)
    names = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Smiling"]
    faces = {"1.jpg": "1,-1,-1,-1,1", "2.jpg": "-1,-1,1,-1,-1", "3.jpg": "-1,1,1,-1,1", "4.jpg": "1,-1,-1,-1,1"}
    (root / "celeba" / "img_align_celeba").mkdir(parents=True)
    table = "\n".join([",".join(["image_id", *names]), *(f"{name},{values}" for name, values in faces.items())])
    (root / "celeba" / "list_attr_celeba.csv").write_text(table)
    parts = "\n".join(["image_id,partition", "1.jpg,2", "2.jpg,2", "3.jpg,2", "4.jpg,0"])
    (root / "celeba" / "list_eval_partition.csv").write_text(parts)
    for name in faces:
        save_png(root / "celeba" / "img_align_celeba" / name)
    asked = [
        {
            "scene_id": "scene0011_00",
            "question_id": f"val-{n}",
            "question": "What colour?",
            "answers": ["The dark brown one there.", "Brown."],
        }
        for n in range(2)
    ]
    save_json(root / "ScanQA" / "ScanQA_v1.0_val.json", asked)
    save_scan(root / "ScanQA" / "scannet_pcls" / "scene0011_00.npy")
    return root


def write_scans(root: Path) -> None:
    """Two held-apart scans of two boxes on a table, with a record for each task; a third that is trained on."""
    records: dict[str, list[dict[str, object]]] = {"Detection_OSD": [], "VG_OSD": [], "VQA_OSD_multiplechoice": []}
    for name in ("learn_00", "learn_01", "learn_05"):
        save_scan(root / "clouds" / f"{name}.npz")
        pcl = f"clouds/{name}.npz"
        found = [{"label": "object", "bbox": box} for box in SCENE_BOXES]
        records["Detection_OSD"].append({"id": name, "pcl": pcl, "query": "Find all.", "object": found})
        query = "the object furthest to the left"
        records["VG_OSD"].append({"id": f"{name}_0", "pcl": pcl, "query": query, "object": SCENE_BOXES[0]})
        asked = {"query": "How many objects are on the table?", "gt_choices": ["1", "2"], "gt_choice": 1}
        records["VQA_OSD_multiplechoice"].append({"id": f"{name}_count", "pcl": pcl, **asked})
    for name, listed in records.items():
        save_json(root / f"{name}.json", listed)


PUBLISHED: dict[str, dict[str, Any]] = {
    "Classification_CIFAR10": {"label": "frog"},
    "Fine-grained_Classification_UCMerced": {"label": "airplane"},
    "Facial_Classification_CelebA(Smile)": {"attr": "-1"},
    "Facial_Classification_CelebA(Hair)": {"attr": "Blond"},
    "Detection_VOC2012": {"object": [{"label": "dog", "bbox": box} for box in BOXES]},
    "Locating_VOC2012": {"object": [{"label": "dog", "bbox": box} for box in BOXES]},
    "Locating_LSP": {"gt_joints": JOINTS},
    "Locating_FSC147": {"points": [[10, 10], [30, 15]]},
    "Keypoints_Detection_LSP": {"gt_joints": JOINTS},
    "Counting_FSC147": {"num": 7},
    "OCR_SVT": {"word_list": ["Grand", "Hotel"]},
    "VQA_SQAimage": {"gt_choices": OPTIONS, "gt_choice": 2},
    "VQA_AI2D": {"gt_choices": OPTIONS, "gt_choice": 2},
    "Caption_flickr30k": {"sentences": SENTENCES},
    "Detection_ScanNet": {
        "object": [{"label": label, "bbox": box} for label, box in zip(("chair", "table"), SCENE_BOXES, strict=True)]
    },
    "VG_ScanRefer": {"object": SCENE_BOXES[0]},
    "VQA_ScanQA_multiplechoice": {"gt_choices": OPTIONS, "gt_choice": 0},
}  # fmt: skip


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published benchmark: two records a file, the first without an id."""
    root = tmp_path_factory.mktemp("published")
    for name, truth in PUBLISHED.items():
        three = "ScanNet" in name or "Scan" in name
        folder, field, ending = ("3D_Benchmark", "pcl", "npy") if three else ("2D_Benchmark", "image", "png")
        records = [
            {field: f"./media/{n}.{ending}", "query": f"What is asked in {name}?", **truth}
            | ({"id": "own"} if n else {})
            for n in range(2)
        ]
        save_json(root / folder / "meta_file" / f"{name}.json", records)
    for n in range(2):
        save_png(root / "2D_Benchmark" / "media" / f"{n}.png", n)
        save_scan(root / "3D_Benchmark" / "media" / f"{n}.npy")
    return root


@pytest.fixture
def naming() -> Naming:
    return Naming()


@pytest.fixture
def named(tmp_path: Path) -> Callable[..., list[Sample]]:
    """Makes samples: ``named(8)``, ``named(8, each=2)``."""
    return lambda count, each=1: make_samples(tmp_path / "files", count, each=each)


@pytest.fixture
def reader() -> type[ReadsNames]:
    return ReadsNames
