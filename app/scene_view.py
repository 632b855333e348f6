"""What a scene and its conversation look like as values of the components of the 3D tab.

Does not know Gradio nor how the values are drawn; all words in them are shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.chat_view import data_address
from app.conversation import Exchange, Thread
from app.scene3d import Scene
from app.viewer.value import EMPTY_VALUE, ViewBox, view_value
from lamm_core.grounding import find_objects
from lamm_core.pointclouds.fixes import DropColours, DropStrays, Fix, Recentre, Recolour, Rotate, Scale

__all__ = [
    "ANSWER",
    "PROPOSALS",
    "TRUTH",
    "doctor_value",
    "layers_of",
    "named_objects",
    "parts",
    "picture_value",
    "placed_objects",
    "pointed_at",
    "table_value",
    "talk_value",
    "view_boxes",
    "viewer_value",
]

PROPOSALS, ANSWER, TRUTH = "Found objects", "Answer", "Ground truth"
# The name of an object before its number: the last words, at most four, that all say what it is.
_NAMELESS = "the|a|an|is|are|and|or|of|than|to|by|at|on|in|under|behind|beside|with|stands|lies"
_NAME = re.compile(rf"(?:^|\s)((?:(?!(?:{_NAMELESS})\b)[\w-]+\s*){{1,4}})$", re.IGNORECASE)
_THIS = re.compile(r"\bthis (?:object|thing|one)\b(?!\s*\[obj)", re.IGNORECASE)


def layers_of(scene: Scene | None) -> list[str]:
    """The kinds of boxes there can be."""
    return [PROPOSALS, ANSWER, *([TRUTH] if scene is not None and scene.truth else [])]


def named_objects(scene: Scene | None, thread: Thread) -> Mapping[int, str]:
    """The objects that the newest answer names, with its words for each; none if it was about another cloud."""
    answer = thread.newest_answer
    if scene is None or answer is None or thread.exchanges[-1].cloud != scene.cloud:
        return {}
    named: dict[int, str] = {}
    for mention in find_objects(answer.text):
        thing = scene.thing(mention.number)
        if thing is not None:
            named.setdefault(mention.number, _name_in(mention.label).strip() or thing.label)
    return named


def placed_objects(scene: Scene | None, thread: Thread, text: str) -> list[dict[str, Any]]:
    """The objects that an answer names with their boxes, as the review queue wants them; metres about the origin."""
    if scene is None or not thread.exchanges or thread.exchanges[-1].cloud != scene.cloud:
        return []
    things = [(mention, scene.thing(mention.number)) for mention in find_objects(text)]
    return [
        {
            "label": _name_in(mention.label).strip() or thing.label,
            "identifier": thing.identifier,
            "centre": list(thing.box.centre),
            "size": list(thing.box.size),
        }
        for mention, thing in things
        if thing is not None
    ]


def viewer_value(scene: Scene | None, thread: Thread, layers: Sequence[str]) -> dict[str, Any]:
    """The cloud with the boxes of the layers that are on."""
    if scene is None:
        return dict(EMPTY_VALUE)
    boxes = view_boxes(scene, thread, layers)
    named = [box.number for box in boxes if box.kind == "answer" and box.number is not None]
    return view_value(scene.shown, boxes, highlight=named or None)


def view_boxes(scene: Scene, thread: Thread, layers: Sequence[str]) -> list[ViewBox]:
    """The boxes of the layers that are on."""
    named = named_objects(scene, thread) if ANSWER in layers else {}
    boxes = [
        ViewBox(
            thing.number,
            named.get(thing.number, thing.label),
            thing.box,
            "answer" if thing.number in named else "proposal",
            thing.confidence,
        )
        for thing in scene.objects
        if thing.number in named or PROPOSALS in layers
    ]
    if TRUTH in layers:
        # The numbers of the file's own objects are not those that answers speak of.
        boxes += [ViewBox(None, thing.label, thing.box, "truth") for thing in scene.truth]
    return boxes


def talk_value(scene: Scene | None, thread: Thread) -> dict[str, Any]:
    """The messages, in parts of text and of objects; and what is between them."""
    messages: list[dict[str, Any]] = []
    for position, exchange in enumerate(thread.exchanges):
        live = scene is not None and exchange.cloud == scene.cloud
        before = thread.exchanges[position - 1] if position else None
        if before is not None and before.cloud != exchange.cloud and exchange.cloud is not None:
            same = before.cloud is not None and before.cloud.name == exchange.cloud.name
            told = "The cloud was changed here." if same else f"From here on about {exchange.cloud.name}."
            messages.append({"role": "note", "parts": [{"text": told}]})
        known = scene if live else None
        messages.append({"role": "user", "parts": parts(exchange.question, known, whole=False)})
        answer = exchange.answer
        if answer is not None and (answer.text or answer.finished):
            words = parts(answer.text, known) if answer.text else [{"text": "(no words)"}]
            messages.append({"role": "assistant", "parts": words, "copy": answer.text})
    if scene is not None and thread.exchanges and thread.exchanges[-1].cloud != scene.cloud:
        messages.append({"role": "note", "parts": [{"text": _changed(scene, thread.exchanges[-1])}]})
    return {"messages": messages, "writing": thread.waiting, "open": scene is not None}


def parts(text: str, scene: Scene | None, *, whole: bool = True) -> list[dict[str, Any]]:
    """A text cut at the objects of the scene that it names.

    ``whole`` takes the words before an object's number into its part.
    """
    cut: list[dict[str, Any]] = []
    done = 0
    for mention in find_objects(text):
        thing = scene.thing(mention.number) if scene is not None else None
        start, end = mention.span or (0, 0)
        bracket = text.rindex("[", start, end)
        start = bracket - len(_name_in(text[start:bracket])) if whole else bracket
        if thing is None:
            continue
        if start > done:
            cut.append({"text": text[done:start]})
        cut.append({"number": thing.number, "text": text[start:bracket].strip(), "title": thing.label})
        done = end
    if done < len(text):
        cut.append({"text": text[done:]})
    return cut


def pointed_at(question: str, number: int) -> str:
    """The question with the object in it that was clicked: after "this object", or at its end."""
    name = f"[obj{number}]"
    if re.search(rf"\[\s*obj\s*{number}\s*\]", question, re.IGNORECASE):
        return question
    if match := _THIS.search(question):
        return f"{question[: match.end()]} {name}{question[match.end() :]}"
    return f"{question.rstrip()} {name} ".lstrip()


def picture_value(scene: Scene | None) -> dict[str, Any] | None:
    """The picture that came with the scan. Objects are not drawn on it: where it was taken from is not known."""
    if scene is None or scene.picture is None:
        return None
    picture = scene.picture
    size = f"{picture.width} × {picture.height}"
    told = "Given with the scan; its camera is not known, so no boxes are drawn on it."
    return {
        "name": picture.name,
        "source": data_address(picture.view),
        "caption": f"{picture.name} · {size}. {told}",
    }


def doctor_value(scene: Scene | None) -> dict[str, Any]:
    """What the file holds and what the doctor found, with a button's words for each fix."""
    if scene is None:
        return {"name": "", "facts": [], "notes": [], "findings": [], "made": []}
    thinned = f" of {scene.total:,}" if scene.total > scene.points else ""
    unit = _unit(scene)
    facts = [
        ["Format", scene.format.upper()],
        ["Points", f"{scene.points:,}{thinned}"],
        ["Extent", " × ".join(_length(value) for value in scene.size) + f" {unit}"],
    ]
    if any(scene.origin):
        facts.append(["Zero lies at", ", ".join(f"{value:,.2f}" for value in scene.origin)])
    return {
        "name": scene.name,
        "facts": facts,
        "notes": list(scene.notes),
        "findings": [
            {
                "name": finding.name,
                "guess": finding.guess,
                "sure": f"{finding.confidence:.0%} sure",
                "evidence": finding.evidence,
                "fix": None if finding.fix is None else _fix_words(finding.fix),
                "effect": None if finding.fix is None else finding.fix.label,
            }
            for finding in scene.diagnosis.findings
        ],
        "made": sorted(scene.made),
    }


