"""Pictures that are only known, not seen: their annotations, and a placeholder where the file would be.

Does not know what an encoder would make of them. They cost nothing, so a language model can practise reading findings
out, whatever they are, before it meets the few pictures that somebody annotated.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from annotation import words
from annotation.visual_tasks.picture import Picture, Thing
from lamm_core.conversation import FINDINGS_SUFFIX
from lamm_core.names import JOINTS, OBJECTS, PICTURE_CLASSES, imagenet_names

__all__ = ["named_pictures", "pictures"]

MOST_THINGS = 8
SIZES = ((640, 480), (480, 640), (512, 512), (224, 224), (640, 360))  # of pictures
SMALLEST = 0.02  # side of a box
CROWDED = 0.1  # share of scenes with more things than an answer lists


def pictures(count: int, *, seed: str) -> Iterator[Picture]:
    """Scenes, people, words and single things."""
    rng = random.Random(f"imagined {seed}")
    for number in range(count):
        name = f"imagined-{seed.replace(' ', '-')}-{number:06d}"
        kind = rng.choices(("scene", "person", "word", "class"), (50, 36, 8, 6))[0]
        width, height = rng.choice(SIZES)
        things: tuple[Thing, ...] = ()
        places: dict[str, tuple[float, float]] = {}
        word = label = None
        if kind == "scene":
            things = _things(rng)
        elif kind == "person":
            places = _pose(rng)
        elif kind == "word":
            word = words.plain(words.random_text(rng)) or "A"
        else:
            label = rng.choice(PICTURE_CLASSES)
        content = _findings(label=label, word=word, joints=places, things=things, width=width, height=height)
        yield Picture(
            name, "imagined", content, FINDINGS_SUFFIX, width, height, label, word, things, places, OBJECTS
        )  # fmt: skip


def named_pictures(copies: int, *, seed: str) -> Iterator[Picture]:
    """Each of ImageNet's 1,000 names as often as ``copies`` says; what is asked of them is only the name."""
    rng = random.Random(f"names {seed}")
    for number, name in enumerate(imagenet_names()):
        for copy in range(copies):
            identity = f"names-{seed.replace(' ', '-')}-{number:04d}-{copy}"
            things = _things(rng) if rng.random() < 0.3 else ()
            width, height = rng.choice(SIZES)
            content = _findings(name=number, things=things[:3], width=width, height=height, copy=copy)
            yield Picture(identity, "names", content, FINDINGS_SUFFIX, width, height, label=name)


def _findings(*, things: Sequence[Thing], **others: Any) -> bytes:
    """What there is to find, as the encoder composes it."""
    found = {key: value for key, value in others.items() if value not in (None, {})}
    objects = [{"label": thing.label, "bbox": thing.box} for thing in things]
    return json.dumps({**found, "objects": objects}).encode() + b"\n"


def _things(rng: random.Random) -> tuple[Thing, ...]:
    kinds = [rng.choice(OBJECTS) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    crowd = rng.random() < CROWDED
    count = rng.randint(MOST_THINGS, 40) if crowd else min(MOST_THINGS, len(kinds) + rng.choice((0, 0, 0, 1, 2, 4)))
    found = []
    for place in range(count):
        label = kinds[place] if place < len(kinds) else rng.choice(kinds)
        width, height = (min(0.98, SMALLEST + rng.random() ** 2 * 0.95) for _ in range(2))
        x, y = rng.uniform(0, 0.99 - width), rng.uniform(0, 0.99 - height)
        found.append(Thing(label, (x, y, x + width, y + height)))
    return tuple(sorted(found, key=lambda thing: -thing.area))


def _pose(rng: random.Random) -> dict[str, tuple[float, float]]:
    """Joints anywhere: a body's proportions must come from what is found, not from habit."""
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)
    reach = rng.uniform(0.1, 0.6)
    return {
        name: tuple(min(0.99, max(0.0, centre + rng.uniform(-reach, reach))) for centre in (x, y))  # type: ignore[misc]
        for name in JOINTS
    }
