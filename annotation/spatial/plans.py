"""Which conversations are held about one scene.

Does not know how they are written to disk, nor whose numbers the objects have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from annotation.spatial.choices import choose, choose_side
from annotation.spatial.comparing import present, yes_no
from annotation.spatial.counting import count_beside, count_group
from annotation.spatial.describing import classify, colour_of, describe, describe_one, detect, place_of
from annotation.spatial.dialogue import rounds
from annotation.spatial.grounding import ground, ground_none, ground_several, ground_simple
from annotation.spatial.measuring import far_apart, size_of
from annotation.spatial.objects import SceneObject
from annotation.spatial.speaker import Speaker
from annotation.visual_tasks.picture import Exchange

__all__ = ["KINDS", "conversations"]

Conversation = list[Exchange]
# How often each kind of question comes. Grounding leads: it is what everything else about a scene leans on.
KINDS: dict[str, tuple[Callable[[Speaker], Exchange | None], float]] = {
    "ground": (ground, 12), "ground none": (ground_none, 0.8), "ground several": (ground_several, 2),
    "count": (count_group, 3), "count beside": (count_beside, 1), "detect": (detect, 2),
    "choose": (choose, 4), "choose side": (choose_side, 2.5), "yes or no": (yes_no, 2), "present": (present, 1),
    "size": (size_of, 1.5), "distance": (far_apart, 0.8), "describe": (describe, 1),
    "describe one": (describe_one, 0.7),
    "classify": (classify, 1), "colour": (colour_of, 1.2), "place": (place_of, 0.7),
}  # fmt: skip
TALKS = 0.12  # share of conversations that go on over rounds about one object
# What to learn first: objects by what they have most of or by their colour, counts, lists.
FIRST: dict[str, tuple[Callable[[Speaker], Exchange | None], float]] = {
    "ground": (ground_simple, 12), "ground none": (ground_none, 0.5), "count": (count_group, 3),
    "detect": (detect, 1.5), "choose": (choose, 3),
}  # fmt: skip
JOINED = 0.7  # share of the others that are several unrelated questions in a row: the scene is read once for all
PATIENCE = 8  # tries for each conversation: a scene of one object leaves little to ask


def conversations(
    objects: Sequence[SceneObject],
    rng: random.Random,
    *,
    unseen: float = 0.0,
    place: str = "table",
    most: int = 8,
    first: bool = False,
) -> list[Conversation]:
    """At most so many conversations about a scene; none where it is empty.

    Answers call objects by the numbers they have, which may be those of an encoder's own proposals. ``unseen`` is the
    share of held-out wordings; ``place`` is what things stand on, ``table`` or ``floor``; with ``first`` only what is
    to be learned first is asked.
    """
    if not objects:
        return []
    speaker = Speaker(objects, rng, unseen=unseen, place=place)
    kinds = FIRST if first else KINDS
    names, weights = list(kinds), [weight for _, weight in kinds.values()]
    talks: list[Conversation] = []
    for _ in range(most * PATIENCE):
        if len(talks) == most:
            break
        if not first and rng.random() < TALKS:
            if talk := rounds(speaker):
                talks.append(talk)
            continue
        wanted = rng.randint(2, 6) if rng.random() < JOINED else 1
        talk = []
        for name in rng.choices(names, weights, k=wanted):
            if (asked := kinds[name][0](speaker)) and asked.question not in {turn.question for turn in talk}:
                talk.append(asked)
        if talk and talk not in talks:
            talks.append(talk)
    return talks
