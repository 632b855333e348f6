"""Naming what a picture shows: one class name as the answer.

Does not know boxes; a picture of many objects is asked for its largest one.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings, a_or_an, join_names, plural

__all__ = ["NAME", "PRESENCE", "WORDINGS", "classify", "name_it", "presence"]

WORDINGS = Wordings(
    direct=(
        "What is in this picture?",
        "What does the image show?",
        "Name the object in the photo.",
        "What is this?",
        "What kind of thing is this?",
        "Which class does this image belong to?",
        "Classify the picture.",
        "Give the category of this image.",
        "What do you see here?",
        "Which object is shown?",
        "Tell me what this is.",
        "In one word, what is pictured?",
        "What is the main object?",
        "Identify the subject of this photo.",
        "What am I looking at?",
        "Name the category.",
        "Please label this image.",
        "What would you call the thing in the photo?",
        "Which category fits the picture best?",
        "What is the subject?",
        "Say what the picture is of.",
        "What has been photographed here?",
        "Can you tell what this is?",
        "Recognise the object.",
        "What stands in the centre of the picture?",
        "Choose the right class: {classes}.",
        "Which of these is it: {classes}?",
        "Is this {options}?",
        "The classes are {classes}. Which one is this?",
        "Pick one label from this list: {classes}.",
        "What is shown? Options: {classes}.",
        "Select the category of the image among {classes}.",
        "Classify this image into one of: {classes}.",
    ),
    held_out=(
        "What is the object in the image?",
        "What object is depicted here?",
        "Into which category would you put this picture?",
        "Which of the following does the photo show: {classes}?",
        "You are an assistant that recognises the object in a picture. Answer with the name of its category. "
        "What is the category of this image? Candidates: {classes}.",
    ),
    roles=(
        "You are a visual assistant that names what a picture shows.",
        "You can look at a picture and tell which class it belongs to.",
        "Image classification means giving one class name to the whole picture.",
        "Your job is to recognise the object in the photo.",
        "As an image classifier, look at the picture as a whole.",
        "The task is image classification: decide what is shown.",
        "You are good at recognising animals, vehicles and everyday objects.",
    ),
    formats=(
        "Answer with the class name only.",
        "The answer should be a single category.",
        "Reply with one name.",
        "Give just the name of the class.",
        "Use one of these names: {classes}.",
        "Output the label and nothing else.",
    ),
)

PRESENCE = Wordings(
    direct=(
        "Is there {a_label} in the picture?",
        "Is there {a_label} here?",
        "Does the image show {a_label}?",
        "Can you see {a_label}?",
        "Do you see {a_label} in this photo?",
        "Does {a_label} appear in the image?",
        "Is {a_label} visible?",
        "Would you say there is {a_label} in it?",
        "Yes or no: is there {a_label}?",
        "Tell me whether the photo contains {a_label}.",
        "Does this contain {a_label}?",
        "Is {a_label} part of the scene?",
        "Check for {a_label}: is one there?",
        "Is {a_label} present?",
        "Have you spotted {a_label}?",
        "Could you find {a_label} here?",
        "I am looking for {a_label}. Is there one?",
        "Answer yes or no. Is there {a_label} in the image?",
        "Is it true that {a_label} can be seen?",
        "Any {label} here?",
        "Any {plural} in the photo?",
        "Are there any {plural}?",
        "Is at least one {label} shown?",
        "Does the photo have {a_label} in it?",
        "Look closely: is there {a_label}?",
    ),
    held_out=(
        "Does the picture contain {a_label}?",
        "Are any {plural} visible in this image?",
        "Is {a_label} to be seen anywhere? Please answer yes or no.",
    ),
)

NAME = (
    "What is this?",
    "What is in the picture?",
    "What is in this photo?",
    "What does this picture show?",
    "Name the main object.",
    "Name what you see.",
    "What kind of thing is this?",
    "Which object is this?",
    "What exactly is that?",
    "What do you see in the image?",
    "Tell me the name of the thing in this photo.",
    "Can you identify this?",
    "Identify the main subject.",
    "What am I looking at?",
    "Do you know what this is?",
    "What is the name of this?",
)


def classify(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """Ask for the label, or for the class of the largest object."""
    label = picture.label or picture.labels[0]
    names = list(picture.vocabulary) or [label]
    if len(names) > 12:
        others = [name for name in names if name not in picture.labels]
        names = [label, *rng.sample(others, rng.randint(3, 8))]
    rng.shuffle(names)
    options = [label, *rng.sample([name for name in names if name != label], min(2, len(names) - 1))]
    rng.shuffle(options)
    slots = {"classes": ", ".join(names), "options": join_names([a_or_an(name) for name in options], "or")}
    return Exchange(WORDINGS.ask(rng, unseen=unseen, slots=slots), label, "classification")


def presence(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """Ask whether a class is there; yes and no come equally often."""
    present = [picture.label] if picture.label else picture.labels
    absent = [name for name in picture.vocabulary if name not in present]
    yes = bool(present) and (not absent or rng.random() < 0.5)
    label = rng.choice(present if yes else absent)
    assert label is not None
    slots = {"label": label, "a_label": a_or_an(label), "plural": plural(label)}
    return Exchange(PRESENCE.ask(rng, unseen=unseen, slots=slots), "yes" if yes else "no", "VQA")


def name_it(picture: Picture, rng: random.Random) -> Exchange:
    """What the picture shows, out of any names."""
    return Exchange(rng.choice(NAME), str(picture.label), "classification")
