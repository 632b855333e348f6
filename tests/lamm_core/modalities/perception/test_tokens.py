"""What a token says, channel by channel."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lamm_core.grounding import Box2D, Point2D, format_box, format_point
from lamm_core.modalities.perception import tokens
from lamm_core.names import BODY, CHARACTERS, JOINTS, OBJECTS, PICTURE_CLASSES

SHARE = st.floats(-0.5, 1.5)


def written(made: list[Tensor]) -> str:
    """The text behind a token; a written token says nothing but its character."""
    texts = tokens.LAYOUT.names["written"]
    for token in made:
        assert token.sum() == 1 and field(token, "written").sum() == 1
    return "".join(texts[int(field(token, "written").argmax())] for token in made)


def field(token: Tensor, name: str) -> Tensor:
    return token[tokens.LAYOUT.parts[name]]


def clipped(value: float) -> float:
    return abs(min(max(value, 0.0), 1.0))  # no minus zero


def test_the_layout_is_pinned() -> None:
    """Trained projectors read these places."""
    assert tokens.LAYOUT.width == 330
    assert [(name, part.start) for name, part in tokens.LAYOUT.parts.items()] == [
        ("kind", 0), ("slot", 5), ("written", 29), ("picture", 44), ("object", 54), ("letter", 144), ("joint", 180),
        ("name", 195), ("colour", 323), ("scalars", 326),
    ]  # fmt: skip
    assert (len(OBJECTS), len(PICTURE_CLASSES), len(CHARACTERS), len(BODY)) == (90, 10, 36, 15)


@given(SHARE, SHARE)
def test_a_joint_is_followed_by_what_an_answer_writes(x: float, y: float) -> None:
    first, *rest = tokens.joint_tokens(3, (x, y), 0.5)
    assert written(rest) == format_point(Point2D("", clipped(x), clipped(y)))
    assert field(first, "joint").argmax() == 3


@given(SHARE, SHARE, SHARE, SHARE)
def test_an_object_is_followed_by_its_box_and_centre(x1: float, y1: float, x2: float, y2: float) -> None:
    _, *rest = tokens.object_tokens(0, (x1, y1, x2, y2), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3))
    x1, y1, x2, y2 = (clipped(value) for value in (x1, y1, x2, y2))
    centre = format_point(Point2D("", (x1 + x2) / 2, (y1 + y2) / 2))
    assert written(rest) == format_box(Box2D("", x1, y1, x2, y2)) + centre


def test_kinds_are_told_apart_by_their_first_places() -> None:
    made = [
        tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=1.0, side=10),
        tokens.object_tokens(0, (0, 0, 1, 1), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3))[0],
        tokens.joint_tokens(0, (0, 0), 0.5)[0],
        tokens.letter_token(0, torch.zeros(36)),
        tokens.tally_tokens(0, 0, 1)[0],
    ]
    assert torch.equal(torch.stack(made)[:, :5], torch.eye(5))


def test_the_hip_is_told_as_the_middle_of_both() -> None:
    joints = [(0.1, 0.1)] * 14
    joints[JOINTS.index("left hip")], joints[JOINTS.index("right hip")] = (0.4, 0.5), (0.6, 0.7)
    told = tokens.body_tokens(joints, [0.9] * 14)
    hip = next(place for place, token in enumerate(told) if field(token, "joint")[BODY.index("hip")] == 1)
    assert written(told[hip + 1 : hip + 13]) == "[0.50, 0.60]"


def test_a_letter_keeps_its_place_and_its_probabilities() -> None:
    votes = torch.rand(36)
    token = tokens.letter_token(7, votes)
    assert torch.equal(field(token, "letter"), votes) and field(token, "slot").argmax() == 7
    assert field(tokens.letter_token(99, votes), "slot").argmax() == 23


def test_a_tally_says_class_and_count() -> None:
    tally, *rest = tokens.tally_tokens(1, OBJECTS.index("RBC"), 17)
    assert field(tally, "object").argmax() == OBJECTS.index("RBC")
    assert written(rest) == "[17]"


def test_every_channel_word_is_the_name_of_its_channel() -> None:
    words = tokens.LAYOUT.words()
    letter = tokens.letter_token(0, torch.eye(36)[CHARACTERS.index("Q")])
    assert [words[int(place)] for place in letter.nonzero() if int(place) in words] == ["letter", "Q"]
    joint = tokens.joint_tokens(12, (0.5, 0.5), 0.0)
    assert [words[int(place)] for token in joint for place in token.nonzero() if int(place) in words] == [
        "joint", "neck", " [", "0", ".", "5", "0", ",", " ", "0", ".", "5", "0", "]",
    ]  # fmt: skip


def test_size_and_aspect_stay_within_bounds() -> None:
    long = tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=900.0, side=90_000)
    assert field(long, "scalars").tolist() == [2.0, 2.0, 0.0, 0.0]
