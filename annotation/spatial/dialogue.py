"""Rounds of questions in which later ones say "it" of the object that the first one found.

Does not know more than the single questions do.
"""

from __future__ import annotations

from collections.abc import Callable

from annotation.spatial.comparing import present
from annotation.spatial.counting import BESIDE, count_group
from annotation.spatial.describing import classify, colour_of, describe, detect, place_of
from annotation.spatial.grounding import ground
from annotation.spatial.measuring import size_of
from annotation.spatial.objects import SceneObject
from annotation.spatial.references import Reference, any_reference, simple
from annotation.spatial.relations import direction, distance, nearest_to, on_top
from annotation.spatial.speaker import Speaker, length_in_words, mention
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings

__all__ = ["BY_IT", "FIND", "rounds"]

KIND = "conversation3d"
NOTHING = "nothing"
FIND = Wordings(
    ("Where is {ref}?", "Find {ref}.", "Show me {ref}.", "Which object is {ref}?", "Point to {ref}.", "I mean {ref}.",
     "Look at {ref}.", "Which one is {ref}?", "Can you see {ref}?", "Please find {ref}."),
    ("Would you point at {ref}?", "Let us speak about {ref}. Which one is it?"),
)  # fmt: skip
BY_IT = {
    "nearest": Wordings(
        ("Which object is nearest to it?", "What is closest to it?", "What is next to it?",
         "And its nearest neighbour?",
         "Which one is closest to it?"),
        ("What stands nearest to it?",),
    ),
    "on it": Wordings(
        ("Is there anything on it?", "What is on top of it?", "Does something stand on it?", "What does it carry?"),
        ("Is something stacked on it?",),
    ),
    "left": Wordings(
        ("What is to the left of it?", "Which objects are left of it?", "And on its left?", "What stands to its left?"),
        ("Show what is on its left side.",),
    ),
    "right": Wordings(
        ("What is to the right of it?", "Which objects are right of it?", "And on its right?",
         "What stands to its right?"),
        ("Show what is on its right side.",),
    ),
    "near": Wordings(
        ("What is in front of it?", "Which objects are in front of it?", "And before it?",
         "What stands in front of it?"),
        ("Show what is nearer than it.",),
    ),
    "far": Wordings(
        ("What is behind it?", "Which objects are behind it?", "And at its back?", "What stands behind it?"),
        ("Show what is further away than it.",),
    ),
    "than": Wordings(
        ("Is it {way} {b}?", "And is it {way} {b}?", "Would you say it is {way} {b}?", "Yes or no: is it {way} {b}?"),
        ("Can one say that it is {way} {b}?",),
    ),
    "distance": Wordings(
        ("How far is it from {b}?", "What is its distance from {b}?", "And how far from {b}?"),
        ("By how much is it away from {b}?",),
    ),
}  # fmt: skip


def rounds(speaker: Speaker) -> list[Exchange] | None:
    """Two to four rounds about one object, now and then after a look at the whole scene."""
    found = any_reference(speaker)
    if found is None:
        return None
    thing = found.thing
    it = Reference("it", thing, speaker.groups[0])
    later: list[Callable[[], Exchange | None]] = [
        lambda: size_of(speaker, it), lambda: size_of(speaker, it), lambda: place_of(speaker, it),
        lambda: None if found.group.colour else colour_of(speaker, it),
        lambda: None if found.group.label else classify(speaker, it),
        lambda: _neighbour(speaker, thing), lambda: _carried(speaker, thing), lambda: _beside(speaker, thing),
        lambda: _than(speaker, thing), lambda: _far(speaker, thing),
    ]  # fmt: skip
    speaker.rng.shuffle(later)
    talk: list[Exchange] = []
    if speaker.rng.random() < 0.25:
        opening = speaker.rng.choice((describe, detect, lambda one: count_group(one, everything=True)))
        first = opening(speaker)
        talk += [Exchange(first.question, first.answer, KIND)] if first else []
    talk.append(speaker.exchange(FIND, found.answer, KIND, ref=found.text))
    wanted = speaker.rng.randint(max(2, len(talk) + 1), 4)
    for make in later:
        more = make() if len(talk) < wanted else None
        if more and more.question not in {turn.question for turn in talk}:
            talk.append(more)
    if len(talk) < 4 and speaker.rng.random() < 0.2:  # at the end only: from here on, "it" would be another object
        other = speaker.rng.choice((ground, present))(speaker)
        talk += [other] if other else []
    return talk if len(talk) > 1 else None


def _neighbour(speaker: Speaker, thing: SceneObject) -> Exchange | None:
    near = nearest_to(thing, speaker.objects, speaker.margins)
    return (near and speaker.exchange(BY_IT["nearest"], mention(near), KIND)) or None


def _carried(speaker: Speaker, thing: SceneObject) -> Exchange | None:
    others = [other for other in speaker.objects if other is not thing]
    told = [on_top(other, thing) for other in others]
    if None in told:
        return None
    carried = [other for other, one in zip(others, told, strict=True) if one]
    if not carried and speaker.rng.random() < 0.6:  # mostly there is nothing, which would be too easy to guess
        return None
    return speaker.exchange(BY_IT["on it"], speaker.mentions(carried) if carried else NOTHING, KIND)


def _beside(speaker: Speaker, thing: SceneObject) -> Exchange | None:
    way = speaker.rng.choice(("left", "right", "near", "far"))
    others = [other for other in speaker.objects if other is not thing]
    told = [direction(other, thing, way, speaker.margins) for other in others]
    if not others or None in told:
        return None
    beside = [other for other, one in zip(others, told, strict=True) if one]
    return speaker.exchange(BY_IT[way], speaker.mentions(beside) if beside else NOTHING, KIND)


def _than(speaker: Speaker, thing: SceneObject) -> Exchange | None:
    other = simple(speaker, without=(thing,))
    if other is None:
        return None
    way = speaker.rng.choice(list(BESIDE))
    told = direction(thing, other.thing, way, speaker.margins)
    if told is None:
        return None
    return speaker.exchange(BY_IT["than"], "yes" if told else "no", KIND, way=BESIDE[way], b=other.text)


def _far(speaker: Speaker, thing: SceneObject) -> Exchange | None:
    other = simple(speaker, without=(thing,))
    if other is None:
        return None
    return speaker.exchange(BY_IT["distance"], length_in_words(distance(thing, other.thing)), KIND, b=other.text)
