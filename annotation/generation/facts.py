"""What is known about a source as text: this stands in for the picture or scan in a query.

Does not know prompts or answers. The lines have a fixed form, so that the fake writer can read them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from annotation.sources.source import Box, Source, Thing

__all__ = [
    "BOXES",
    "CAPTIONS",
    "CLASS",
    "KNOWLEDGE",
    "MORE",
    "QUESTIONS",
    "RELATIONS",
    "THINGS",
    "WORDS",
    "facts",
    "labels",
]

CAPTIONS = "Captions:"
BOXES = "Objects (label [left, top, right, bottom] as shares of the picture):"
THINGS = "Objects (label at [x, y, z] size [dx, dy, dz] in metres, attributes):"
RELATIONS = "Relations:"
WORDS = "Text in the picture:"
QUESTIONS = "Questions with their right answers:"
CLASS = "Class:"
KNOWLEDGE = "Knowledge:"

MORE = "(and further"
MOST = 30  # of anything listed: the largest boxes, the first relations; a query stays under about 1,500 tokens
LONGEST = 2000  # characters of knowledge text


def facts(source: Source) -> str:
    """All that is known, one paragraph for each kind of note; an empty text where nothing is."""
    return "\n\n".join(_paragraphs(source))


def _paragraphs(source: Source) -> Iterator[str]:
    if source.captions:
        yield _listed(CAPTIONS, source.captions)
    if source.boxes:
        largest = sorted(source.boxes, key=lambda box: (box.x1 - box.x2) * (box.y2 - box.y1))
        yield _listed(BOXES, [_box(box) for box in largest], [(box.label, box.count) for box in largest])
    if source.things:
        yield _listed(THINGS, [_thing(thing) for thing in source.things], [(thing.label, 1) for thing in source.things])
    if source.relations:
        lines = dict.fromkeys(f"{one.subject} {one.predicate} {one.object}" for one in source.relations)
        yield _listed(RELATIONS, list(lines))
    if source.words:
        yield _listed(WORDS, [word.text for word in source.words])
    if source.questions:
        yield _listed(QUESTIONS, [f"{one.text} {one.answer}" for one in source.questions])
    if source.label:
        yield f"{CLASS} {' > '.join(source.label_path or (source.label,))}"
    if source.knowledge:
        text = source.knowledge
        yield f"{KNOWLEDGE} {text if len(text) <= LONGEST else text[:LONGEST].rsplit(' ', 1)[0] + ' …'}"


def _listed(heading: str, lines: Sequence[str], counts: Sequence[tuple[str, int]] = ()) -> str:
    more = [f"(and {len(lines) - MOST} more)"] if len(lines) > MOST else []
    if more and counts:  # places may go unlisted, numbers may not: how many there are is asked
        rest: dict[str, int] = {}
        for label, count in counts[MOST:]:
            rest[label] = rest.get(label, 0) + count
        more = [f"{MORE} {', '.join(f'{count} × {label}' for label, count in rest.items())})"]
    return "\n".join([heading, *(f"- {line}" for line in lines[:MOST]), *more])


def _box(box: Box) -> str:
    of = f" ({box.count} of them)" if box.count > 1 else ""
    known = f", {', '.join(box.attributes)}" if box.attributes else ""
    return f"{box.label} [{box.x1:.2f}, {box.y1:.2f}, {box.x2:.2f}, {box.y2:.2f}]{of}{known}"


def _thing(thing: Thing) -> str:
    text = thing.label
    if thing.centre and thing.size:
        x, y, z = thing.centre
        dx, dy, dz = thing.size
        text += f" at [{x:.2f}, {y:.2f}, {z:.2f}] size [{dx:.2f}, {dy:.2f}, {dz:.2f}]"
    return ", ".join([text, *thing.attributes[:4]])


def labels(source: Source) -> list[str]:
    """The kinds of things known to be there, the most frequent first; the class where that is all there is."""
    counts: dict[str, int] = {}
    for label, count in [*((box.label, box.count) for box in source.boxes), *((one.label, 1) for one in source.things)]:
        counts[label] = counts.get(label, 0) + count
    found = sorted(counts, key=lambda label: -counts[label])
    return found or ([source.label] if source.label else [])
