"""One honest sentence about a picture, composed from its annotations alone.

Does not know anything that was not annotated, so it never speaks of colours, actions or weather of photos.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.picture import Exchange, Picture, Thing
from annotation.visual_tasks.wordings import Wordings, a_or_an, join_names, plural

__all__ = ["WORDINGS", "describe", "place", "sentence"]

WORDINGS = Wordings(
    direct=(
        "Describe the picture.",
        "Describe this image in one sentence.",
        "What is happening in the photo?",
        "What can you see?",
        "Tell me about this image.",
        "Give a short description.",
        "Say in a sentence what the photo shows.",
        "Write a caption.",
        "Caption this image.",
        "Summarise the picture.",
        "What is in the scene?",
        "Describe the scene briefly.",
        "Please describe what you see.",
        "What does the photo look like?",
        "Explain to me what is in the image.",
        "I cannot see the picture. What does it show?",
        "Give me an overview of the image.",
        "How would you describe this?",
        "Describe the contents of the photo.",
        "Put the picture into words.",
        "Tell me what the photograph contains.",
        "What are the main things in the image?",
        "Sketch the scene in words.",
        "Give a one-sentence caption of the photo.",
        "Write one line about this picture.",
        "Describe the objects and where they are.",
    ),
    held_out=(
        "Please give a description of this picture.",
        "In a sentence: what do you see in the photo?",
    ),
    roles=(
        "You are a visual assistant that describes pictures.",
        "The task is image description.",
        "You describe pictures for people who cannot see them.",
    ),
    formats=(
        "Answer with one sentence.",
        "Keep it short.",
        "Mention the objects and their places.",
    ),
    long_share=0.15,
)

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def amount(number: int, label: str) -> str:
    """``a dog``, ``three dogs``, ``17 dogs``."""
    if number == 1:
        return a_or_an(label)
    return f"{NUMBERS[number] if number < len(NUMBERS) else number} {plural(label)}"


def place(thing: Thing) -> str:
    """Where an object's middle lies, in words."""
    x, y = thing.centre
    if thing.area > 0.5:
        return "across most of the picture"
    across = "on the left" if x < 0.36 else "on the right" if x > 0.64 else ""
    along = "at the top" if y < 0.3 else "at the bottom" if y > 0.7 else ""
    return f"{along} {across}".strip() or "in the middle"


def sentence(picture: Picture) -> str:
    """Counts of the four classes with the largest objects, and where the largest object is."""
    labels = picture.labels
    if not labels:
        return "There are no objects that I can name."
    named = join_names([amount(len(picture.of(label)), label) for label in labels[:4]])
    first = picture.of(labels[0])
    verb = "is" if len(first) == 1 and a_or_an(labels[0]) != labels[0] else "are"
    more = " and other things" if len(labels) > 4 else ""
    if len(labels) == len(first) == 1:
        return f"There {verb} {named} {place(first[0])}."
    return f"There {verb} {named}{more}; the largest is {a_or_an(labels[0])} {place(first[0])}."


def describe(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """A description in one sentence."""
    return Exchange(WORDINGS.ask(rng, unseen=unseen), sentence(picture), "description")
