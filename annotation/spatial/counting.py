"""Counting objects: all, those of a colour or kind, those beside another; a numeral as the answer.

Does not know where the counted objects are.
"""

from __future__ import annotations

from annotation.spatial.references import any_reference
from annotation.spatial.relations import direction
from annotation.spatial.speaker import Speaker
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings, plural

__all__ = ["WORDINGS", "count_beside", "count_group"]

KIND = "VQA3d"
WORDINGS = Wordings(
    direct=(
        "How many {nouns} are on the {place}?", "How many {nouns} are there?", "How many {nouns} do you see?",
        "Count the {nouns}.", "How many {nouns} are in the scan?", "Number of {nouns}?",
        "What is the number of {nouns}?",
        "How many {nouns} can you find?", "Please count the {nouns}.", "How many {nouns} stand on the {place}?",
        "How many {nouns} does the scan show?", "Tell me how many {nouns} there are.", "Can you count the {nouns}?",
        "How many {nouns} are in the scene?", "Give the count of {nouns}.",
        "How many {nouns} does the point cloud contain?",
        "Say the number of {nouns}.", "In total, how many {nouns} are there?", "{nouns}: how many?",
        "How many {nouns} would you count?", "I need the number of {nouns}.", "How many separate {nouns} are there?",
        "What is the total of {nouns}?", "Find out how many {nouns} are there.", "How many {nouns} have been scanned?",
    ),
    held_out=(
        "What number of {nouns} is visible?", "How many {nouns} can be counted in this point cloud?",
        "You are an assistant that counts objects in 3D scans. The answer should be a numeral. "
        "How many {nouns} are there in this scan?",
    ),
    roles=(
        "You are a visual assistant that counts objects in 3D scans.", "The task is counting.",
        "You can analyse a point cloud.", "You answer questions about a 3D scene.",
    ),
    formats=("Answer with a number.", "The answer is a numeral.", "Reply with digits.", "Give the number only."),
    long_share=0.2,
)  # fmt: skip
BESIDE = {
    "left": "to the left of", "right": "to the right of", "near": "in front of", "far": "behind",
    "higher": "higher than", "taller": "taller than", "larger": "larger than", "smaller": "smaller than",
}  # fmt: skip


def count_group(speaker: Speaker, *, everything: bool = False) -> Exchange | None:
    """All objects, or those of a colour or kind; sometimes of a colour that is not there."""
    if everything or speaker.rng.random() < 0.35:
        nouns = speaker.nouns(speaker.groups[0])
        return speaker.exchange(WORDINGS, str(len(speaker.objects)), KIND, nouns=nouns)
    groups = [group for group in speaker.groups if not group.is_all]
    colours = speaker.absent_colours
    if colours and (not groups or speaker.rng.random() < 0.2):
        nouns = plural(f"{speaker.rng.choice(colours)} {speaker.generic()}")
        return speaker.exchange(WORDINGS, "0", KIND, nouns=nouns)
    if not groups:
        return None
    group = speaker.rng.choices(groups, [len(one.things) ** 2 for one in groups])[0]  # or "1" would nearly always do
    return speaker.exchange(WORDINGS, str(len(group.things)), KIND, nouns=speaker.nouns(group))


def count_beside(speaker: Speaker) -> Exchange | None:
    """How many are left of, behind, higher than ... one of them; None where one is too close to call."""
    anchor = any_reference(speaker)
    if anchor is None:
        return None
    way = speaker.rng.choice(list(BESIDE))
    told = [
        direction(thing, anchor.thing, way, speaker.margins) for thing in speaker.objects if thing is not anchor.thing
    ]
    if None in told:
        return None
    words = f"{speaker.nouns(speaker.groups[0])} {BESIDE[way]} {anchor.text}"
    pool = Wordings(
        direct=(f"How many {words}?", f"How many {words} are there?", f"Count the {words}.", f"Number of {words}?"),
        held_out=(f"What number of {words} can be seen?",),
    )
    return speaker.exchange(pool, str(sum(bool(one) for one in told)), KIND)
