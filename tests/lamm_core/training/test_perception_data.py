"""Folders of pairs become labelled pictures, and crops keep their labels on the right pixels."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lamm_core.errors import DataError
from lamm_core.names import JOINTS, OBJECTS, PICTURE_CLASSES
from lamm_core.training.perception_data import (
    UNKNOWN,
    Labelled,
    crop,
    object_number,
    part,
    pictures,
    read_annotated,
    read_small,
    read_words,
)

RIGHT_ANKLE, LEFT_ANKLE = JOINTS.index("right ankle"), JOINTS.index("left ankle")


def write(folder: Path, *targets: dict[str, Any], size: tuple[int, int] = (200, 100)) -> Path:
    """A folder with two records a picture, as several questions give."""
    (folder / "media").mkdir(parents=True)
    records = []
    for number, target in enumerate(targets):
        name = f"media/{number}.png"
        Image.new("RGB", size, (number * 20, 90, 200)).save(folder / name)
        record = {"image": name, "target": target, "width": size[0], "height": size[1]}
        records += [{"id": f"{number}-{question}", **record} for question in (0, 1)]
    (folder / "pairs.json").write_text(json.dumps(records), encoding="utf-8")
    return folder


def test_a_picture_counts_once_however_much_is_asked_about_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", {"label": "cat"}, {"label": "ship"})
    small = read_small(folder, pictures(folder, "small"))
    assert small.pixels.shape == (2, 32, 32, 3)
    assert [PICTURE_CLASSES[label] for label in small.labels] == ["cat", "ship"]
    assert small.pixels[1, 0, 0].tolist() == [20, 90, 200]


def test_objects_come_with_classes_and_pictures_of_nothing_stay(tmp_path: Path) -> None:
    things = [
        {"label": name, "bbox": [0.1, 0.2, 0.5, 0.6]} for name in ("hot dog", "automobile", "red star", "purple ring")
    ]
    folder = write(tmp_path / "set", {"objects": things}, {})
    full, empty = (item.open() for item in read_annotated(folder, pictures(folder, "objects")))
    assert [OBJECTS[label] if label >= 0 else "" for label in full.labels] == ["hot dog", "car", "star", ""]
    np.testing.assert_allclose(full.boxes[0], [20, 20, 100, 60], rtol=1e-6)
    assert full.exhaustive and full.joints is None
    assert empty.boxes.shape == (0, 4) and empty.labels == ()


def test_people_get_joints_and_a_box_around_them(tmp_path: Path) -> None:
    joints = {name: [0.3 + 0.02 * place, 0.5] for place, name in enumerate(JOINTS)}
    folder = write(tmp_path / "set", {"joints": joints})
    [item] = read_annotated(folder, pictures(folder, "people"))
    opened = item.open()
    assert opened.joints is not None and not opened.exhaustive
    np.testing.assert_allclose(opened.joints[2], [0.34 * 200, 50], rtol=1e-5)
    np.testing.assert_allclose(opened.boxes[0], [60 - 5.2, 50 - 5.2, 112 + 5.2, 50 + 5.2], rtol=1e-5)
    assert opened.labels == (OBJECTS.index("person"),)


def test_words_are_letters_and_digits_of_bearable_length(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *({"word": word} for word in ("Hôtel-7", "…", "A" * 16)))
    assert [word.text for word in read_words(folder, pictures(folder, "words"))] == ["HTEL7"]


def test_pictures_are_held_apart_by_name_with_their_copies() -> None:
    records = [{"image": f"media/cat-{number}{copy}.jpg"} for number in range(200) for copy in ("", "-v1", "-v2")]
    train, apart = part(records, 0.2)
    names = [{record["image"].split(".")[0].split("-v")[0] for record in half} for half in (train, apart)]
    assert not names[0] & names[1] and 20 < len(names[1]) < 60
    assert part(records, 0.0)[1] == [] and part(reversed(records), 0.2)[1][::-1] == apart


def test_folders_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", {"label": "house"})
    with pytest.raises(DataError, match=r"set/pairs\.json, record 0-0: the class 'house' is none of airplane"):
        read_small(folder, pictures(folder, "small"))
    with pytest.raises(DataError, match="no record whose target holds 'word'"):
        pictures(folder, "words")
    with pytest.raises(DataError, match="annotation pairs"):
        pictures(tmp_path, "words")
    for text in ("{", "[3]", "3", '[{"id": 1}]'):
        (folder / "pairs.json").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="no list of records"):
            pictures(folder, "small")
    damaged = write(tmp_path / "damaged", {"objects": [{"label": "cat", "bbox": [0.1, 0.2]}]})
    with pytest.raises(DataError, match="damaged"):
        read_annotated(damaged, pictures(damaged, "objects"))


def test_unknown_classes_are_no_class() -> None:
    assert object_number("unicorn") == UNKNOWN
    assert object_number("wine glass") == OBJECTS.index("wine glass")


def squares() -> Labelled:
    """A red square with the right ankle in its middle, and a blue one with the left."""
    picture = Image.new("RGB", (300, 200), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90, 80, 129, 119), (220, 20, 20))
    draw.rectangle((180, 90, 209, 129), (20, 20, 220))
    joints = np.full((14, 2), 150, dtype=np.float32)
    joints[RIGHT_ANKLE], joints[LEFT_ANKLE] = (110, 100), (195, 110)
    boxes = np.asarray([[90, 80, 130, 120], [180, 90, 210, 130]], dtype=np.float32)
    return Labelled(picture, boxes, (4, 7), joints)


def extent(mask: np.ndarray) -> list[int]:  # type: ignore[type-arg]
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_crops_keep_boxes_and_joints_on_their_pixels() -> None:
    item, seen = squares(), []
    for seed in range(40):
        found = crop(item, (224, 192), random.Random(seed), least=0.6)
        assert found.picture.size == (224, 192) and found.joints is not None
        pixels = np.asarray(found.picture).astype(int)
        red = pixels[..., 0] - pixels[..., 2] > 40
        masks = {4: red, 7: pixels[..., 2] - pixels[..., 0] > 40}
        for label, box in zip(found.labels, found.boxes, strict=True):
            np.testing.assert_allclose(box, extent(masks[label]), atol=2)
        middles = {label: (box[:2] + box[2:]) / 2 for label, box in zip(found.labels, found.boxes, strict=True)}
        if len(middles) == 2 and found.boxes.min() > 1 and (found.boxes < [223, 191, 223, 191]).all():
            mirrored = bool(middles[4][0] > middles[7][0])
            # In a mirror the right ankle is where the left one was.
            np.testing.assert_allclose(found.joints[RIGHT_ANKLE], middles[7 if mirrored else 4], atol=1)
            np.testing.assert_allclose(found.joints[LEFT_ANKLE], middles[4 if mirrored else 7], atol=1)
            seen.append(mirrored)
    assert 3 < sum(seen) < len(seen) - 3


def test_boxes_cut_to_less_than_a_third_are_dropped() -> None:
    picture = Image.new("RGB", (100, 100))
    item = Labelled(picture, np.asarray([[0, 0, 30, 100]], dtype=np.float32), (1,))
    kept = [crop(item, (96, 96), random.Random(seed), least=0.3) for seed in range(60)]
    assert {len(found.labels) for found in kept} == {0, 1}
    for found in kept:
        assert len(found.boxes) == len(found.labels)
        assert (found.boxes >= 0).all() and (found.boxes <= 96).all()
