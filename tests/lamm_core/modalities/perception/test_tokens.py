"""What a token says, channel by channel."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lamm_core.grounding import Box2D, Point2D, format_box, format_point
from lamm_core.modalities.perception import tokens
from lamm_core.modalities.perception.names import CHARACTERS, OBJECTS, PICTURE_CLASSES

ANY = st.floats(-0.5, 1.5)
SHARE = st.floats(0, 1)


def numbers(token: Tensor, count: int) -> list[str]:
    """The numbers of a token as text of two decimals, each digit the one place that is set."""
    start = tokens._START["numbers"]
    found = []
    for place in range(count):
        tens, units = token[start + place * 21 : start + (place + 1) * 21].split([11, 10])
        assert tens.sum() == units.sum() == 1
        found.append(f"{(int(tens.argmax()) * 10 + int(units.argmax())) / 100:.2f}")
    return found


def field(token: Tensor, name: str) -> Tensor:
    start = tokens._START[name]
    return token[start : start + tokens._FIELDS[name]]


def test_the_layout_is_pinned() -> None:
    """Trained projectors read these places."""
    assert tokens.TOKEN_WIDTH == 426
    assert list(tokens._START.items()) == [
        ("kind", 0), ("slot", 5), ("numbers", 29), ("picture", 155), ("object", 165), ("letter", 255), ("name", 291),
        ("colour", 419), ("scalars", 422),
    ]  # fmt: skip
    assert (len(OBJECTS), len(PICTURE_CLASSES), len(CHARACTERS)) == (90, 10, 36)


@given(SHARE, SHARE)
def test_a_joint_has_the_digits_that_an_answer_writes(x: float, y: float) -> None:
    token = tokens.joint_token(3, (x, y), 0.5)
    assert f"[{', '.join(numbers(token, 2))}]" == format_point(Point2D("", x, y))
    assert field(token, "slot").argmax() == 3


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_box_has_the_digits_that_an_answer_writes(x1: float, y1: float, x2: float, y2: float) -> None:
    token = tokens.object_token(0, (x1, y1, x2, y2), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3))
    *corners, x, y = numbers(token, 6)
    assert f"[{', '.join(corners)}]" == format_box(Box2D("", x1, y1, x2, y2))
    assert f"[{x}, {y}]" == format_point(Point2D("", (x1 + x2) / 2, (y1 + y2) / 2))


@given(ANY, ANY)
def test_what_lies_outside_is_told_at_the_edge(x: float, y: float) -> None:
    expected = [f"{min(max(0.0, value), 1.0):.2f}" for value in (x, y)]
    assert numbers(tokens.joint_token(0, (x, y), 0.5), 2) == expected


def test_kinds_are_told_apart_by_their_first_places() -> None:
    made = [
        tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=1.0, side=10),
        tokens.object_token(0, (0, 0, 1, 1), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3)),
        tokens.joint_token(0, (0, 0), 0.5),
        tokens.letter_token(0, torch.zeros(36)),
        tokens.tally_token(0, 0, 1),
    ]
    assert torch.equal(torch.stack(made)[:, :5], torch.eye(5))


def test_a_letter_keeps_its_place_and_its_probabilities() -> None:
    votes = torch.rand(36)
    token = tokens.letter_token(7, votes)
    assert torch.equal(field(token, "letter"), votes) and field(token, "slot").argmax() == 7
    assert field(tokens.letter_token(99, votes), "slot").argmax() == 23


def test_a_tally_says_class_and_count() -> None:
    token = tokens.tally_token(1, OBJECTS.index("RBC"), 17)
    assert field(token, "object").argmax() == OBJECTS.index("RBC")
    assert numbers(token, 1) == ["0.17"]  # tens and units stand where tenths and hundredths do
    assert numbers(tokens.tally_token(0, 0, 5000), 1) == ["1.09"]


def test_size_and_aspect_stay_within_bounds() -> None:
    long = tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=900.0, side=90_000)
    assert field(long, "scalars").tolist() == [2.0, 2.0, 0.0, 0.0]
