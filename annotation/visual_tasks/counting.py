"""Counting the objects of one class: a numeral as the answer.

Does not know where the objects are.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings, plural

__all__ = ["WORDINGS", "count_class"]

WORDINGS = Wordings(
    direct=(
        "How many {plural} are there?",
        "How many {plural} do you see?",
        "Count the {plural}.",
        "How many {plural} are in the picture?",
        "Number of {plural}?",
        "What is the number of {plural}?",
        "Tell me how many {plural} there are.",
        "How many {plural} can be seen in this image?",
        "Please count the {plural} in the photo.",
        "Give the count of {plural}.",
        "How many {plural} does the picture show?",
        "How many {plural} appear here?",
        "Can you count the {plural}?",
        "What is the total of {plural}?",
        "How many {plural} have been photographed?",
        "Find out how many {plural} are visible.",
        "Say the number of {plural} in the image.",
        "I need the number of {plural}.",
        "Count every {label}.",
        "Count each {label} in the picture.",
        "How often does {label} occur in the picture?",
        "How many objects of the class {label} are there?",
        "How many {plural} would you count?",
        "{plural}: how many?",
        "In total, how many {plural} are there?",
        "How many {plural} fit into the frame?",
    ),
    held_out=(
        "What number of {plural} is visible?",
        "How many {plural} can you find in the photo?",
        "Count all objects that belong to the class {label}.",
        "What is the count of the class {label} in this photo?",
        "You are an assistant that counts objects. The answer should be a numeral. "
        "How many {plural} are there in this image?",
    ),
    roles=(
        "You are a visual assistant that counts objects.",
        "Object counting means telling how many objects of a kind a picture shows.",
        "The task is counting.",
        "You can count things in pictures.",
        "Your job is to count with care.",
        "Look at the whole picture before you count.",
    ),
    formats=(
        "Answer with a number.",
        "The answer is a numeral.",
        "Give the number only.",
        "Reply with digits.",
        "Output one number.",
    ),
    long_share=0.2,
)


def count_class(picture: Picture, rng: random.Random, *, label: str, unseen: float = 0.0) -> Exchange:
    """How many objects of one class, none included."""
    slots = {"label": label, "plural": plural(label)}
    return Exchange(WORDINGS.ask(rng, unseen=unseen, slots=slots), str(len(picture.of(label))), "counting")
