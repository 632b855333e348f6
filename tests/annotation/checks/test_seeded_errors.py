"""The checks against the fake writer's deliberate errors: found, and clean answers left alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from annotation.checks import Checker
from annotation.fake.errors import ERRORS
from annotation.fake.notes import read_notes
from annotation.fake.writer import write
from annotation.generation.answers import SHAPES, parse
from annotation.generation.drafts import make, pairs_of
from annotation.generation.facts import facts
from annotation.sources.source import Box, Source, Thing
from lamm_core.conversation import Media

LABELS = ("dog", "cat", "chair", "cup", "car", "kite")
COLOURS = ("red", "blue", "green", "yellow", "black", "brown")


def source(number: int) -> Source:
    rng = random.Random(number)
    if number % 2:
        spots = [(round(rng.uniform(0, 0.8), 2), round(rng.uniform(0, 0.6), 2)) for _ in range(5)]
        boxes = tuple(Box(label, x, y, x + 0.2, y + 0.4) for label, (x, y) in zip(LABELS, spots, strict=False))
        return Source(f"p{number}", "made", (Media("image", Path("1.jpg")),), "", 100, 50, boxes=boxes)
    things = tuple(
        Thing(label, (rng.uniform(-1, 1), rng.uniform(0, 2), 0.3), (0.3, 0.3, 0.6), (colour,))
        for label, colour in zip(LABELS, COLOURS, strict=True)
    )
    return Source(f"s{number}", "made", (Media("pointcloud", Path("1.npz")),), "", things=things)


def checked(number: int, kind: str, error: str | None) -> tuple[str, list[str], float]:
    one = source(number)
    rng = random.Random(f"{number} {kind} {error}")
    text, done = write(facts(one), SHAPES[kind].__name__, rng, error=error)
    draft = make(one, kind, pairs_of(parse(text, "stop", SHAPES[kind])), prompt_hash="", generator="")
    checks, chance = Checker()(draft, one)
    return done, [check.name for check in checks if check.score >= 0.5], chance


@pytest.mark.parametrize("error", sorted(ERRORS))
def test_most_errors_of_each_kind_are_found(error: str) -> None:
    cases = [checked(number, kind, error) for number in range(10) for kind in ("C1", "C3")]
    seeded = [names for done, names, _ in cases if done == error]
    assert len(seeded) >= 5
    assert sum(error in names for names in seeded) >= 0.7 * len(seeded)


def test_clean_answers_are_hardly_ever_flagged() -> None:
    cases = [checked(number, kind, None) for number in range(20) for kind in ("C1", "C3")]
    assert sum(bool(names) for _, names, _ in cases) <= 2


def test_wrong_drafts_come_before_right_ones() -> None:
    wrong = [chance for error in ERRORS for done, _, chance in [checked(3, "C1", error)] if done == error]
    right = [checked(number, "C1", None)[2] for number in range(8)]
    pairs = [(bad, good) for bad in wrong for good in right]
    assert sum(bad > good for bad, good in pairs) > 0.9 * len(pairs)


def test_notes_are_read_back_as_they_were_written() -> None:
    one = Source(
        "x", "made", (Media("image", Path("1.jpg")),), "", 100, 50, captions=("A dog, a cat.",),
        boxes=tuple(Box("cup", 0.01 * n, 0.1, 0.01 * n + 0.2, 0.5, 3, ("red",)) for n in range(32)),
        label="dog", label_path=("animal", "dog"), knowledge="A dog is an animal.",
    )  # fmt: skip
    notes = read_notes(facts(one))
    assert notes.captions == one.captions and notes.path == one.label_path and notes.knowledge == one.knowledge
    assert notes.counts == {"cup": 96} and notes.objects[0].attributes == ("red",)
