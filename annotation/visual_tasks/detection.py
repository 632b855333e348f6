"""Boxes: all objects of a picture, or those of one class.

Does not know how boxes are written; that is lamm_core.grounding's grammar.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from annotation.visual_tasks.picture import Exchange, Picture, Thing
from annotation.visual_tasks.wordings import Wordings, a_or_an, plural
from lamm_core.grounding import Box2D, format_box

__all__ = ["EVERYTHING", "MOST", "ONE_CLASS", "boxes", "detect", "detect_class"]

MOST = 8  # objects in one answer, largest first

ROLES = (
    "You are a visual assistant that finds objects in pictures.",
    "Object detection means naming every object and giving its bounding box.",
    "You can detect objects and tell where they are with boxes.",
    "The task is object detection in a photo.",
    "As a detector, look for every object in the picture.",
    "Your job is to find the objects and to draw a box around each.",
    "Box corners are shares of the picture's width and height, from 0 to 1.",
)
FORMATS = (
    "Write each object as its name and [x1, y1, x2, y2].",
    "The answer lists the name and the box of each object, with numbers between 0 and 1.",
    "Give the category, then the top left and the bottom right corner, from 0 to 1.",
    "Output format: name [x1, y1, x2, y2].",
    "Boxes are [left, top, right, bottom] in 0-1.",
    "For each object give its name and its bounding box.",
)

EVERYTHING = Wordings(
    direct=(
        "Detect all objects.",
        "Find the objects in this image and give their boxes.",
        "What objects are there, and where? Give bounding boxes.",
        "List every object with its bounding box.",
        "Draw a box around each object.",
        "Which objects do you see? Answer with boxes.",
        "Find everything in the picture, with boxes.",
        "Give the name and the box of each object.",
        "Box all objects in the photo.",
        "Name the objects and mark each with a box.",
        "Please detect the objects in the image.",
        "Where are the objects? Use bounding boxes.",
        "Run object detection on this photo.",
        "Mark all objects with their coordinates.",
        "Identify all the objects and their bounding boxes.",
        "Show me the objects as boxes.",
        "Locate every object by its box.",
        "Return the bounding boxes of all objects.",
        "Point out each object with a bounding box.",
        "What can you detect here?",
        "Tell me the objects in the scene with their boxes.",
        "Which things are in the picture, and what are their boxes?",
        "Give bounding boxes for what you see.",
        "Detect the objects, largest first.",
        "Put a labelled box on every object.",
        "Scan the image and box what you find.",
    ),
    held_out=(
        "Find all the objects in the picture and state their bounding boxes.",
        "Please list the objects together with the coordinates of their boxes.",
        "You are an assistant for object detection. Output the name of every object and its box "
        "[x1, y1, x2, y2] between 0 and 1. Which objects are in the image?",
    ),
    roles=ROLES,
    formats=FORMATS,
)

ONE_CLASS = Wordings(
    direct=(
        "Where is the {label}?",
        "Find the {label}.",
        "Give the box of the {label}.",
        "Draw a box around the {label}.",
        "Detect the {label}.",
        "Detect every {label}.",
        "Give the bounding boxes of all {plural}.",
        "Where can I see {a_label}?",
        "Where are the {plural}?",
        "Mark the {plural} with boxes.",
        "Find all {plural} and give their boxes.",
        "Box the {plural}.",
        "Show me where the {label} is.",
        "Please find {a_label} in the image.",
        "What is the bounding box of the {label}?",
        "Give the coordinates of the {label}.",
        "In which part of the image is the {label}? Answer with a box.",
        "Locate the {label} with a bounding box.",
        "I want to crop the {label}. Which box should I use?",
        "Return a box for each {label}.",
        "Point out the {label} with a box.",
        "Mark where the {label} is.",
        "List the boxes of the {plural}.",
        "Look for {plural} and box each of them.",
        "Can you box the {label}?",
        "Put a bounding box on every {label}.",
    ),
    held_out=(
        "Can you show where the {label} is?",
        "State the bounding box of each {label} in this photo.",
        "Where in the picture do you find {a_label}?",
    ),
    roles=ROLES,
    formats=FORMATS,
    long_share=0.2,
)


def boxes(things: Sequence[Thing]) -> str:
    """The answer: at most eight boxes, largest first."""
    ranked = sorted(things, key=lambda thing: -thing.area)[:MOST]
    return "; ".join(format_box(Box2D(thing.label, *thing.box)) for thing in ranked)


def detect(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """All objects."""
    return Exchange(EVERYTHING.ask(rng, unseen=unseen), boxes(picture.things), "detection")


def detect_class(picture: Picture, rng: random.Random, *, label: str, unseen: float = 0.0) -> Exchange:
    """The objects of one class that is there."""
    slots = {"label": label, "plural": plural(label), "a_label": a_or_an(label)}
    return Exchange(ONE_CLASS.ask(rng, unseen=unseen, slots=slots), boxes(picture.of(label)), "detection")
