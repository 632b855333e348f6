"""Two objects compared: yes or no, one or the other, left or right.

Does not know how references are found; whatever is too close to call is not asked.
"""

from __future__ import annotations

from annotation.spatial.references import Reference, pointed, simple
from annotation.spatial.relations import direction, on_top
from annotation.spatial.speaker import Speaker
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings, a_or_an, plural

__all__ = ["EITHER", "PRESENCE", "WAYS", "YES_NO", "either_way", "pair", "present", "which_of_two", "yes_no"]

KIND = "VQA3d"
# How a question says that the first lies so from the second.
WAYS = {
    "left": ("to the left of", "left of", "further left than"), "right": ("to the right of", "right of",
    "further right than"),
    "near": ("in front of", "nearer to the viewer than", "closer than"), "far": ("behind", "further away than",
    "further back than"),
    "higher": ("higher than", "reaching higher than"), "lower": ("lower than", "reaching less high than"),
    "taller": ("taller than",), "shorter": ("shorter than", "flatter than"),
    "larger": ("larger than", "bigger than"), "smaller": ("smaller than",), "top": ("on top of", "standing on",
    "stacked on"),
}  # fmt: skip
SUPER = {
    "left": "is further to the left", "right": "is further to the right", "near": "is nearer to the viewer",
    "far": "is further from the viewer", "higher": "reaches higher above the {place}", "lower": "reaches less high",
    "taller": "is taller", "shorter": "is flatter", "larger": "is larger", "smaller": "is smaller",
}  # fmt: skip

YES_NO = Wordings(
    direct=(
        "Is {a} {way} {b}?", "Is {a} {way} {b}?", "Would you say {a} is {way} {b}?", "Yes or no: is {a} {way} {b}?",
        "Is it true that {a} is {way} {b}?", "Tell me whether {a} is {way} {b}.",
        "Does it look as if {a} is {way} {b}?",
        "Check this: {a} is {way} {b}.", "{b} and {a}: is the second {way} the first?", "Is {a} really {way} {b}?",
        "I think {a} is {way} {b}. Is that right?", "Seen from the viewer, is {a} {way} {b}?",
    ),
    held_out=("Can one say that {a} is {way} {b}?", "Right or wrong, yes or no: {a} is {way} {b}."),
    roles=("You are a visual assistant that answers questions about a 3D scan.", "You can analyse a point cloud."),
    formats=("Answer yes or no.", "Reply with yes or no only.", "One word is enough."),
    long_share=0.15,
)  # fmt: skip

EITHER = {
    ("left", "right"): Wordings(
        ("Seen from the viewer, is {a} to the left or to the right of {b}?", "Is {a} left or right of {b}?",
         "On which side of {b} is {a}, left or right?", "Does {a} stand to the left or to the right of {b}?",
         "Is {a} on the left or on the right of {b}?", "Left or right of {b}: where is {a}?",
         "Seen from the front, is {a} to the left or right of {b}?"),
        ("Looking at the scene, do you find {a} left or right of {b}?",),
    ),
    ("in front", "behind"): Wordings(
        ("Is {a} in front of or behind {b}?", "Does {a} stand in front of {b} or behind it?",
         "In front or behind: where is {a}, seen from {b}?",
         "Seen from the viewer, is {a} in front of {b} or behind it?",
         "Is {a} before or behind {b}? Say in front or behind."),
        ("Do you find {a} in front of {b}, or behind it?",),
    ),
    ("higher", "lower"): Wordings(
        ("Does {a} reach higher or lower than {b}?", "Is the top of {a} higher or lower than that of {b}?",
         "Higher or lower than {b}: how far up does {a} reach?", "Compared with {b}, is {a} higher or lower?"),
        ("Does {a} come up higher or lower than {b} does?",),
    ),
    ("larger", "smaller"): Wordings(
        ("Is {a} larger or smaller than {b}?", "Larger or smaller than {b}: what is {a}?",
         "Compared with {b}, is {a} larger or smaller?", "Which is it: is {a} larger than {b}, or smaller?"),
        ("Would you call {a} larger or smaller than {b}?",),
    ),
}  # fmt: skip
FIRST_WAY = {
    ("left", "right"): "left",
    ("in front", "behind"): "near",
    ("higher", "lower"): "higher",
    ("larger", "smaller"): "larger",
}

WHICH = Wordings(
    direct=(
        "Which {more}, {a} or {b}?", "Which {more}: {a} or {b}?", "{a} or {b}: which {more}?",
        "Which one {more}, {a} or {b}?",
        "Of {a} and {b}, which {more}?", "Tell me which {more}, {a} or {b}.", "Compare {a} and {b}: which {more}?",
        "There are {a} and {b}. Which {more}?", "Which of the two {more}, {a} or {b}?",
    ),
    held_out=("Between {a} and {b}, which one {more}?", "Looking at {a} and {b}, say which {more}."),
)  # fmt: skip

