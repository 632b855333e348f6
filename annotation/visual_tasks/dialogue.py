"""Rounds of small questions about one picture: what, how many, where, whether, which is larger.

Does not know anything beyond the annotations; yes and no are balanced.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from annotation.visual_tasks.classification import presence
from annotation.visual_tasks.counting import count_class
from annotation.visual_tasks.description import place
from annotation.visual_tasks.detection import detect_class
from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings, join_names

__all__ = ["NAMES", "SIDE", "names", "rounds", "side"]

NAMES = Wordings(
    direct=(
        "What objects are in the picture?",
        "Which things do you see?",
        "Name what you see.",
        "What is there to see?",
        "List the kinds of object.",
        "Which classes of object occur?",
        "What things can be seen here?",
        "Tell me what is in the photo.",
        "What all do you see in this image?",
        "Name the kinds of things in the scene.",
        "Just the names: what is in the picture?",
        "Which objects does the photo contain?",
        "Without coordinates, which objects are there?",
        "Give the names of the objects.",
        "List what is shown.",
        "What kinds of objects are present?",
        "Say which objects you recognise.",
        "What do you recognise in this image?",
        "Which items are visible?",
        "Hello! What is in my photo?",
        "Hi, can you tell me what you see?",
        "Name all the kinds of things you can find.",
        "What items are there?",
        "Which objects appear in the photo?",
        "What is present in the scene?",
    ),
    held_out=(
        "Which kinds of objects does this image contain?",
        "Can you list the things in my picture?",
    ),
)

SIDE = Wordings(
    direct=(
        "In which part of the picture is the {label}?",
        "On which side is the {label}?",
        "Is the {label} on the left or on the right?",
        "Roughly where is the {label}?",
        "In words, where is the {label}?",
        "Where does the {label} stand in the picture?",
        "Describe the place of the {label}.",
        "Say in a few words where the {label} is.",
        "Whereabouts is the {label}?",
        "Which part of the image holds the {label}?",
        "Is the {label} left, right or in the middle?",
        "Where about do I find the {label}?",
        "In what area is the {label}?",
        "Where is the {label}, roughly?",
        "In plain words, where can I find the {label}?",
        "Which side should I look at for the {label}?",
        "Tell me roughly where the {label} is.",
        "Without numbers, where is the {label}?",
        "Where in the frame is the {label}?",
        "Which corner or side is the {label} at?",
        "Give the rough place of the {label}.",
        "Where should I look to see the {label}?",
        "How is the {label} placed?",
        "To which side is the {label}?",
        "Is the {label} at the side or in the middle?",
    ),
    held_out=(
        "About where in the photo is the {label}?",
        "On what side of the image can the {label} be found?",
    ),
)


def names(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """The classes that occur, the one with the largest object first."""
    return Exchange(NAMES.ask(rng, unseen=unseen), join_names(picture.labels[:8]), "conversation")


def side(picture: Picture, rng: random.Random, *, label: str, unseen: float = 0.0) -> Exchange:
    """Where the largest object of a class is, in words."""
    answer = place(picture.of(label)[0])
    return Exchange(SIDE.ask(rng, unseen=unseen, slots={"label": label}), answer, "conversation")


def rounds(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> list[Exchange]:
    """Two to four rounds; later ones speak of what the earlier ones found."""
    label = rng.choice(picture.labels[:4])
    later: list[Callable[[], Exchange]] = [
        lambda: count_class(picture, rng, label=label, unseen=unseen),
        lambda: side(picture, rng, label=label, unseen=unseen),
        lambda: presence(picture, rng, unseen=unseen),
        lambda: presence(picture, rng, unseen=unseen),
        lambda: detect_class(picture, rng, label=label, unseen=unseen),
    ]
    rng.shuffle(later)
    first = [names(picture, rng, unseen=unseen)] if rng.random() < 0.6 else []
    return first + [make() for make in later[: rng.randint(2, 4 - len(first))]]
