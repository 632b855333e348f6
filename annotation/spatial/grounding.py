"""Pointing at objects: one, several or none, by any reference; the answer gives their numbers.

Does not know boxes: a number stands for the box of the proposal that has it.
"""

from __future__ import annotations

from annotation.spatial.references import absent, any_reference, simple
from annotation.spatial.relations import direction
from annotation.spatial.speaker import NONE, Group, Speaker, length_in_words
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings

__all__ = ["ONE", "SEVERAL", "ground", "ground_none", "ground_several"]

KIND = "visual_grounding3d"
ROLES = (
    "You are a visual assistant that finds objects in 3D scans.",
    "You can look at a point cloud and point out the object that is meant.",
    "Visual grounding means finding the object that a description is about.",
    "The task is 3D visual grounding: locate the object that the text describes.",
    "As an assistant for point clouds, find what the user asks for.",
    "The objects of the scan are numbered [obj1], [obj2] and so on.",
    "You are given the objects of a scene, each with its number, colour, place and size.",
    "Your job is to find one object in the scene from a description of it.",
)
FORMATS = (
    "Answer with the object and its number.",
    "Give the number of the object in brackets, such as [obj1].",
    "Output format: name [objN].",
    "Reply with the name of the object and its identifier.",
    "The answer is one object with its identifier.",
    "Name the object and give its number.",
)

ONE = Wordings(
    direct=(
        "Where is {ref}?", "Find {ref}.", "Find {ref} and give its 3D bounding box.", "Locate {ref}.",
        "Point to {ref}.",
        "Point out {ref}.", "Show me {ref}.", "Which object is {ref}?", "Which one is {ref}?", "{Ref}?", "{Ref}.",
        "{ref}",
        "Can you find {ref}?", "Give me {ref}.", "Select {ref}.", "Highlight {ref}.", "Mark {ref}.", "Identify {ref}.",
        "I am looking for {ref}.", "Where do I find {ref}?", "What is the number of {ref}?", "Please locate {ref}.",
        "Look for {ref}.", "Tell me which object is {ref}.", "Ground this description: {ref}.", "What is {ref}?",
        "Description: {ref}. Which object is meant?", "Give the bounding box of {ref}.", "Box {ref}.",
        "Which box belongs to {ref}?", "Pick {ref}.", "The object described as: {ref}.",
        "Could you point to {ref}?", "Can you show me {ref}?", "I want to see {ref}.", "Tell me where {ref} is.",
    ),
    held_out=(
        "Would you show where {ref} is?", "In this scan, where can I see {ref}?", "Output the identifier of {ref}.",
        "You are an assistant that grounds descriptions in point clouds. Give the 3D box of the object that is meant. "
        "The description is: {ref}.",
    ),
    roles=ROLES,
    formats=FORMATS,
    long_share=0.25,
)  # fmt: skip

SEVERAL = Wordings(
    direct=(
        "Where are {ref}?", "Find {ref}.", "Find all {refs}.", "Point to {ref}.", "Show me {ref}.", "List {ref}.",
        "Which objects are {refs}?", "Locate {ref}.", "Mark {ref}.", "Highlight all {refs}.", "Select {ref}.",
        "Give me all {refs}.", "Which are the numbers of {ref}?", "Find every one of {ref}.", "Show all {refs}.",
        "Point out all {refs}.", "Where do you see {refs}?", "Are there {refs}? Show them.", "All {refs}, please.",
        "Give the boxes of {ref}.",
    ),
    held_out=("Where can {refs} be seen?", "Which of the objects count as {refs}?", "Output the identifiers of {ref}."),
    roles=ROLES[:4],
    formats=("List every object with its number.", "Separate the objects by semicolons.", "Give all that fit."),
    long_share=0.15,
)  # fmt: skip


def ground(speaker: Speaker) -> Exchange | None:
    """One object; None where no reference is clear."""
    found = any_reference(speaker)
    return (found and speaker.exchange(ONE, found.answer, KIND, ref=found.text)) or None


def ground_simple(speaker: Speaker) -> Exchange | None:
    """One object by what it has most of among all, or by its colour or kind."""
    found = simple(speaker)
    return (found and speaker.exchange(ONE, found.answer, KIND, ref=found.text)) or None


def ground_none(speaker: Speaker) -> Exchange | None:
    """What is not there."""
    text = absent(speaker)
    return (text and speaker.exchange(ONE, NONE, KIND, ref=text)) or None


def ground_several(speaker: Speaker) -> Exchange | None:
    """All of a colour or kind, all to one side of an object, or all above a height."""
    makers = [_of_a_group, _beside, _taller]
    speaker.rng.shuffle(makers)
    return next((found for make in makers if (found := make(speaker))), None)


def _of_a_group(speaker: Speaker) -> Exchange | None:
    groups = [group for group in speaker.groups if not group.is_all]
    if not groups:
        return None
    group = speaker.rng.choices(groups, [len(one.things) ** 2 for one in groups])[0]
    nouns = speaker.nouns(group)
    return _several(speaker, group, list(group.things), f"the {nouns}", nouns)


def _beside(speaker: Speaker) -> Exchange | None:
    anchor = any_reference(speaker)
    if anchor is None or len(speaker.objects) < 3:
        return None
    way = speaker.rng.choice(("left", "right", "near", "far"))
    told = [(thing, direction(thing, anchor.thing, way, speaker.margins)) for thing in speaker.objects
            if thing is not anchor.thing]  # fmt: skip
    if any(one is None for _, one in told):
        return None
    words = {"left": "to the left of", "right": "to the right of", "near": "in front of", "far": "behind"}[way]
    nouns = f"{speaker.nouns(speaker.groups[0])} {words} {anchor.text}"
    return _several(speaker, speaker.groups[0], [thing for thing, one in told if one], f"the {nouns}", nouns)


def _taller(speaker: Speaker) -> Exchange | None:
    heights = [thing.box.size[2] for thing in speaker.objects]
    step = 0.05 if max(heights) < 0.5 else 0.25
    limit = round(speaker.rng.uniform(min(heights), max(heights)) / step) * step
    if limit <= 0 or any(abs(height - limit) < max(speaker.margins.height, 0.1 * limit) for height in heights):
        return None
    more = speaker.rng.random() < 0.6
    fitting = [thing for thing in speaker.objects if (thing.box.size[2] > limit) == more]
    words = "taller than" if more else "less tall than"
    nouns = f"{speaker.nouns(speaker.groups[0])} {words} {length_in_words(limit)}"
    return _several(speaker, speaker.groups[0], fitting, f"the {nouns}", nouns)


def _several(speaker: Speaker, group: Group, things: list, ref: str, refs: str) -> Exchange:  # type: ignore[type-arg]
    return speaker.exchange(SEVERAL, speaker.mentions(things), KIND, ref=ref, refs=refs)