PRESENCE = Wordings(
    direct=(
        "Is there {a_noun}?", "Is there {a_noun} on the {place}?", "Do you see {a_noun}?", "Can you see {a_noun}?",
        "Does the scan show {a_noun}?", "Are there any {nouns}?", "Any {nouns} here?", "Is {a_noun} in the scene?",
        "Yes or no: is there {a_noun}?", "Tell me whether there is {a_noun}.", "Is at least one {noun} there?",
        "Does the point cloud contain {a_noun}?", "I am looking for {a_noun}. Is there one?",
        "Have you found {a_noun}?",
    ),
    held_out=("Are any {nouns} to be seen?", "Does {a_noun} occur in this scan?"),
    roles=YES_NO.roles,
    formats=YES_NO.formats,
    long_share=0.15,
)  # fmt: skip


def pair(speaker: Speaker) -> tuple[Reference, Reference] | None:
    """References to two different objects; now and then one by its number."""
    known = list(dict.fromkeys(one.thing for one in speaker.distinct))
    if len(known) < 2:
        return None
    chosen = speaker.rng.sample(known, 2)
    words = [pointed(speaker, thing) if speaker.rng.random() < 0.1 else simple(speaker, thing) for thing in chosen]
    first, second = words
    return (first, second) if first and second else None


def yes_no(speaker: Speaker) -> Exchange | None:
    """Whether one object is left of, higher than, on top of ... another; yes and no come equally often."""
    two = pair(speaker)
    if two is None:
        return None
    ways = [way for way in WAYS if way != "top"]
    way = speaker.rng.choice(ways)
    told = direction(two[0].thing, two[1].thing, way, speaker.margins)
    stacked = [(upper, lower) for upper in speaker.objects for lower in speaker.objects
               if upper is not lower and on_top(upper, lower)]  # fmt: skip
    if stacked and speaker.rng.random() < 0.3:
        way, one = "top", speaker.rng.choice(stacked)
        if speaker.rng.random() < 0.5:
            other = speaker.rng.choice([thing for thing in speaker.objects if thing is not one[0]])
            one = (one[0], other) if speaker.rng.random() < 0.5 else (one[1], one[0])
        words = [simple(speaker, thing) or pointed(speaker, thing) for thing in one]
        two, told = (words[0], words[1]), on_top(*one)
    if told is None:
        return None
    slots = {"a": two[0].text, "b": two[1].text, "way": speaker.rng.choice(WAYS[way])}
    return speaker.exchange(YES_NO, "yes" if told else "no", KIND, **slots)


def either_way(speaker: Speaker) -> tuple[str, list[str], str] | None:
    """Left or right, in front or behind, higher or lower, larger or smaller: question, options, answer."""
    two = pair(speaker)
    if two is None:
        return None
    options = speaker.rng.choice(list(EITHER))
    told = direction(two[0].thing, two[1].thing, FIRST_WAY[options], speaker.margins)
    if told is None:
        return None
    return speaker.ask(EITHER[options], a=two[0].text, b=two[1].text), list(options), options[0 if told else 1]


def which_of_two(speaker: Speaker) -> tuple[str, list[Reference], Reference, str] | None:
    """Which of two is higher, nearer, larger ...: question with both, both, the right one, question without them."""
    two = pair(speaker)
    if two is None:
        return None
    way = speaker.rng.choice(list(SUPER))
    told = direction(two[0].thing, two[1].thing, way, speaker.margins)
    if told is None:
        return None
    more = SUPER[way].format(place=speaker.place)
    question = speaker.ask(WHICH, more=more, a=two[0].text, b=two[1].text)
    return question[0].upper() + question[1:], list(two), two[0 if told else 1], f"Which {more}?"


def present(speaker: Speaker) -> Exchange | None:
    """Whether there is an object of a colour or kind; yes and no come equally often where both can be asked."""
    groups = [group for group in speaker.groups if not group.is_all]
    colours = speaker.absent_colours
    yes = bool(groups) and (not colours or speaker.rng.random() < 0.5)
    if not yes and not colours:
        return None
    noun = speaker.noun(speaker.rng.choice(groups)) if yes else f"{speaker.rng.choice(colours)} {speaker.generic()}"
    slots = {"noun": noun, "a_noun": a_or_an(noun), "nouns": plural(noun)}
    return speaker.exchange(PRESENCE, "yes" if yes else "no", KIND, **slots)
