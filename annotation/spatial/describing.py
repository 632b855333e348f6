"""Naming and describing: what an object is, its colour and place, all objects, the whole scene in a sentence.

Does not know anything that is not in the objects.
"""

from __future__ import annotations

from annotation.spatial.objects import SceneObject
from annotation.spatial.references import Reference, pointed, simple
from annotation.spatial.relations import on_top
from annotation.spatial.speaker import ANY, Speaker, length_in_words
from annotation.visual_tasks.description import amount
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings, join_names
from lamm_core.grounding import ObjectMention, format_object

__all__ = ["COLOUR", "DESCRIBE", "DETECT", "KINDS", "NAMES", "ONE_OBJECT", "PLACE", "classify", "colour_of", "describe",
           "describe_one", "detect", "place_of", "place_words"]  # fmt: skip

DETECT = Wordings(
    direct=(
        "Find every object on the {place} and give its 3D bounding box.", "Detect all objects.", "Find all objects.",
        "List every object.", "Which objects are on the {place}?", "Detect the objects in this point cloud.",
        "Give the 3D boxes of all objects.", "List the objects with their numbers.", "Point out every object.",
        "Find the objects in the scan.", "Where are the objects?", "Show all objects.", "Mark each object.",
        "Detect every object in 3D.", "Put a box around each object.", "Run 3D object detection.",
        "Box all the objects.",
        "Name every object with its identifier.", "What can you detect in the scan?", "Segment the objects.",
        "Highlight all objects.", "Locate all objects in the scene.", "Find everything that stands on the {place}.",
        "Give me the list of objects.", "Return all objects.",
    ),
    held_out=(
        "Please find each of the objects in this scan.", "Output the identifiers of all objects that you can detect.",
        "You are an assistant for 3D object detection. Give every object and its bounding box. What is on the {place}?",
    ),
    roles=(
        "You are a visual assistant that detects objects in point clouds.",
        "3D object detection means finding every object and giving its box.",
        "The task is 3D detection.", "You can analyse a 3D scan.",
    ),
    formats=(
        "List name and number of each object.", "Output format: object [obj1]; object [obj2].",
        "Separate the objects by semicolons.", "Give each object's identifier.",
        "Answer with a name and a box [x, y, z, width, depth, height] for each.", "Boxes are in metres.",
        "Give the box of each object as its centre and its size.", "The output is one box an object.",
    ),
    long_share=0.4,
)  # fmt: skip
KINDS = Wordings(
    ("Name every object.", "What kinds of objects are these?", "Detect all objects and name them.",
     "Which things are here?",
     "List the objects with colour and kind.", "What is on the {place}? Name each object.",
     "Tell me what each object is.",
     "Classify every object.", "Say for each object what it is.", "Give the label of every object."),
    ("What would you call each of the objects?", "List all objects together with what they are."),
)  # fmt: skip
DESCRIBE = Wordings(
    direct=(
        "Describe the scene.", "Describe what you see.", "What is in this scan?", "Describe this point cloud.",
        "What does the scan show?", "Give a short description.", "Tell me about the scene.", "Summarise the scene.",
        "What can you see?", "What stands on the {place}?", "Describe the {scene}.", "Write a caption for this scan.",
        "Put the scene into words.", "Give me an overview.", "What do I have here?",
        "Describe the objects and where they are.",
        "How would you describe this scan?", "Please describe the point cloud.", "Explain what is in the scan.",
        "Hello! What do you see?",
    ),
    held_out=("Please give a description of this scan.", "In a sentence: what is to be seen here?"),
    roles=("You are a visual assistant that describes 3D scans.", "The task is description of a 3D scene."),
    formats=("Keep it short.", "Mention the objects and their places."),
    long_share=0.12,
)  # fmt: skip
NAMES = Wordings(
    ("What is {ref}?", "What kind of thing is {ref}?", "Name {ref}.", "Classify {ref}.", "What do you call {ref}?",
     "Which class is {ref}?", "Tell me what {ref} is.", "What sort of object is {ref}?", "Recognise {ref}.",
     "To which category does {ref} belong?", "What shape is {ref}?", "Give the class of {ref}."),
    ("What would you call {ref}?", "Into which category would you put {ref}?"),
)  # fmt: skip
COLOUR = Wordings(
    ("What colour is {ref}?", "What color is {ref}?", "Which colour does {ref} have?", "Name the colour of {ref}.",
     "Tell me the colour of {ref}.", "The colour of {ref}?", "Is {ref} red, blue or something else? Name its colour.",
     "How is {ref} coloured?"),
    ("What is the colour of {ref}?", "In which colour is {ref}?"),
)  # fmt: skip
PLACE = Wordings(
    ("In which part of the scene is {ref}?", "Roughly where is {ref}?", "In words, where is {ref}?",
     "Is {ref} on the left, in the middle or on the right?", "Whereabouts is {ref}?", "Describe where {ref} is.",
     "Say in words where {ref} stands.", "On which side is {ref}?"),
    ("About where would you place {ref}?",),
)  # fmt: skip
ONE_OBJECT = Wordings(
    ("Describe {ref}.", "Tell me about {ref}.", "What can you say about {ref}?", "Describe {ref} in a few words.",
     "Give me details about {ref}.", "What do you know about {ref}?", "Explain what {ref} is like."),
    ("What is there to say about {ref}?",),
)  # fmt: skip


