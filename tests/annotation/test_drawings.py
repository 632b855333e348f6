"""Drawn words and scenes: reproducible, varied, with exact boxes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

from annotation import renderings, scenes, words


def test_a_drawn_word_is_the_same_for_the_same_seed() -> None:
    first, second = (renderings.render_word("Hotel", random.Random(4)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("text", ["A", "7", "Wwwwwwwwwwwwwwwwwwwwww", "$12.00"])
def test_any_text_gives_a_small_rgb_picture_with_contrast(text: str) -> None:
    for seed in range(12):
        image = renderings.render_word(text, random.Random(seed))
        assert image.mode == "RGB"
        assert 8 <= image.height <= 90 and image.width >= 6
        assert np.asarray(image).std() > 2


def test_words_are_drawn_without_any_installed_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "fonts", lambda: ([], [], []))
    assert renderings.render_word("Hotel", random.Random(0)).width > 6


def test_the_answer_is_letters_and_digits_in_capitals() -> None:
    assert words.plain("Nevada's") == "NEVADAS"
    assert words.plain("$12.00") == "1200"
    texts = [words.random_text(random.Random(seed)) for seed in range(500)]
    answers = [words.plain(text) for text in texts]
    assert all(answer.isalnum() and answer == answer.upper() for answer in answers)
    assert len(set(answers)) > 350


def test_the_shipped_word_list_stands_in_for_the_system_one(monkeypatch: pytest.MonkeyPatch) -> None:
    words.dictionary.cache_clear()
    monkeypatch.setattr(words, "SYSTEM_LIST", words.SYSTEM_LIST / "missing")
    assert sum(len(listed) for listed in words.dictionary().values()) >= 3000
    words.dictionary.cache_clear()


def test_pasted_pieces_lie_where_their_boxes_say() -> None:
    ground = Image.new("RGB", (240, 160), (0, 0, 0))
    for seed in range(20):
        image, (thing,) = scenes.paste_objects(
            [(Image.new("RGB", (32, 32), (255, 255, 255)), "dog")], random.Random(seed), ground=ground
        )
        left, top, right, bottom = image.convert("L").point(lambda value: 255 if value > 8 else 0).getbbox() or (0,) * 4
        assert thing.label == "dog"
        assert thing.box == pytest.approx((left / 240, top / 160, right / 240, bottom / 160), abs=0.03)


def test_shapes_come_with_one_to_five_boxes_inside_the_picture() -> None:
    counts = set()
    for picture in scenes.shape_pictures(40, seed="t"):
        counts.add(len(picture.things))
        for thing in picture.things:
            assert thing.label in picture.vocabulary
            assert 0 <= thing.box[0] < thing.box[2] <= 1 and 0 <= thing.box[1] < thing.box[3] <= 1
    assert min(counts) == 1 and max(counts) >= 4


def test_the_box_of_a_shape_is_tight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "background", lambda size, rng: Image.new("RGB", size, (250, 0, 250)))
    monkeypatch.setattr(scenes, "_places", lambda count, rng, **_: [(0.25, 0.25, 0.4)])
    for seed in range(25):
        image, (thing,) = scenes.shape_scene(random.Random(seed))
        away = np.abs(np.asarray(image, dtype=int) - np.array([250, 0, 250])).max(2) > 60
        rows, columns = np.nonzero(away.any(1))[0], np.nonzero(away.any(0))[0]
        drawn = (columns[0] / image.width, rows[0] / image.height, columns[-1] / image.width, rows[-1] / image.height)
        assert thing.box == pytest.approx(drawn, abs=0.035), thing.label
