"""Sizes, heights and distances, in centimetres or metres.

Does not know how exactly a scan was measured: answers are rounded to what a person would say.
"""

from __future__ import annotations

from annotation.spatial.comparing import pair
from annotation.spatial.objects import SceneObject
from annotation.spatial.references import Reference, pointed, simple
from annotation.spatial.relations import distance
from annotation.spatial.speaker import Speaker, length_in_words
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings

__all__ = ["DISTANCE", "SIZES", "far_apart", "size_of"]

KIND = "VQA3d"
SIZES = {
    "height": Wordings(
        ("How tall is {ref}?", "How high is {ref}?", "What is the height of {ref}?", "Give the height of {ref}.",
         "How tall would you say {ref} is?", "Measure the height of {ref}.", "Tell me how tall {ref} is.",
         "Height of {ref}?"),
        ("What height does {ref} have?", "From bottom to top, how much does {ref} measure?"),
    ),
    "width": Wordings(
        ("How wide is {ref}?", "What is the width of {ref}?", "Give the width of {ref}.", "How broad is {ref}?",
         "Measure the width of {ref}.", "From left to right, how wide is {ref}?", "Width of {ref}?"),
        ("What width does {ref} have?", "From side to side, how much does {ref} measure?"),
    ),
    "depth": Wordings(
        ("How deep is {ref}?", "What is the depth of {ref}?", "Give the depth of {ref}.", "Measure the depth of {ref}.",
         "From front to back, how deep is {ref}?", "How far does {ref} reach from front to back?", "Depth of {ref}?"),
        ("What depth does {ref} have?",),
    ),
    "top": Wordings(
        ("How high above the {place} is the top of {ref}?", "How high does {ref} reach?",
         "At what height is the top of {ref}?", "How far up does {ref} reach above the {place}?",
         "What is the highest point of {ref} above the {place}?"),
        ("Up to what height does {ref} go?",),
    ),
    "all": Wordings(
        ("How big is {ref}?", "What size is {ref}?", "What are the dimensions of {ref}?", "Give the size of {ref}.",
         "Width, depth and height of {ref}?", "Measure {ref}.", "How large is {ref}?"),
        ("What dimensions does {ref} have?",),
    ),
}  # fmt: skip
DISTANCE = Wordings(
    ("How far is {a} from {b}?", "How far apart are {a} and {b}?", "What is the distance between {a} and {b}?",
     "Give the distance from {a} to {b}.", "Measure the distance between {a} and {b}.", "Distance from {a} to {b}?",
     "How many centimetres are between {a} and {b}?", "Middle to middle, how far is {a} from {b}?"),
    ("By how much are {a} and {b} apart?", "What distance separates {a} from {b}?"),
)  # fmt: skip


def _dimension(thing: SceneObject, which: str) -> str:
    if which == "all":
        return " x ".join(length_in_words(value) for value in thing.box.size)
    value = thing.top if which == "top" else thing.box.size[("width", "depth", "height").index(which)]
    return length_in_words(value)


def size_of(speaker: Speaker, ref: Reference | None = None) -> Exchange | None:
    """Height, width, depth, the height of the top, or all three sizes of one object."""
    if ref is None:
        ref = simple(speaker)
        if ref is None or speaker.rng.random() < 0.15:
            ref = pointed(speaker, speaker.rng.choice(speaker.objects))
    which = speaker.rng.choices(list(SIZES), (4, 2, 1, 2, 1))[0]
    return speaker.exchange(SIZES[which], _dimension(ref.thing, which), KIND, ref=ref.text)


def far_apart(speaker: Speaker) -> Exchange | None:
    """The distance between the middles of two objects."""
    two = pair(speaker)
    if two is None:
        return None
    answer = length_in_words(distance(two[0].thing, two[1].thing))
    return speaker.exchange(DISTANCE, answer, KIND, a=two[0].text, b=two[1].text)
