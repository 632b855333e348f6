"""Points: the middle of every object, or the hip of a person.

Does not know boxes in answers; detection.py asks for those.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.detection import MOST
from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings, plural
from lamm_core.grounding import Point2D, format_point

__all__ = ["EVERYTHING", "HIP", "ONE_CLASS", "hip_place", "locate", "locate_class", "locate_hip"]

ROLES = (
    "You are a visual assistant that can tell where things are.",
    "Object locating means naming each object and giving its centre point.",
    "You can locate objects by a point.",
    "Positions are [x, y] as shares of the picture's width and height.",
    "The task is to locate objects.",
    "Your job is to point at things in the picture.",
)
FORMATS = (
    "Write each as its name and [x, y], between 0 and 1.",
    "Give the name and the position [x, y].",
    "Output format: name [x, y].",
    "Answer with points; x and y go from 0 to 1.",
    "The answer is a name with its [x, y] in 0-1.",
)

EVERYTHING = Wordings(
    direct=(
        "Point at every object.",
        "Locate all objects with a point.",
        "Give the centre of each object.",
        "Where is the middle of each object?",
        "List the objects and their positions as [x, y].",
        "Which objects are there, and at which points?",
        "Mark every object with a point.",
        "Name the objects and give their centre points.",
        "Find all objects and give their positions as points.",
        "At which position is each object?",
        "Tell me the position of all objects.",
        "Point out the objects in the photo by [x, y].",
        "Give one point for each object.",
        "Show the places of the objects as points.",
        "Put a dot on every object.",
        "Where would you click to choose each object?",
        "What are the centre coordinates of the objects?",
        "Locate the objects in this picture.",
        "Return the names and centres of all objects.",
        "Give me points for all the things you see.",
        "Mark the centre of everything you recognise.",
        "For each object, say what it is and give its [x, y].",
        "List all things with their centre.",
        "Tap each object once: where?",
        "Please locate everything in the image.",
    ),
    held_out=(
        "Find all the objects and give their positions as [x, y].",
        "Please name each object together with the point where it is.",
        "You are an assistant for locating objects. Output the name of each object and its position [x, y] between 0 "
        "and 1. Where are the objects in this image?",
    ),
    roles=ROLES,
    formats=FORMATS,
)

ONE_CLASS = Wordings(
    direct=(
        "Point at the {label}.",
        "At which point is the {label}?",
        "Give the centre of the {label}.",
        "Where is the middle of the {label}?",
        "Mark the {label} with a point.",
        "Locate the {label} as [x, y].",
        "Give the position of the {label} as a point.",
        "Where would you click to choose the {label}?",
        "Put a dot on the {label}.",
        "What is the position [x, y] of the {label}?",
        "Point at each {label}.",
        "Give a point for every {label}.",
        "Locate all {plural} with points.",
        "Give the centres of the {plural}.",
        "Mark all {plural} with points.",
        "Where are the centres of the {plural}?",
        "Show the {plural} as points.",
        "Give the [x, y] of each {label}.",
        "Tap the {label}.",
        "Find the centre point of the {label}.",
        "What are the centre coordinates of the {label}?",
        "Point out the {plural} by [x, y].",
        "Put a dot on every {label}.",
        "Say where the {label} is, as a point.",
        "Which point lies in the middle of the {label}?",
    ),
    held_out=(
        "Please point to the {label}.",
        "State the centre point of each {label}.",
    ),
    roles=ROLES,
    formats=FORMATS,
    long_share=0.2,
)

HIP = Wordings(
    direct=(
        "Where is the person's hip?",
        "Point at the hip.",
        "Give the position of the hip.",
        "Mark the hip of the person with a point.",
        "Locate the hip.",
        "Find the hip of the person.",
        "At which point is the hip?",
        "What is the position [x, y] of the hip?",
        "Where are the hips of the person? Give one point.",
        "Give the [x, y] of the hip.",
        "Put a dot on the hip.",
        "Show where the hip is.",
        "Give the middle of the hips.",
        "Which point marks the hip?",
        "Please locate the person's hip in the image.",
        "Return the coordinates of the hip.",
        "Find the middle between the two hips.",
        "Give the hip's location.",
        "Where does the body bend at the hip?",
        "State the hip as a point.",
        "The hip, please: where is it?",
        "Tap the hip of the person.",
        "Mark the centre of the hips.",
        "Where in the picture is the hip of this athlete?",
        "Tell me where the hip is.",
    ),
    held_out=(
        "Where is the hip of the person in this picture?",
        "You are an assistant that locates parts of the human body. Output the name and [x, y] between 0 and 1. "
        "What is the position of the hip?",
    ),
    roles=ROLES,
    formats=FORMATS,
    long_share=0.2,
)


def _points(picture: Picture, label: str | None) -> str:
    things = picture.of(label) if label else sorted(picture.things, key=lambda thing: -thing.area)
    return "; ".join(format_point(Point2D(thing.label, *thing.centre)) for thing in things[:MOST])


def locate(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """The centres of all objects, largest first."""
    return Exchange(EVERYTHING.ask(rng, unseen=unseen), _points(picture, None), "detection")


def locate_class(picture: Picture, rng: random.Random, *, label: str, unseen: float = 0.0) -> Exchange:
    """The centres of the objects of one class."""
    slots = {"label": label, "plural": plural(label)}
    return Exchange(ONE_CLASS.ask(rng, unseen=unseen, slots=slots), _points(picture, label), "detection")


def hip_place(picture: Picture) -> tuple[float, float]:
    """Middle of the two hips."""
    (x1, y1), (x2, y2) = picture.joints["right hip"], picture.joints["left hip"]
    return (x1 + x2) / 2, (y1 + y2) / 2


def locate_hip(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """The middle of the hips."""
    answer = format_point(Point2D("hip", *hip_place(picture)))
    return Exchange(HIP.ask(rng, unseen=unseen), answer, "keypoint_detection")
