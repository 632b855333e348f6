"""Average precision equals that of pycocotools and of mean-average-precision on thousands of random sets."""

from __future__ import annotations

import contextlib
import io
import json
import random
from typing import Any

import numpy as np
import pytest
from mean_average_precision import MetricBuilder
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lamm_core.evaluation.metrics.average_precision import Found, Judged, Rule, average_precision, judge_boxes
from lamm_core.grounding import Box3D, box_overlap, box_overlap_3d

LABELS = "ab"
Pictures = list[tuple[list[Found], list[tuple[str, Any]]]]


def random_box(rng: random.Random) -> tuple[float, ...]:
    x, y = rng.uniform(0, 60), rng.uniform(0, 60)
    return x, y, x + rng.uniform(5, 40), y + rng.uniform(5, 40)


def near(box: tuple[float, ...], rng: random.Random) -> tuple[float, ...]:
    x1, y1, x2, y2 = (number + rng.gauss(0, 3) for number in box)
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def random_set(rng: random.Random) -> Pictures:
    """Up to four pictures with true boxes, some of which are found, twice or under another name, among false ones."""
    pictures: Pictures = []
    for _ in range(rng.randint(1, 4)):
        true = [(rng.choice(LABELS), random_box(rng)) for _ in range(rng.randint(0, 5))]
        found = [
            Found(label if rng.random() < 0.9 else rng.choice(LABELS), near(box, rng), rng.random())
            for label, box in true
            for _ in range(rng.choice((0, 1, 1, 2)))
        ]
        found += [Found(rng.choice(LABELS), random_box(rng), rng.random()) for _ in range(rng.randint(0, 3))]
        rng.shuffle(found)
        pictures.append((found, true))
    return pictures


def ours(pictures: Pictures, threshold: float, rule: Rule) -> float | None:
    judged = [judge_boxes(f, t, overlap=box_overlap, threshold=threshold, rule=rule) for f, t in pictures]
    return average_precision([Judged.of(json.loads(json.dumps(one.as_record()))) for one in judged], rule=rule)


