"""C4: the tasks, and how the truth is slotted into templates that a chat model wrote, so that labels stay exact.

Does not know who wrote the templates. Places in pictures are shares with two decimals, those in scans metres with
three.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from annotation.generation.answers import Refused, Templates
from annotation.sources.source import Source

__all__ = ["TASKS", "Pair", "SlotTask", "fitting", "require_slots", "slot"]

SLOT = re.compile(r"\{[^{}]*\}")
_WITH_ARTICLE = re.compile(r"(\b[Aa] )?\{([^{}]*)\}")
MOST_OBJECTS = 12  # sentences of one answer

Values = Mapping[str, str]


class Filling(NamedTuple):
    """What one pair says: values of the question, and of each sentence of the answer."""

    question: Values
    sentences: list[Values]


class Pair(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class SlotTask:
    """One task. ``about`` tells the chat model what it is; ``fill`` gives the values, None where there are none."""

    name: str
    modality: str
    type: str
    about: str
    asks: tuple[str, ...]
    says: tuple[str, ...]
    fill: Callable[[Source, random.Random], Filling | None]

    @property
    def query(self) -> str:
        """What is said to the chat model about this task."""
        medium = "a picture" if self.modality == "image" else "a three-dimensional scan"
        asks, says = (", ".join(f"{{{name}}}" for name in names) or "none" for names in (self.asks, self.says))
        return f"Task: {self.about}\nMedium: {medium}\nSlots of an instruction: {asks}\nSlots of a response: {says}"


def require_slots(task: SlotTask, pool: Templates) -> None:
    """Raises Refused where any template lacks a slot, has another, or holds a number of its own."""
    for what, templates, slots in (
        ("instruction", pool.instructions, task.asks), ("response", pool.responses, task.says),
    ):  # fmt: skip
        wanted = sorted(f"{{{name}}}" for name in slots)
        for template in templates:
            if sorted(SLOT.findall(template)) != wanted:
                raise Refused("schema", f"the {what} {template!r} must have the slots {', '.join(wanted) or 'none'}")
            if re.search(r"[\d{}\[\]]", SLOT.sub("", template)):
                raise Refused("schema", f"the {what} {template!r} holds a value of its own")


def slot(task: SlotTask, pool: Templates, source: Source, rng: random.Random) -> Pair | None:
    """One pair about a source; None where the source lacks what the task is about."""
    filling = task.fill(source, rng)
    if filling is None:
        return None
    question = _filled(rng.choice(pool.instructions), filling.question)
    sentences = [_filled(rng.choice(pool.responses), values) for values in filling.sentences]
    return Pair(question, " ".join(sentences))


def _filled(template: str, values: Values) -> str:
    # One pass: a value may itself look like a slot.
    return _WITH_ARTICLE.sub(lambda match: _said(match[1], values[match[2]]), template)


def _said(article: str | None, value: str) -> str:
    """The value after its article, which is an before a vowel."""
    if article is None:
        return value
    vowel = value[:1].lower() in ("a", "e", "i", "o")
    return f"{article[0]}{'n' if vowel else ''} {value}"


def fitting(source: Source, names: tuple[str, ...] = ()) -> Iterator[SlotTask]:
    """The tasks of that list, by default all, that a source has the truth for."""
    for task in TASKS.values():
        named = task.name in names if names else True
        if named and task.modality == source.modality and task.fill(source, random.Random(0)) is not None:
            yield task


def _class(source: Source, rng: random.Random) -> Filling | None:
    return Filling({}, [{"category": source.label}]) if source.label else None


def _every_box(source: Source, rng: random.Random) -> Filling | None:
    # More boxes than an answer holds: the question for all of them would have a wrong answer.
    if not 0 < len(source.boxes) <= MOST_OBJECTS or any(box.count > 1 for box in source.boxes):
        return None
    return Filling({}, [_placed(box.label, _corners(box)) for box in source.boxes])


def _boxes_of_one(source: Source, rng: random.Random) -> Filling | None:
    labels = sorted({box.label for box in source.boxes})
    few = [name for name in labels if sum(box.label == name for box in source.boxes) <= MOST_OBJECTS]
    if not few or any(box.count > 1 for box in source.boxes):
        return None
    label = rng.choice(few)
    return Filling({"category": label}, [_placed(label, _corners(box)) for box in source.boxes if box.label == label])


def _count(source: Source, rng: random.Random) -> Filling | None:
    labels = sorted({box.label for box in source.boxes})
    if not labels:
        return None
    label = rng.choice(labels)
    number = sum(box.count for box in source.boxes if box.label == label)
    return Filling({"category": label}, [{"category": label, "number": str(number)}])


def _joint(source: Source, rng: random.Random) -> Filling | None:
    if not source.joints or {joint.person for joint in source.joints} != {1}:
        return None  # with several people it is open whose joint is asked for
    joint = rng.choice(source.joints)
    return Filling({"category": joint.name}, [_placed(joint.name, f"[{joint.x:.2f}, {joint.y:.2f}]")])


def _words(source: Source, rng: random.Random) -> Filling | None:
    if not 0 < len(source.words) <= MOST_OBJECTS or source.questions:
        return None
    return Filling({}, [{"answer": ", ".join(word.text for word in source.words)}])


def _asked(source: Source, rng: random.Random) -> Filling | None:
    if not source.questions:
        return None
    question = rng.choice(source.questions)
    return Filling({"question": question.text}, [{"answer": question.answer}])


def _every_thing(source: Source, rng: random.Random) -> Filling | None:
    placed = [thing for thing in source.things if thing.centre and thing.size]
    if not 0 < len(placed) <= MOST_OBJECTS or len(placed) != len(source.things):
        return None
    sentences = []
    for thing in placed:
        numbers = (*(thing.centre or ()), *(thing.size or ()))
        sentences.append(_placed(thing.label, f"[{', '.join(f'{number:.3f}' for number in numbers)}]"))
    return Filling({}, sentences)


def _corners(box: object) -> str:
    return "[" + ", ".join(f"{getattr(box, side):.2f}" for side in ("x1", "y1", "x2", "y2")) + "]"


def _placed(label: str, position: str) -> Values:
    return {"category": label, "position": position}


_PLACE = ("category", "position")
TASKS: dict[str, SlotTask] = {
    task.name: task
    for task in (
        SlotTask("classification", "image", "classification", "name the class of the main thing.", (), ("category",),
                 _class),
        SlotTask("detection", "image", "detection", "find everything that is there and give the box of each thing.", (),
                 _PLACE, _every_box),
        SlotTask("locating", "image", "detection", "give the boxes of all things of one kind.", ("category",), _PLACE,
                 _boxes_of_one),
        SlotTask("counting", "image", "counting", "say how many things of one kind there are.", ("category",),
                 ("category", "number"), _count),
        SlotTask("keypoints", "image", "keypoint_detection", "say where a joint or part of the person is.",
                 ("category",), _PLACE, _joint),
        SlotTask("reading", "image", "VQA", "read the text.", (), ("answer",), _words),
        SlotTask("questions", "image", "VQA", "answer a question that is given.", ("question",), ("answer",), _asked),
        SlotTask("classification3d", "pointcloud", "classification3d", "name the class of the object.", (),
                 ("category",), _class),
        SlotTask("detection3d", "pointcloud", "detection3d", "find every object and give its box: centre and sizes.",
                 (), _PLACE, _every_thing),
        SlotTask("questions3d", "pointcloud", "VQA3d", "answer a question that is given.", ("question",), ("answer",),
                 _asked),
    )
}  # fmt: skip
