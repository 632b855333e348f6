"""References to single objects that hold for one object and clearly for no other.

Does not know the questions they stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from annotation.spatial.objects import SceneObject
from annotation.spatial.phrases import BETWEEN, DEFINITE, ORDINAL_WORDS, ORDINALS, PAIR, RELATIONS, SUPERLATIVES
from annotation.spatial.relations import between, direction, nearest_to, on_top, ordered
from annotation.spatial.speaker import ANY, Distinct, Group, Speaker, mention

__all__ = ["Reference", "absent", "any_reference", "ordinal", "pointed", "relation", "simple", "worded"]

# How answers call what is the most of a measure: the words under which the encoder "scene" tells it.
ENDS = {"left": "leftmost", "right": "rightmost", "near": "nearest", "far": "furthest"}


@dataclass(frozen=True)
class Reference:
    """``text`` stands in a sentence, ``the yellow object``; ``group`` is what its noun covers.

    ``measure`` is what it has most of in the group, where that tells it from the others.
    """

    text: str
    thing: SceneObject
    group: Group
    measure: str | None = None

    @property
    def answer(self) -> str:
        """How an answer points at it: ``the leftmost [obj2]`` or ``the yellow [obj1]`` where that is all it takes."""
        label = ANY
        if self.measure and self.group.is_all:
            label = f"the {ENDS.get(self.measure, self.measure)}"
        elif self.group.colour and not self.group.label and len(self.group.things) == 1:
            label = f"the {self.group.colour}"
        return mention(self.thing, label)


def worded(speaker: Speaker, one: Distinct) -> Reference:
    """One way to say what makes an object stand out."""
    noun = speaker.noun(one.group)
    if one.measure is None:
        pool = DEFINITE
    elif len(one.group.things) == 2 and speaker.rng.random() < (0.2 if one.group.is_all else 0.6):
        pool = PAIR[one.measure]
    else:
        pool = SUPERLATIVES[one.measure]
    return Reference(speaker.ask(pool, noun=noun), one.thing, one.group, one.measure)


def simple(
    speaker: Speaker, thing: SceneObject | None = None, *, without: Sequence[SceneObject] = ()
) -> Reference | None:
    """A short reference, by colour or kind where that is enough; to a given thing, or to any but some."""
    fitting = [one for one in speaker.distinct
               if (thing is None or one.thing is thing) and one.thing not in without]  # fmt: skip
    if not fitting:
        return None
    short = [one for one in fitting if one.measure is None and not one.group.is_all]
    target = thing or speaker.rng.choice(list(dict.fromkeys(one.thing for one in fitting)))
    choices = [one for one in short if one.thing is target] if speaker.rng.random() < 0.7 else []
    choices = choices or [one for one in fitting if one.thing is target]
    return worded(speaker, speaker.rng.choice(choices))


def pointed(speaker: Speaker, thing: SceneObject) -> Reference:
    """The object by its number, as where somebody clicked on it."""
    words = ("[obj{n}]", "[obj{n}]", "object [obj{n}]", "the object [obj{n}]", "this object [obj{n}]", "obj{n}")
    return Reference(speaker.rng.choice(words).format(n=thing.number), thing, speaker.groups[0])


def ordinal(speaker: Speaker) -> Reference | None:
    """The second or later of a row that has a clear order."""
    groups = [group for group in speaker.groups if len(group.things) >= 3]
    rows = [(group, measure, row) for group in groups for measure in ORDINALS
            if (row := ordered(group.things, measure, speaker.margins))]  # fmt: skip
    if not rows:
        return None
    group, measure, row = speaker.rng.choice(rows)
    place = speaker.rng.randrange(1, min(len(row), len(ORDINAL_WORDS)))
    group_noun = speaker.noun(group)
    text = speaker.ask(ORDINALS[measure], noun=group_noun, nth=ORDINAL_WORDS[place], n=str(place + 1))
    return None if text.startswith("number") and not group.is_all else Reference(text, row[place], group)


def relation(speaker: Speaker) -> Reference | None:
    """An object by where it is from another: left of, behind, on top of, nearest to, between."""
    anchor = simple(speaker)
    if anchor is None:
        return None
    if speaker.rng.random() < 0.15:
        anchor = pointed(speaker, anchor.thing)
    ways = [*RELATIONS, "between"]
    speaker.rng.shuffle(ways)
    if speaker.rng.random() < 0.5:
        ways.sort(key=lambda way: way not in ("top", "under", "between"))  # these seldom hold, so they are tried first
    groups = [group for group in speaker.groups if any(thing is not anchor.thing for thing in group.things)]
    for way in ways:
        group = speaker.rng.choice(groups) if groups else speaker.groups[0]
        if way == "between":
            found = _between(speaker, anchor, group)
        elif thing := _only(speaker, way, anchor.thing, group):
            text = speaker.ask(RELATIONS[way], noun=speaker.noun(group), anchor=anchor.text)
            found = Reference(text, thing, group)
        else:
            found = None
        if found:
            return found
    return None


def _only(speaker: Speaker, way: str, anchor: SceneObject, group: Group) -> SceneObject | None:
    """The single object of the group that lies that way, if none of the others might."""
    others = [thing for thing in group.things if thing is not anchor]
    if way in ("nearest", "furthest"):
        if len(others) < 2:
            return None
        return nearest_to(anchor, others, speaker.margins, furthest=way == "furthest")
    tests: dict[str, Callable[[SceneObject], bool | None]] = {
        "top": lambda thing: on_top(thing, anchor),
        "under": lambda thing: on_top(anchor, thing),
    }
    test = tests.get(way, lambda thing: direction(thing, anchor, way, speaker.margins))
    told = [test(thing) for thing in others]
    if None in told or sum(bool(one) for one in told) != 1:
        return None
    return others[told.index(True)]


def _between(speaker: Speaker, anchor: Reference, group: Group) -> Reference | None:
    other = simple(speaker, without=(anchor.thing,))
    if other is None:
        return None
    rest = [thing for thing in group.things if thing is not anchor.thing and thing is not other.thing]
    told = [between(thing, anchor.thing, other.thing, speaker.margins) for thing in rest]
    if None in told or told.count(True) != 1:
        return None
    text = speaker.ask(BETWEEN, noun=speaker.noun(group), anchor=anchor.text, other=other.text)
    return Reference(text, rest[told.index(True)], group)


def any_reference(speaker: Speaker) -> Reference | None:
    """A reference of any kind: half by place or size, the rest by colour, kind, order and relation."""
    chance = speaker.rng.random()
    if chance < 0.25 and (found := relation(speaker)):
        return found
    if chance < 0.35 and (found := ordinal(speaker)):
        return found
    plain = speaker.distinct
    if not plain:
        return None
    kinds = [[one for one in plain if one.measure and one.group.is_all],
             [one for one in plain if one.measure and not one.group.is_all],
             [one for one in plain if one.measure is None]]  # fmt: skip
    weights = [weight if kind else 0 for kind, weight in zip(kinds, (5, 2, 3), strict=True)]
    return worded(speaker, speaker.rng.choice(speaker.rng.choices(kinds, weights)[0]))


def absent(speaker: Speaker) -> str | None:
    """A reference to nothing: a colour that no object could be said to have, or a kind that is not there."""
    nouns = [f"{colour} {speaker.generic()}" for colour in speaker.absent_colours]
    if speaker.labelled:
        kinds = (
            ("bowl", "bottle", "ball", "cup", "book")
            if speaker.place == "table"
            else ("sofa", "person", "bed", "plant")
        )
        there = {thing.label for thing in speaker.objects}
        nouns += [kind for kind in kinds if kind not in there]
    if not nouns:
        return None
    noun = speaker.rng.choice(nouns)
    if speaker.rng.random() < 0.3:
        return speaker.ask(speaker.rng.choice(list(SUPERLATIVES.values())), noun=noun)
    return speaker.ask(DEFINITE, noun=noun)