def by_pycocotools(pictures: Pictures, threshold: float) -> float | None:
    def corner(box: Any) -> list[float]:
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    numbers = {label: place + 1 for place, label in enumerate(LABELS)}
    truth, found = COCO(), []
    annotations: list[dict[str, Any]] = []
    for index, (said, true) in enumerate(pictures):
        for label, box in true:
            x, y, w, h = corner(box)
            annotations.append({"id": len(annotations) + 1, "image_id": index + 1, "category_id": numbers[label],
                                "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0})  # fmt: skip
        found += [
            {"image_id": index + 1, "category_id": numbers[one.label], "bbox": corner(one.box), "score": one.score}
            for one in said
        ]
    if not annotations:
        return None
    truth.dataset = {"info": {}, "images": [{"id": n + 1} for n in range(len(pictures))], "annotations": annotations,
                     "categories": [{"id": number, "name": label} for label, number in numbers.items()]}  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        if not found:
            return 0.0
        run = COCOeval(truth, truth.loadRes(found), "bbox")
        run.params.iouThrs = np.array([threshold])
        run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
        run.params.maxDets = [100]
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"]
    return float(np.mean(precision[precision > -1]))


def test_coco_rule_equals_pycocotools() -> None:
    rng = random.Random(0)
    for _ in range(1000):
        pictures, threshold = random_set(rng), rng.choice((0.25, 0.5, 0.75))
        assert ours(pictures, threshold, "coco") == pytest.approx(by_pycocotools(pictures, threshold), abs=1e-6)


def by_mean_average_precision(pictures: Pictures, threshold: float) -> float:
    """That package counts pixels: a box from 0 to 9 is 10 wide. One is taken from the far corners to undo it."""
    metric = MetricBuilder.build_evaluation_metric("map_2d", num_classes=len(LABELS))
    for said, true in pictures:
        found = [[x1, y1, x2 - 1, y2 - 1, LABELS.index(label), score] for label, (x1, y1, x2, y2), score in said]
        wanted = [[x1, y1, x2 - 1, y2 - 1, LABELS.index(label), 0, 0] for label, (x1, y1, x2, y2) in true]
        metric.add(np.array(found).reshape(-1, 6), np.array(wanted).reshape(-1, 7))
    there = [
        place for place, label in enumerate(LABELS) if any(label == name for _, true in pictures for name, _ in true)
    ]
    value = metric.value(iou_thresholds=threshold, mpolicy="greedy")
    return float(np.mean([value[threshold][place]["ap"] for place in there]))


def test_voc_rule_equals_mean_average_precision() -> None:
    rng = random.Random(1)
    compared = 0
    while compared < 100:
        pictures, threshold = random_set(rng), rng.choice((0.25, 0.5))
        if any(true for _, true in pictures):
            found = ours(pictures, threshold, "voc")
            assert found == pytest.approx(by_mean_average_precision(pictures, threshold), abs=1e-6)
            compared += 1


def plainly(pictures: Pictures, threshold: float) -> float | None:
    """VOC's rule written as slowly as it reads: all detections of a class by score, one after the other."""
    areas = []
    for label in sorted({name for _, true in pictures for name, _ in true}):
        ranked = sorted(
            (
                (one.score, index, one.box)
                for index, (found, _) in enumerate(pictures) for one in found if one.label == label
            ),
            key=lambda item: -item[0],
        )  # fmt: skip
        used, hits, curve = set(), 0, []
        possible = sum(name == label for _, true in pictures for name, _ in true)
        for count, (_, index, box) in enumerate(ranked, start=1):
            boxes = [
                (box_overlap(box, other), place)
                for place, (name, other) in enumerate(pictures[index][1])
                if name == label
            ]
            most, place = max(boxes, default=(0.0, -1), key=lambda item: item[0])
            if most > threshold and (index, place) not in used:
                used.add((index, place))
                hits += 1
            curve.append((hits / possible, hits / count))
        area, before = 0.0, 0.0
        for recall in sorted({recall for recall, _ in curve}):
            area += (recall - before) * max(precision for other, precision in curve if other >= recall)
            before = recall
        areas.append(area)
    return sum(areas) / len(areas) if areas else None


def test_voc_rule_equals_counting_plainly() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        pictures = random_set(rng)
        assert ours(pictures, 0.5, "voc") == pytest.approx(plainly(pictures, 0.5), abs=1e-6)


def test_without_scores_the_order_of_the_answer_ranks() -> None:
    box, other = (0.0, 0.0, 1.0, 1.0), (5.0, 5.0, 6.0, 6.0)
    right_first, wrong_first = [Found("a", box), Found("a", other)], [Found("a", other), Found("a", box)]
    assert ours([(right_first, [("a", box)])], 0.5, "voc") == 1.0
    assert ours([(wrong_first, [("a", box)])], 0.5, "voc") == 0.5


def test_the_order_of_the_pictures_is_no_matter() -> None:
    rng = random.Random(3)
    for _ in range(200):
        pictures = [([one._replace(score=None) for one in found], true) for found, true in random_set(rng)]
        assert ours(pictures, 0.5, "voc") == ours(pictures[::-1], 0.5, "voc")
    hit, miss = [Found("a", (0.0, 0.0, 1.0, 1.0))], [Found("a", (5.0, 5.0, 6.0, 6.0))]
    assert ours([(hit, [("a", hit[0].box)]), (miss, [])], 0.5, "voc") == 0.5  # one of the two that come first is right


def test_what_sets_the_two_rules_apart() -> None:
    true = [("a", (0.0, 0.0, 10.0, 10.0)), ("a", (0.0, 0.0, 10.0, 9.0))]
    found = [Found("a", (0.0, 0.0, 10.0, 10.0), 0.9), Found("a", (0.0, 0.0, 10.0, 10.0), 0.8)]
    assert ours([(found, true)], 0.5, "coco") == pytest.approx(1.0)  # the second takes what is left
    assert ours([(found, true)], 0.5, "voc") == pytest.approx(0.5)  # the second is a repetition
    half = [Found("a", (0.0, 0.0, 10.0, 5.0), 0.9)]
    assert (ours([(half, true[:1])], 0.5, "voc"), ours([(half, true[:1])], 0.5, "coco")) == (0.0, pytest.approx(1.0))


def test_boxes_in_three_dimensions_are_judged_by_the_same_rules() -> None:
    box, away = Box3D((0, 0, 0), (1, 1, 1)), Box3D((1.9, 1.9, 0), (1, 1, 1))
    judged = [
        judge_boxes([Found("a", other)], [("a", box)], overlap=box_overlap_3d, threshold=0.5) for other in (box, away)
    ]
    assert [average_precision([one]) for one in judged] == [1.0, 0.0]


def test_nothing_true_gives_no_number() -> None:
    assert average_precision([]) is None
    assert ours([([Found("a", (0.0, 0.0, 1.0, 1.0), 0.5)], [])], 0.5, "voc") is None
