"""Answers composed from the notes of a query: right by them, or with one deliberate error of a known kind.

Does not know HTTP. The wording is drawn from a few variants, so that a set of answers is not one sentence repeated.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from annotation.fake.errors import spoil
from annotation.fake.notes import Noted, Notes, read_notes
from annotation.fake.wording import WORDS, kinds, number, some
from annotation.generation.own_templates import own_templates
from annotation.visual_tasks.wordings import plural

__all__ = ["write"]

Rounds = list[dict[str, str]]


def write(query: str, shape: str, rng: random.Random, *, error: str | None = None) -> tuple[str, str]:
    """The answer as JSON text, and which error is in it: ``clean``, or a name of ``errors.ERRORS``.

    The error asked for is left out where the notes give no occasion for it.
    """
    notes = read_notes(query)
    if shape == "Templates":
        return json.dumps(own_templates(query)), "clean"
    rounds = _description(notes, rng) if shape == "Description" else _dialogue(notes, rng)
    done = spoil(rounds, notes, rng, error=error, whole=shape == "Description") if error else "clean"
    if shape == "Description":
        return json.dumps({"instruction": rounds[0]["question"], "description": rounds[0]["answer"]}), done
    return json.dumps({"rounds": rounds}), done


def _round(question: str, answer: str) -> dict[str, str]:
    return {"question": question, "answer": answer}


def _dialogue(notes: Notes, rng: random.Random) -> Rounds:
    if notes.path:
        return _knowledge(notes, rng)
    rounds = [_round(rng.choice(WORDS["what"]).format(medium=notes.medium), f"I can see {kinds(notes.counts)}.")]
    if notes.captions and rng.random() < 0.7:
        rounds.append(_round(rng.choice(WORDS["happens"]), _sentence(rng.choice(notes.captions))))
    if notes.counts:
        label = rng.choice(list(notes.counts))
        many = rng.choice(WORDS["many"]).format(things=plural(label), medium=notes.medium)
        count = notes.counts[label]
        rounds.append(_round(many, f"There {'is' if count == 1 else 'are'} {some(label, count)}."))
    if single := _single(notes):
        one = rng.choice(single)
        if notes.medium == "picture":
            rounds.append(_round(f"Where is the {one.label}?", f"The {one.label} is {side(one)} of the picture."))
        others = [other for other in single if abs(other.across - one.across) > 0.1]
        if others:
            other = rng.choice(others)
            where = "left" if one.across < other.across else "right"
            question = f"Is the {one.label} to the left or to the right of the {other.label}?"
            rounds.append(_round(question, f"The {one.label} is to the {where} of the {other.label}."))
        coloured = [one for one in single if one.attributes]
        if coloured:
            one = rng.choice(coloured)
            rounds.append(_round(f"What colour is the {one.label}?", f"The {one.label} is {one.attributes[0]}."))
    if notes.medium == "scan" and (colours := [one.attributes[0] for one in notes.objects if one.attributes]):
        label = next(iter(notes.counts))
        if len(notes.counts) == 1:
            question = f"Which colours do the {plural(label)} have?"
            rounds.append(_round(question, f"As far as I can tell there {_coloured(label, colours)}."))
    if notes.words:
        rounds.append(_round(rng.choice(WORDS["read"]), f"It says {', '.join(notes.words[:6])}."))
    return rounds


def _single(notes: Notes) -> list[Noted]:
    """The objects that a phrase names without doubt: one of their kind."""
    return [one for one in notes.objects if notes.counts[one.label] == 1 and one.numbers]


def side(one: Noted) -> str:
    """Where in the picture, in words."""
    return "on the left side" if one.across < 0.4 else "on the right side" if one.across > 0.6 else "in the middle"


def _knowledge(notes: Notes, rng: random.Random) -> Rounds:
    label = notes.path[-1]
    broader = f", a kind of {notes.path[-2]}" if len(notes.path) > 1 else ""
    rounds = [_round(rng.choice(WORDS["what"]).format(medium=notes.medium), f"This is a {label}{broader}.")]
    sentences = [part.strip() for part in notes.knowledge.split(". ") if len(part) > 20][:3]
    for question, sentence in zip(rng.sample(WORDS["facts"], 3), sentences, strict=False):
        rounds.append(_round(question.format(label=label), _sentence(sentence)))
    return rounds


def _description(notes: Notes, rng: random.Random) -> Rounds:
    said = [rng.choice(WORDS["opening"]).format(medium=notes.medium, kinds=kinds(notes.counts))]
    if notes.captions:
        said.insert(0, _sentence(notes.captions[0]))
    for one in _single(notes)[:4]:
        if notes.medium == "picture":
            said.append(f"The {one.label} is {side(one)} of the picture.")
        elif one.attributes:
            said.append(f"The {one.label} is {one.attributes[0]}.")
    colours = [one.attributes[0] for one in notes.objects if one.attributes]
    if notes.medium == "scan" and len(colours) > 1 and len(notes.counts) == 1:
        label = next(iter(notes.counts))
        said.append(f"Among the {plural(label)} there {_coloured(label, colours)}.")
    if len(notes.objects) > 1 and notes.objects[0].numbers:
        first = min(notes.objects, key=lambda one: one.across)
        which = f"{first.attributes[0]} {first.label}" if first.attributes and notes.medium == "scan" else first.label
        said.append(f"Furthest to the left stands the {which}." if notes.medium == "scan" else "")
    said += [_sentence(f"the {relation}") for relation in notes.relations[:2]]
    if notes.words:
        said.append(f"It says {', '.join(notes.words[:6])}.")
    question = rng.choice(WORDS["describe"]).format(medium=notes.medium)
    return [_round(question, " ".join(part for part in said if part))]


def _coloured(label: str, colours: Sequence[str]) -> str:
    counted = {colour: colours.count(colour) for colour in colours}
    parts = [f"{number(count)} {colour} {label if count == 1 else plural(label)}" for colour, count in counted.items()]
    verb = "is" if next(iter(counted.values())) == 1 else "are"
    return f"{verb} {parts[0]}" if len(parts) == 1 else f"{verb} {', '.join(parts[:-1])} and {parts[-1]}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
