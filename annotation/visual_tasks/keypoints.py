"""Joints of a person: one, a few in turn, or all fourteen in one answer.

Does not know faces or several people.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings
from lamm_core.grounding import Point2D, format_point

__all__ = ["ALL_JOINTS", "ONE_JOINT", "all_joints", "one_joint"]

ROLES = (
    "You are a visual assistant that finds the joints of people.",
    "Keypoint detection means giving the position of each joint of the body.",
    "You can tell where the parts of a body are.",
    "The task is human pose estimation.",
    "Left and right are the person's own.",
    "Positions are shares of the picture's width and height.",
)
FORMATS = (
    "Answer with the name and [x, y], both between 0 and 1.",
    "Output format: name [x, y].",
    "Give the position as [x, y] in 0-1.",
    "The answer is the joint and its point.",
    "Use [x, y] with x and y from 0 to 1.",
)

ONE_JOINT = Wordings(
    direct=(
        "Where is the {joint}?",
        "Point at the {joint}.",
        "Find the {joint}.",
        "Locate the {joint}.",
        "Give the position of the {joint}.",
        "Mark the {joint} with a point.",
        "At which point is the {joint}?",
        "What is the position of the {joint}?",
        "Where is the person's {joint}?",
        "Find the {joint} of the person.",
        "Give the [x, y] of the {joint}.",
        "Show the {joint}.",
        "Put a dot on the {joint}.",
        "Which point is the {joint}?",
        "Tell me where the {joint} is.",
        "Please locate the person's {joint}.",
        "State the coordinates of the {joint}.",
        "Return the {joint} as a point.",
        "I am looking for the {joint}. Where is it?",
        "Now the {joint}.",
        "And the {joint}?",
        "Where can the {joint} be seen?",
        "What are the coordinates of this person's {joint}?",
        "Detect the {joint}.",
        "Say where the {joint} is.",
        "Pinpoint the {joint}.",
    ),
    held_out=(
        "Where in the image is the {joint}?",
        "Can you point out the {joint} of this person?",
        "You are an assistant that detects human key points. Output the position as [x, y] between 0 and 1. "
        "Where is the {joint} of the person?",
    ),
    roles=ROLES,
    formats=FORMATS,
    long_share=0.15,
)

ALL_JOINTS = Wordings(
    direct=(
        "Find all joints of the person.",
        "Where are the joints?",
        "Give the position of every joint.",
        "Mark all the joints.",
        "Detect the keypoints.",
        "Locate all 14 joints.",
        "What is the pose of the person?",
        "List the joints with their positions.",
        "Estimate the pose.",
        "Point at every joint of the body.",
        "Give all keypoints of the person as [x, y].",
        "Find the ankles, knees, hips, wrists, elbows, shoulders, neck and head.",
        "Give the human pose as points.",
        "Where are the parts of the body?",
        "Return every joint with its [x, y].",
        "Show the skeleton of the person.",
        "Put a dot on each joint.",
        "Please detect the body joints.",
        "What are the coordinates of all joints?",
        "Name each joint and give its point.",
        "Trace the body: where is each joint?",
        "Describe the pose by the points of the joints.",
        "Which points are the joints?",
        "Detect the pose, from the ankles to the head.",
        "Give me the full skeleton.",
    ),
    held_out=(
        "Find all the key points of the body.",
        "List every joint of this person and where it is.",
    ),
    roles=ROLES,
    formats=FORMATS,
)


def one_joint(picture: Picture, rng: random.Random, *, joint: str, unseen: float = 0.0) -> Exchange:
    """One joint by its name."""
    answer = format_point(Point2D(joint, *picture.joints[joint]))
    return Exchange(ONE_JOINT.ask(rng, unseen=unseen, slots={"joint": joint}), answer, "keypoint_detection")


def all_joints(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """All joints in the order of the annotation."""
    answer = "; ".join(format_point(Point2D(name, x, y)) for name, (x, y) in picture.joints.items())
    return Exchange(ALL_JOINTS.ask(rng, unseen=unseen), answer, "keypoint_detection")