def place_words(speaker: Speaker, thing: SceneObject) -> str:
    """Left, middle or right of the span of all objects, and front or back where the scene is deep."""
    if len(speaker.objects) == 1:
        return "alone"
    words = []
    for axis, (low, high) in ((1, ("in front", "at the back")), (0, ("on the left", "on the right"))):
        middles = [one.box.centre[axis] for one in speaker.objects]
        span = max(middles) - min(middles)
        share = (thing.box.centre[axis] - min(middles)) / span if span > 3 * speaker.margins.side else 0.5
        words += [low] if share < 0.3 else [high] if share > 0.7 else []
    return " ".join(words) or "in the middle"


def detect(speaker: Speaker) -> Exchange:
    """All objects by their numbers; with colour and kind where the question asks for names."""
    if speaker.labelled and speaker.rng.random() < 0.35:
        named = [format_object(ObjectMention(speaker.named(thing), thing.number)) for thing in speaker.objects]
        return speaker.exchange(KINDS, "; ".join(named), "detection3d")
    found = [format_object(ObjectMention(ANY, thing.number)) for thing in speaker.objects]
    return speaker.exchange(DETECT, "; ".join(found), "detection3d")


def describe(speaker: Speaker) -> Exchange:
    """How many there are and, for up to four, what and where each is."""
    count = len(speaker.objects)
    stands = "stands" if count == 1 else "stand"
    head = f"{amount(count, ANY)} {stands} on the {speaker.place}"
    head = head[0].upper() + head[1:]
    stacks = [(upper, lower) for upper in speaker.objects for lower in speaker.objects
              if upper is not lower and on_top(upper, lower)]  # fmt: skip
    if count <= 4:
        upper = {top.number: bottom for top, bottom in stacks}
        parts = []
        for thing in speaker.objects:
            below = upper.get(thing.number)
            where = f"on top of [obj{below.number}]" if below else place_words(speaker, thing)
            parts.append(f"{speaker.a_named(thing)} [obj{thing.number}] {where}")
        return speaker.exchange(DESCRIBE, f"{head}: {join_names(parts)}.", "description3d")
    largest = max(speaker.objects, key=lambda thing: thing.volume)
    colours = [f"{len(group.things)} {group.colour}" for group in speaker.groups if group.colour and not group.label]
    middle = f": {join_names(colours)}" if colours and sum(int(text.split()[0]) for text in colours) == count else ""
    tail = f" The largest is {speaker.a_named(largest)} [obj{largest.number}] {place_words(speaker, largest)}."
    return speaker.exchange(DESCRIBE, f"{head}{middle}.{tail}", "description3d")


def _some(speaker: Speaker, things: list[SceneObject]) -> Reference | None:
    """One of some objects, by a short reference or by its number."""
    if not things:
        return None
    thing = speaker.rng.choice(things)
    named = None if speaker.rng.random() < 0.4 else simple(speaker, thing)
    return named or pointed(speaker, thing)


def classify(speaker: Speaker, ref: Reference | None = None) -> Exchange | None:
    """The kind of one object; the question does not say it."""
    ref = ref or _some(speaker, [thing for thing in speaker.objects if thing.label != ANY])
    if ref is None or ref.thing.label == ANY or ref.group.label:
        return None
    return speaker.exchange(NAMES, ref.thing.label, "classification3d", ref=ref.text)


def colour_of(speaker: Speaker, ref: Reference | None = None) -> Exchange | None:
    """The colour of one object where it is sure; the question does not say it."""
    ref = ref or _some(speaker, [thing for thing in speaker.objects if thing.colour])
    if ref is None or not ref.thing.colour or ref.group.colour:
        return None
    return speaker.exchange(COLOUR, ref.thing.colour, "VQA3d", ref=ref.text)


def place_of(speaker: Speaker, ref: Reference | None = None) -> Exchange | None:
    """Where one object is, in words."""
    ref = ref or _some(speaker, list(speaker.objects))
    if ref is None or len(speaker.objects) < 2:
        return None
    return speaker.exchange(PLACE, place_words(speaker, ref.thing), "VQA3d", ref=ref.text)


def describe_one(speaker: Speaker, ref: Reference | None = None) -> Exchange | None:
    """Colour, kind, height and place of one object."""
    ref = ref or _some(speaker, list(speaker.objects))
    if ref is None:
        return None
    height = length_in_words(ref.thing.box.size[2])
    answer = f"{speaker.a_named(ref.thing)} [obj{ref.thing.number}], {height} tall, {place_words(speaker, ref.thing)}"
    return speaker.exchange(ONE_OBJECT, answer, "description3d", ref=ref.text)
