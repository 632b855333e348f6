"""Who asks about a scene: the objects, what is certain among them, and a source of chance for words.

Does not know any particular kind of question.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from annotation.spatial.objects import SceneObject
from annotation.spatial.relations import MEASURES, Margins, winner
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings, a_or_an, plural
from lamm_core.grounding import ObjectMention, format_object
from lamm_core.pointclouds.shades import NAMES

__all__ = ["ANY", "NONE", "Distinct", "Group", "Speaker", "length_in_words", "mention"]

ANY = "object"  # the noun for a thing whose kind does not matter
NONE = "there is none"


@dataclass(frozen=True)
class Group:
    """All objects that a noun covers: all of them, or those of a colour, of a kind, or of both; none in doubt."""

    things: tuple[SceneObject, ...]
    colour: str | None = None
    label: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether the noun tells nothing."""
        return self.colour is None and self.label is None


def mention(thing: SceneObject, label: str = ANY) -> str:
    """How an answer points at an object: ``object [obj2]``."""
    return format_object(ObjectMention(label, thing.number))


class Distinct(NamedTuple):
    """An object that stands out of a group: the most of a measure, or the only one where ``measure`` is None."""

    thing: SceneObject
    group: Group
    measure: str | None


class Speaker:
    """One scene and one source of chance; ``unseen`` is the share of held-out wordings.

    ``place`` is what things stand on, ``table`` or ``floor``.
    """

    def __init__(
        self, objects: Sequence[SceneObject], rng: random.Random, *, unseen: float = 0.0, place: str = "table"
    ) -> None:
        self.objects = tuple(sorted(objects, key=lambda thing: thing.number))
        self.rng = rng
        self.unseen = unseen
        self.place = place
        self.margins = Margins.of(self.objects)
        self.groups = self._groups()
        self.distinct = self._distinct()

    def ask(self, wordings: Wordings, **slots: str) -> str:
        """One text of a pool; ``{place}`` and ``{scene}`` are filled in, ``{Ref}`` from ``ref``."""
        slots |= {"place": self.place, "scene": "room" if self.place == "floor" else "table"}
        if "ref" in slots:
            slots["Ref"] = slots["ref"][0].upper() + slots["ref"][1:]
        return wordings.ask(self.rng, unseen=self.unseen, slots=slots)

    def exchange(self, wordings: Wordings, answer: str, kind: str, **slots: str) -> Exchange:
        """A question from a pool with its answer; the kind is a task type of LAMM's 3D records."""
        return Exchange(self.ask(wordings, **slots), answer, kind)

    def generic(self) -> str:
        """A word for things of any kind, mostly ``object``."""
        return self.rng.choices((ANY, "thing", "item"), (8, 1, 1))[0]

    def noun(self, group: Group) -> str:
        """How the question calls one of the group: ``object``, ``red one``, ``red bowl``."""
        if group.label:
            return f"{group.colour} {group.label}" if group.colour else group.label
        if group.colour:
            word = "one" if self.rng.random() < 0.15 else self.generic()
            return f"{group.colour} {word}"
        return self.generic()

    def nouns(self, group: Group) -> str:
        """The plural of `noun`."""
        return plural(self.noun(group))

    def mentions(self, things: Sequence[SceneObject]) -> str:
        """Several objects by their numbers, or that there is none."""
        ranked = sorted(things, key=lambda thing: thing.number)
        return "; ".join(mention(thing) for thing in ranked) or NONE

    def named(self, thing: SceneObject) -> str:
        """Colour and kind: ``red bowl``."""
        return f"{thing.colour} {thing.label}" if thing.colour else thing.label

    def a_named(self, thing: SceneObject) -> str:
        """``a red bowl``."""
        return a_or_an(self.named(thing))

    @property
    def colours(self) -> list[str]:
        """The colours of which it is certain which objects have them."""
        return [group.colour for group in self.groups if group.colour and not group.label]

    @property
    def absent_colours(self) -> list[str]:
        """The colours that no object could be said to have; none where the scene has no colours."""
        if not any(thing.colour for thing in self.objects):
            return []
        possible = {name for thing in self.objects for name in thing.possible}
        near = {"red": "pink", "pink": "red", "orange": "brown", "brown": "orange", "gray": "white", "white": "gray"}
        return [name for name in NAMES if name not in possible and near.get(name) not in possible]

    @property
    def labelled(self) -> bool:
        """Whether the kinds of things are known."""
        return any(thing.label != ANY for thing in self.objects)

    def _groups(self) -> list[Group]:
        names = {thing.colour for thing in self.objects if thing.colour}
        kinds = {thing.label for thing in self.objects if thing.label != ANY}
        found = [Group(self.objects)]
        for kind in (None, *sorted(kinds)):
            of_kind = [thing for thing in self.objects if kind is None or thing.label == kind]
            if kind:
                found.append(Group(tuple(of_kind), label=kind))
            for name in sorted(names):
                could_be = tuple(thing for thing in of_kind if name in thing.possible or thing.colour == name)
                if could_be and all(thing.colour == name for thing in could_be):
                    found.append(Group(could_be, name, kind))
        return found

    def _distinct(self) -> list[Distinct]:
        found = []
        for group in self.groups:
            if len(group.things) == 1:
                found.append(Distinct(group.things[0], group, None))
                continue
            for measure in MEASURES:
                thing = winner(group.things, measure, self.margins)
                if thing is not None:
                    found.append(Distinct(thing, group, measure))
        return found


def length_in_words(metres: float) -> str:
    """``24 cm`` under a metre, ``1.8 m`` above."""
    return f"{round(metres * 100)} cm" if metres < 0.995 else f"{metres:.1f} m"
