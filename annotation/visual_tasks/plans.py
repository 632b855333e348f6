"""Which conversations are made from one picture, by the set it comes from.

Does not know how they are written to disk.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from annotation.visual_tasks.classification import classify, name_it, presence
from annotation.visual_tasks.counting import count_class
from annotation.visual_tasks.description import describe
from annotation.visual_tasks.detection import detect, detect_class
from annotation.visual_tasks.dialogue import rounds
from annotation.visual_tasks.keypoints import all_joints, one_joint
from annotation.visual_tasks.locating import locate, locate_class, locate_hip
from annotation.visual_tasks.ocr import read_word
from annotation.visual_tasks.picture import Exchange, Picture

__all__ = ["conversations"]

Conversation = list[Exchange]
Plan = Callable[[Picture, random.Random, float], list[Conversation]]


def _labelled(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    conversation = [classify(picture, rng, unseen=unseen)]
    if rng.random() < 0.15:
        conversation.insert(rng.randrange(2), presence(picture, rng, unseen=unseen))
    return [conversation]


def _word(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    return [[read_word(picture, rng, unseen=unseen)]]


def _person(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    names = rng.sample(sorted(picture.joints), 7)
    singles = [one_joint(picture, rng, joint=name, unseen=unseen) for name in names]
    hip = locate_hip(picture, rng, unseen=unseen)
    person = locate_class(picture, rng, label="person", unseen=unseen)
    return [singles[:4], [*singles[4:], hip], [hip, person], [all_joints(picture, rng, unseen=unseen)]]


def _photo(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    if not picture.things:
        return [[presence(picture, rng, unseen=unseen), presence(picture, rng, unseen=unseen)]]
    one, other, third = (rng.choice(picture.labels[:6]) for _ in range(3))
    absent = [name for name in picture.vocabulary if name not in picture.labels]
    counts = [count_class(picture, rng, label=name, unseen=unseen) for name in dict.fromkeys((one, other))]
    if absent and rng.random() < 0.3:
        counts.append(count_class(picture, rng, label=rng.choice(absent), unseen=unseen))
    return [
        [detect(picture, rng, unseen=unseen)],
        [locate(picture, rng, unseen=unseen)],
        [detect_class(picture, rng, label=one, unseen=unseen), locate_class(picture, rng, label=other, unseen=unseen)],
        [detect_class(picture, rng, label=third, unseen=unseen)],
        counts,
        [classify(picture, rng, unseen=unseen)],
        [describe(picture, rng, unseen=unseen)],
        rounds(picture, rng, unseen=unseen),
    ]


def _drawn(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    """Drawings cost nothing, so each gives two conversations and the next picture gives others."""
    if not picture.things:
        return _photo(picture, rng, unseen)
    first, second, *rest = _photo(picture, rng, unseen)
    chosen = rng.choice((first, second, rest[0]))
    return [chosen, rng.choice(rest[1:])]


def _smear(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    counts = [count_class(picture, rng, label=name, unseen=unseen) for name in picture.vocabulary]
    rng.shuffle(counts)
    rare = [name for name in ("WBC", "Platelets") if picture.of(name)]
    found = [detect_class(picture, rng, label=name, unseen=unseen) for name in rare]
    points = [locate_class(picture, rng, label=name, unseen=unseen) for name in rare]
    everything = [[detect(picture, rng, unseen=unseen)]] if picture.things else []
    return [counts, *([found, points] if rare else []), *everything, [describe(picture, rng, unseen=unseen)]]


def _imagined(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    """One conversation of several rounds: findings are many tokens, so much is asked about them at once."""
    if picture.word:
        return _word(picture, rng, unseen)
    if picture.label:
        return _labelled(picture, rng, unseen)
    if picture.joints:
        if rng.random() < 0.2:
            return [[all_joints(picture, rng, unseen=unseen)]]
        names = rng.sample([*picture.joints, "hip"], 5)
        return [
            [
                locate_hip(picture, rng, unseen=unseen)
                if name == "hip"
                else one_joint(picture, rng, joint=name, unseen=unseen)
                for name in names
            ]
        ]
    rounds: Conversation = [
        rng.choice((detect_class, locate_class, detect_class, count_class))(picture, rng, label=name, unseen=unseen)
        for name in rng.sample(picture.labels, min(3, len(picture.labels)))
    ]
    if rng.random() < 0.45:
        everything = rng.choices((detect, locate, classify, describe, presence), (5, 3, 1, 2, 1))[0]
        rounds.insert(rng.randrange(2), everything(picture, rng, unseen=unseen))
    return [rounds[:3]]


def _named(picture: Picture, rng: random.Random, unseen: float) -> list[Conversation]:
    return [[name_it(picture, rng)]]


PLANS: dict[str, Plan] = {
    "cifar10": _labelled, "iiit5k": _word, "words": _word, "lsp": _person, "coco128": _photo, "bccd": _smear,
    "shapes": _drawn, "pasted": _drawn, "imagined": _imagined, "names": _named,
}  # fmt: skip


def conversations(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> list[Conversation]:
    """All conversations of one picture; ``unseen`` is the share of held-out wordings."""
    return PLANS[picture.source](picture, rng, unseen)
