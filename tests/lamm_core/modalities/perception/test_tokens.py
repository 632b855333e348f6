"""What a token says, channel by channel."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lamm_core.grounding import Box2D, Point2D, format_box, format_point
from lamm_core.modalities.perception import tokens
from lamm_core.names import CHARACTERS, OBJECTS, PICTURE_CLASSES

ANY = st.floats(-0.5, 1.5)
SHARE = st.floats(0, 0.99)  # 1.00 has no two decimals and is told as 0.99


def numbers(made: list[Tensor]) -> list[str]:
    """The numbers behind a token as text of two decimals; every digit has its own token and its own place."""
    digits = []
    for place, token in enumerate(made[1:]):
        assert field(token, "kind").argmax() == 5 and field(token, "slot").argmax() == place
        assert token.sum() == 3  # kind, place, digit
        digits.append(str(int(field(token, "digit").argmax())))
    return [f"0.{first}{second}" for first, second in zip(digits[::2], digits[1::2], strict=True)]


def field(token: Tensor, name: str) -> Tensor:
    start = tokens._START[name]
    return token[start : start + tokens._FIELDS[name]]


def test_the_layout_is_pinned() -> None:
    """Trained projectors read these places."""
    assert tokens.TOKEN_WIDTH == 325
    assert list(tokens._START.items()) == [
        ("kind", 0), ("slot", 6), ("digit", 30), ("picture", 40), ("object", 50), ("letter", 140), ("joint", 176),
        ("name", 190), ("colour", 318), ("scalars", 321),
    ]  # fmt: skip
    assert (len(OBJECTS), len(PICTURE_CLASSES), len(CHARACTERS)) == (90, 10, 36)


@given(SHARE, SHARE)
def test_a_joint_has_the_digits_that_an_answer_writes(x: float, y: float) -> None:
    made = tokens.joint_tokens(3, (x, y), 0.5)
    assert f"[{', '.join(numbers(made))}]" == format_point(Point2D("", x, y))
    assert field(made[0], "joint").argmax() == 3


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_box_has_the_digits_that_an_answer_writes(x1: float, y1: float, x2: float, y2: float) -> None:
    made = tokens.object_tokens(0, (x1, y1, x2, y2), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3))
    *corners, x, y = numbers(made)
    assert f"[{', '.join(corners)}]" == format_box(Box2D("", x1, y1, x2, y2))
    assert f"[{x}, {y}]" == format_point(Point2D("", (x1 + x2) / 2, (y1 + y2) / 2))


@given(ANY, ANY)
def test_what_lies_outside_is_told_at_the_edge(x: float, y: float) -> None:
    expected = [f"{min(max(0.0, value), 0.99):.2f}" for value in (x, y)]
    assert numbers(tokens.joint_tokens(0, (x, y), 0.5)) == expected


def test_kinds_are_told_apart_by_their_first_places() -> None:
    made = [
        tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=1.0, side=10),
        tokens.object_tokens(0, (0, 0, 1, 1), 0.5, torch.zeros(90), torch.zeros(128), torch.zeros(3))[0],
        tokens.joint_tokens(0, (0, 0), 0.5)[0],
        tokens.letter_token(0, torch.zeros(36)),
        *tokens.tally_tokens(0, 0, 1),
    ]
    assert torch.equal(torch.stack(made)[:, :6], torch.eye(6))


def test_a_letter_keeps_its_place_and_its_probabilities() -> None:
    votes = torch.rand(36)
    token = tokens.letter_token(7, votes)
    assert torch.equal(field(token, "letter"), votes) and field(token, "slot").argmax() == 7
    assert field(tokens.letter_token(99, votes), "slot").argmax() == 23


def test_a_tally_says_class_and_count() -> None:
    tally, *digits = tokens.tally_tokens(1, OBJECTS.index("RBC"), 17)
    assert field(tally, "object").argmax() == OBJECTS.index("RBC")
    assert [int(field(digit, "digit").argmax()) for digit in digits] == [1, 7]


def test_every_channel_word_is_the_name_of_its_channel() -> None:
    words = tokens.channel_words()
    letter = tokens.letter_token(0, torch.eye(36)[CHARACTERS.index("Q")])
    assert [words[int(place)] for place in letter.nonzero() if int(place) in words] == ["letter", "Q"]
    joint = tokens.joint_tokens(12, (0.5, 0.5), 0.0)
    assert [words[int(place)] for token in joint for place in token.nonzero() if int(place) in words] == [
        "joint", "neck", "5", "0", "5", "0",
    ]  # fmt: skip


def test_size_and_aspect_stay_within_bounds() -> None:
    long = tokens.picture_token(torch.zeros(10), torch.zeros(128), torch.zeros(3), aspect=900.0, side=90_000)
    assert field(long, "scalars").tolist() == [2.0, 2.0, 0.0, 0.0]
