"""Boxes and points are read from whatever a model writes, and written as they are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamm_core.grounding import (
    Box2D,
    Box3D,
    ObjectMention,
    Point2D,
    box_overlap_3d,
    find_boxes,
    find_objects,
    find_points,
    format_box,
    format_object,
    format_point,
)

shares = st.integers(0, 100).map(lambda value: value / 100)
labels = st.sampled_from(["person", "traffic light", "right ankle", "T-shirt", "red car"])


@given(labels, shares, shares, shares, shares)
def test_a_written_box_is_read_back(label: str, a: float, b: float, c: float, d: float) -> None:
    box = Box2D(label, min(a, c), min(b, d), max(a, c), max(b, d))
    text = format_box(box)
    assert find_boxes(text) == [box]
    assert find_boxes(text)[0].span == (0, len(text))
    assert find_points(text) == []


@given(st.lists(st.tuples(labels, shares, shares), max_size=5))
def test_written_points_are_read_back_in_order(places: list[tuple[str, float, float]]) -> None:
    points = [Point2D(*place) for place in places]
    assert find_points("; ".join(map(format_point, points))) == points


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    find_boxes(text)
    find_points(text)


@given(st.text(alphabet="[], .0123456789-+e;:\n aT", max_size=60))
def test_no_text_of_numbers_and_brackets_raises(text: str) -> None:
    for box in find_boxes(text):
        assert 0 <= box.x1 <= box.x2 <= 1 and 0 <= box.y1 <= box.y2 <= 1
    for point in find_points(text):
        assert 0 <= point.x <= 1 and 0 <= point.y <= 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("There is a dog at [0.1, 0.2, 0.5, 0.9].", "dog"),
        ("dog [.1,.2,.5,.9]", "dog"),
        ("- dog: [0.1, 0.2, 0.5, 0.9]", "dog"),
        ("The image shows a dog located at [0.1, 0.2, 0.5, 0.9]", "dog"),
        ("I can see a cat. And the dog is at [0.1 , 0.2 , 0.5 , 0.9]", "dog"),
        ("The traffic light is in [0.1, 0.2, 0.5, 0.9]", "traffic light"),
        ('"dog" [0.1, 0.2, 0.5, 0.9]', "dog"),
        ("[0.1, 0.2, 0.5, 0.9]", ""),
        ("It is at [0.1, 0.2, 0.5, 0.9]", ""),
    ],
)
def test_the_label_is_the_phrase_before_the_bracket(text: str, label: str) -> None:
    (box,) = find_boxes(text)
    assert box == Box2D(label, 0.1, 0.2, 0.5, 0.9)
    assert box.span is not None
    assert text[slice(*box.span)].startswith(label or "[")
    assert text[slice(*box.span)].endswith("]")


def test_corners_are_sorted_and_slight_overshoot_is_clipped() -> None:
    assert find_boxes("x [0.9, 1.04, 0.1, -0.02]") == [Box2D("x", 0.1, 0.0, 0.9, 1.0)]


@pytest.mark.parametrize(
    "text",
    ["[120, 40, 300, 200]", "[0.1, 0.2, 0.3]", "[0.1 0.2 0.3 0.4]", "[a, b, c, d]", "[0.1, 0.2, 0.3, 0.4, 0.5]", "["],
)
def test_what_is_no_box_is_passed_over(text: str) -> None:
    assert find_boxes(text) == []


def test_boxes_and_points_may_stand_together() -> None:
    text = "person [0.10, 0.10, 0.50, 0.90]; neck [0.30, 0.20]"
    assert [box.label for box in find_boxes(text)] == ["person"]
    assert [point.label for point in find_points(text)] == ["neck"]


def test_a_nameless_box_is_written_without_a_gap() -> None:
    assert format_box(Box2D("", 0, 0, 1, 1)) == "[0.00, 0.00, 1.00, 1.00]"


def test_objects_of_a_cloud_are_named_by_the_number_of_their_proposal() -> None:
    text = "There is a red box [obj3] and the tall cup [obj 12]; [obj1] is hidden. See [0.1, 0.2] and [obj]."
    found = find_objects(text)
    assert [(mention.label, mention.number) for mention in found] == [("red box", 3), ("tall cup", 12), ("", 1)]
    assert found[0].span is not None and text[slice(*found[0].span)] == "red box [obj3]"
    assert format_object(ObjectMention("red box", 3)) == "red box [obj3]"
    assert find_boxes(text) == [] and len(find_points(text)) == 1


def test_overlap_of_boxes_in_space() -> None:
    first = Box3D((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert box_overlap_3d(first, Box3D((0.5, 0.0, 0.0), (1.0, 1.0, 1.0))) == pytest.approx(1 / 3)
    assert box_overlap_3d(first, first) == pytest.approx(1.0)
    assert box_overlap_3d(first, Box3D((2.0, 0.0, 0.0), (1.0, 1.0, 1.0))) == 0.0
    assert box_overlap_3d(first, Box3D((0.0, 0.0, 0.0), (1.0, 1.0, 0.0))) == 0.0
