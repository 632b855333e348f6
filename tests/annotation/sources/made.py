"""Small files in each published format, made on the spot: two good items and at least one broken one each.

Does not know the readers; nothing of the sets themselves is in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
from PIL import Image

__all__ = ["MADE"]


def picture(path: Path, size: tuple[int, int] = (100, 50)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 60)).save(path)
    return path


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def coco_images(folder: Path) -> list[dict[str, Any]]:
    for name in ("1.jpg", "2.jpg"):
        picture(folder / "train2017" / name)
    sizes = {"width": 100, "height": 50}
    return [{"id": n, "file_name": f"{n}.jpg", **sizes} for n in (1, 2, 3, 4)]  # 3 has no file, 4 no annotation


CATEGORIES = [{"id": 18, "name": "dog", "supercategory": "animal"}, {"id": 37, "name": "sports ball"}]


def boxes(folder: Path) -> None:
    images = coco_images(folder)
    notes = [
        {"id": 1, "image_id": 2, "category_id": 37, "bbox": [50, 10, 25, 20], "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 18, "bbox": [10, 5, 40, 30], "iscrowd": 0},
        {"id": 3, "image_id": 1, "category_id": 18, "bbox": [0, 0, 100, 50], "iscrowd": 1},
        {"id": 4, "image_id": 3, "category_id": 18, "bbox": [1, 1, 2, 2], "iscrowd": 0},
        {"id": 5, "image_id": 1, "category_id": 99, "bbox": [1, 1, 2, 2]},
    ]
    path = folder / "annotations" / "instances_train2017.json"
    write(path, {"info": {}, "images": images, "annotations": notes, "categories": CATEGORIES})


def captions(folder: Path) -> None:
    boxes(folder)
    notes = [
        {"id": 1, "image_id": 2, "caption": "A ball on  grass."},
        {"id": 2, "image_id": 1, "caption": "A dog runs."},
        {"id": 3, "image_id": 1, "caption": "The dog is brown."},
        {"id": 4, "image_id": 1},
        {"id": 5, "image_id": 3, "caption": "Its picture is gone."},
    ]
    path = folder / "annotations" / "captions_train2017.json"
    write(path, {"annotations": notes, "images": coco_images(folder)})
    relations(folder, coco_id=1)


def keypoints(folder: Path) -> None:
    images = coco_images(folder)
    person = {"id": 1, "name": "person", "keypoints": ["nose", "left_eye"], "skeleton": [[1, 2]]}
    one = {"category_id": 1, "bbox": [10, 5, 40, 30], "iscrowd": 0}
    notes = [
        {"id": 1, "image_id": 1, "keypoints": [20, 10, 2, 0, 0, 0], "num_keypoints": 1, **one},
        {"id": 2, "image_id": 2, "keypoints": [20, 10, 2, 30, 12, 1], "num_keypoints": 2, **one},
        {"id": 3, "image_id": 2, "keypoints": [20, 10], **one},
        {"id": 4, "image_id": 3, "keypoints": [20, 10, 2, 30, 12, 1], **one},
    ]
    path = folder / "annotations" / "person_keypoints_train2017.json"
    write(path, {"images": images, "annotations": notes, "categories": [person]})


def relations(folder: Path, *, coco_id: int | None = None) -> None:
    for name in ("7.jpg", "8.jpg"):
        picture(folder / "VG_100K" / name)
    sizes = {"width": 100, "height": 50}
    listed = [{"image_id": n, **sizes, "coco_id": coco_id if n == 7 else None} for n in (7, 8, 9)]
    write(folder / "image_data.json", listed)

    def thing(number: int, name: str) -> dict[str, Any]:
        return {"object_id": number, "x": 10 * number, "y": 5, "w": 20, "h": 10, "name": name}

    on = {"predicate": "ON", "relationship_id": 5, "subject": thing(1, "Dog"), "object": thing(2, "grass")}
    near = {**on, "predicate": "next  to", "subject": {**thing(3, ""), "names": ["ball"]}}
    near["subject"].pop("name")  # the older form
    entries = [{"image_id": 7, "relationships": [on, near]}, {"image_id": 8, "relationships": [on]}]
    entries += [{"image_id": 9, "relationships": [on]}, {"image_id": 10, "relationships": []}, {"relationships": [on]}]
    write(folder / "relationships.json", entries)


def bamboo(folder: Path) -> None:
    picture(folder / "images" / "a" / "1.jpg")
    picture(folder / "images" / "a" / "2.jpg")
    tree = {
        "father2child": {"n1": ["n2"]},
        "child2father": {"n3": ["n2"], "n2": ["n1"], "n1": ["n3"]},  # a cycle, as large trees have
        "id2name": {"n1": ["animal"], "n2": ["dog", "hound"], "n3": ["shiba_inu"]},
        "id2desc": {"n3": "a breed", "n2": "a domestic canine"},
    }
    write(folder / "bamboo_V4.json", tree)
    write(folder / "wikipedia.json", {"n3": "The Shiba Inu is a breed of hunting dog from Japan."})
    lines = ["a/1.jpg n3", "a/2.jpg n2", "", "a/3.jpg n2", "a/1.jpg n99", "one-field"]
    (folder / "train_meta.list").write_text("\n".join(lines), encoding="utf-8")


def locount(folder: Path) -> None:
    for name, text in {
        "1": "10,5,50,25,Cup,Mug,12\n\n0,0,20,20,shoes,2\n", "2": "10,5,50,25,bowl,1", "3": "10,5,50,25,bowl",
        "4": "50,5,10,25,bowl,1",
    }.items():  # fmt: skip
        (folder / "GtTrain").mkdir(parents=True, exist_ok=True)
        (folder / "GtTrain" / f"{name}.txt").write_text(text, encoding="utf-8")
        picture(folder / "ImagesTrain" / f"{name}.jpg")
    (folder / "GtTrain" / "5.txt").write_text("1,1,2,2,bowl,1", encoding="utf-8")


def textvqa(folder: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        picture(folder / "train_images" / name)
    size = {"image_width": 100, "image_height": 50}
    rows = [
        {"image_id": "a", "question": "What brand?", "answers": ["Nokia", "nokia", "no"], **size},
        {"image_id": "b", "question": "What number?", "answers": ["7"] * 10, **size},
        {"image_id": "a", "question": "What colour?", "answers": ["red"], **size},
        {"image_id": "c", "question": "Where?", "answers": ["here"], **size},
        {"image_id": "b", "question": "No answers", **size},
    ]
    write(folder / "TextVQA_0.5.1_train.json", {"dataset_type": "train", "data": rows})
    place = {"top_left_x": 0.1, "top_left_y": 0.2, "width": 0.3, "height": 0.1, "yaw": 0}
    words = [{"image_id": "a", "ocr_tokens": ["NOKIA"], "ocr_info": [{"word": "NOKIA", "bounding_box": place}]}]
    words += [{"image_id": "b", "ocr_tokens": ["7", "UP"]}]
    write(folder / "TextVQA_Rosetta_OCR_v0.2_train.json", {"data": words})


def graphs(folder: Path) -> None:
    room = [
        {"id": "1", "label": "chair", "attributes": {"shape": ["round"], "color": ["red"]}, "nyu40": "5"},
        {"id": "2", "label": "table", "attributes": {}},
    ]
    scans = [{"scan": "s1", "objects": room}, {"scan": "s2", "objects": room}, {"scan": "s3", "objects": room}]
    write(folder / "3DSSG" / "objects.json", {"scans": [*scans, {"objects": []}]})
    related = [[1, 2, 15, "standing next to"], [2, 1, 9, "bigger than"], [1, 88, 3, "left"]]
    write(folder / "3DSSG" / "relationships.json", {"scans": [{"scan": "s1", "relationships": related}]})
    for name in ("s1", "s2"):
        (folder / "3RScan" / name).mkdir(parents=True, exist_ok=True)
        (folder / "3RScan" / name / "labels.instances.annotated.v2.ply").write_bytes(b"ply\n")
    turned = {"centroid": [1, 2, 0.5], "axesLengths": [0.4, 0.6, 1.0], "normalizedAxes": [0, 1, 0, 1, 0, 0, 0, 0, 1]}
    write(folder / "3RScan" / "s1" / "semseg.v2.json", {"segGroups": [{"objectId": 1, "obb": turned}]})


def clevr3d(folder: Path) -> None:
    graphs(folder)
    rows = [
        {"scan": "s1", "question": "How many chairs are there?", "answer": 3, "question_type": "count"},
        {"scan": "s2", "question": "Is there a bed?", "answer": "False", "question_type": "exist"},
        {"scan": "s1", "question": "What is red?", "answer": "chair", "question_type": "query_label"},
        {"scan": "s9", "question": "Lost?", "answer": True},
        {"scan": "s1", "answer": 1},
    ]
    write(folder / "CLEVR3D.json", rows)


def shapenet(folder: Path) -> None:
    tree = [
        {"synsetId": "02691156", "name": "airplane,aeroplane,plane", "children": ["02690373"], "numInstances": 2},
        {"synsetId": "02690373", "name": "airliner", "children": [], "numInstances": 1},
    ]
    write(folder / "taxonomy.json", tree)
    clouds = folder / "shapenet_pcls"
    (clouds / "02691156" / "m3").mkdir(parents=True)
    for name in ("02690373-m1_4096.npy", "02691156-m2_4096.npy", "99999999-m4.npy", "02691156/m3/cloud.npy"):
        np.save(clouds / name, np.zeros((4, 3), np.float32))


def voc(folder: Path) -> None:
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    thing = "<object><name>RBC</name><bndbox>{}</bndbox></object>"
    good = thing.format("<xmin>10</xmin><ymin>5</ymin><xmax>30</xmax><ymax>25</ymax>")
    for name, inside in {
        "1": good * 2, "2": good, "3": thing.format("<xmin>10</xmin>"), "4": good, "5": "<object>",
    }.items():  # fmt: skip
        text = f"<annotation><filename>{name}.jpg</filename>{inside}</annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(text, encoding="utf-8")
        if name != "4":
            picture(folder / "JPEGImages" / f"{name}.jpg")


def hub(folder: Path) -> None:
    content = picture(folder / "p.png").read_bytes()
    rows = {
        "image": [{"bytes": content, "path": "p.png"}, {"bytes": content, "path": None}, {"bytes": b"x", "path": None}],
        "label": [0, 1, 1],
        "caption": ["a field", "a lawn", "nothing"],
    }
    features = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    table = pyarrow.table(rows).replace_schema_metadata({"huggingface": json.dumps(features)})
    parquet.write_table(table, folder / "train.parquet")


def benchmark(folder: Path) -> None:
    picture(folder / "images" / "1.jpg")
    np.save(folder / "1.npy", np.zeros((4, 3), np.float32))
    rows = [
        {"image": "images/1.jpg", "query": "Find all.", "object": [{"label": "dog", "bbox": [0.1, 0.2, 0.5, 0.9]}]},
        {"pcl": "1.npy", "query": "the left cup", "object": [0, 0, 0.1, 0.2, 0.2, 0.2], "id": "cup"},
        {"image": "images/1.jpg", "query": "Which?", "gt_choices": ["a", "b"], "gt_choice": 1},
        {"image": "images/1.jpg", "query": "Smiling?", "attr": "-1"},
        {"image": "images/2.jpg", "query": "Gone?"},
        {"image": "images/1.jpg", "gt_choices": ["a"], "gt_choice": 4},
    ]
    write(folder / "records.json", rows)


def clouds(folder: Path) -> None:
    (folder / "clouds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("learn_01", "learn_02"):
        xyz = rng.uniform(0, 0.2, (60, 3)).astype(np.float32)
        rgb = np.full((60, 3), (200, 20, 20), np.uint8)
        instance = np.repeat([0, 1, 2], 20).astype(np.uint8)
        np.savez(folder / "clouds" / f"{name}.npz", xyz=xyz, rgb=rgb, instance=instance)
    (folder / "clouds" / "learn_03.npz").write_bytes(b"no zip")


def table(folder: Path) -> None:
    picture(folder / "1.png")
    np.save(folder / "1.npy", np.zeros((4, 3), np.float32))
    text = (
        "file,id,captions,label_path,boxes\n"
        '1.png,one,"A dog|A brown dog",animal > dog,dog 0.1 0.2 0.5 0.9; red ball 0.6 0.7 0.7 0.8\n'
        "1.npy,two,,,\n2.png,three,,,\n1.png,four,,,dog 10 20 50 90\n"
    )
    (folder / "sources.csv").write_text(text, encoding="utf-8")


MADE: dict[str, Callable[[Path], None]] = {
    "coco-captions": captions, "coco-detection": boxes, "coco-keypoints": keypoints, "visual-genome": relations,
    "bamboo": bamboo, "locount": locount, "textvqa": textvqa, "3rscan": graphs, "clevr3d": clevr3d,
    "shapenet": shapenet, "voc": voc, "parquet": hub, "benchmark": benchmark, "osd": clouds, "csv": table,
}  # fmt: skip