def table_value(scene: Scene | None, thread: Thread, layers: Sequence[str]) -> dict[str, Any]:
    """Rows of the table of boxes; lengths have three decimals, as they are in metres."""
    if scene is None:
        return {"rows": [], "unit": "m", "open": False}
    named = named_objects(scene, thread)
    rows: list[dict[str, Any]] = [
        {
            "number": thing.number,
            "identifier": thing.identifier,
            "label": named.get(thing.number, thing.label),
            "centre": _triple(thing.box.centre),
            "size": _triple(thing.box.size),
            "confidence": "" if thing.confidence is None else f"{thing.confidence:.2f}",
            "kind": "answer" if thing.number in named else "proposal",
        }
        for thing in scene.objects
    ]
    if TRUTH in layers:
        rows += [
            {
                "number": None,
                "identifier": "truth",
                "label": thing.label,
                "centre": _triple(thing.box.centre),
                "size": _triple(thing.box.size),
                "confidence": "",
                "kind": "truth",
            }
            for thing in scene.truth
        ]
    return {"rows": rows, "unit": _unit(scene), "open": True}


def _changed(scene: Scene, before: Exchange) -> str:
    if before.cloud is not None and before.cloud.name == scene.name:
        return "The cloud has changed, so objects have new numbers. The next question is about it as it is now."
    return f"The next question is about {scene.name}. Objects named above belong to another cloud."


def _unit(scene: Scene) -> str:
    """The unit of the boxes, as far as one can say."""
    guess = next((finding.guess for finding in scene.diagnosis.findings if finding.name == "unit"), "unknown")
    return "m" if guess == "metres" or "unit" in scene.made else "file units"


def _name_in(phrase: str) -> str:
    """The words at its end that say what an object is, with the space after them."""
    found = _NAME.search(phrase)
    return found[1] if found else ""


def _fix_words(fix: Fix) -> str:
    """What the button of a fix says it does."""
    match fix:
        case Scale():
            return f"Scale by {fix.factor:g}"
        case Rotate():
            return "Turn upright"
        case Recentre():
            return "Move zero to the ground"
        case Recolour():
            return "Set the colours' range"
        case DropColours():
            return "Leave the colours out"
        case DropStrays():
            return "Leave stray points out"


def _length(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _triple(values: Iterable[float]) -> list[str]:
    return [f"{value:,.3f}" for value in values]
