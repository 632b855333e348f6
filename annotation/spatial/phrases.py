"""Ways to point at an object in words: by place, size, order and by what stands around it.

Does not know objects; ``{noun}`` is what is pointed at, ``{anchor}`` what it is seen from.
"""

from __future__ import annotations

from annotation.visual_tasks.wordings import Wordings

__all__ = ["BETWEEN", "DEFINITE", "ORDINALS", "ORDINAL_WORDS", "PAIR", "RELATIONS", "SUPERLATIVES"]

ORDINAL_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth")

DEFINITE = Wordings(
    direct=(
        "the {noun}",
        "the {noun}",
        "the {noun}",
        "the only {noun}",
        "the {noun} here",
        "the {noun} on the {place}",
    ),
    held_out=("the single {noun}", "the {noun} in this scan"),
)

SUPERLATIVES = {
    "left": Wordings(
        ("the {noun} furthest to the left", "the {noun} furthest to the left", "the leftmost {noun}",
         "the {noun} on the far left", "the {noun} that is furthest left", "the {noun} at the left end",
         "the first {noun} from the left", "the {noun} farthest to the left", "the {noun} most to the left"),
        ("the {noun} closest to the left side", "the {noun} with nothing to its left"),
    ),
    "right": Wordings(
        ("the {noun} furthest to the right", "the {noun} furthest to the right", "the rightmost {noun}",
         "the {noun} on the far right", "the {noun} that is furthest right", "the {noun} at the right end",
         "the first {noun} from the right", "the {noun} farthest to the right", "the {noun} most to the right"),
        ("the {noun} closest to the right side", "the {noun} with nothing to its right"),
    ),
    "near": Wordings(
        ("the {noun} nearest to the viewer", "the {noun} nearest to the viewer", "the nearest {noun}",
         "the {noun} closest to the viewer", "the {noun} closest to me", "the {noun} in the very front",
         "the front-most {noun}", "the {noun} that stands nearest to the camera", "the closest {noun}"),
        ("the {noun} with the smallest distance to the camera", "the {noun} right in front of me"),
    ),
    "far": Wordings(
        ("the {noun} furthest from the viewer", "the {noun} furthest from the viewer", "the {noun} furthest away",
         "the {noun} at the very back", "the most distant {noun}", "the {noun} farthest from the viewer",
         "the {noun} furthest from the camera", "the rearmost {noun}", "the {noun} that is furthest from me"),
        ("the {noun} with the largest distance to the camera", "the last {noun} at the back"),
    ),
    "highest": Wordings(
        ("the {noun} whose top is highest", "the {noun} whose top is highest", "the {noun} that reaches highest",
         "the {noun} reaching highest above the {place}", "the highest {noun}", "the {noun} with the highest top",
         "the {noun} that sticks up the most", "the {noun} with the highest point"),
        ("the {noun} that goes up the furthest", "the {noun} rising highest"),
    ),
    "lowest": Wordings(
        ("the {noun} whose top is lowest", "the {noun} whose top is lowest", "the {noun} that reaches least high",
         "the lowest {noun}", "the {noun} with the lowest top", "the {noun} that stays lowest",
         "the {noun} that sticks up the least", "the {noun} reaching least above the {place}"),
        ("the {noun} that rises least", "the {noun} whose upper end is lowest"),
    ),
    "tallest": Wordings(
        ("the tallest {noun}", "the tallest {noun}", "the {noun} with the greatest height",
         "the {noun} that is tallest",
         "the {noun} that is the tallest of all", "the {noun} which measures most from bottom to top"),
        ("the {noun} of greatest height", "the {noun} longest from top to bottom"),
    ),
    "shortest": Wordings(
        ("the shortest {noun}", "the flattest {noun}", "the {noun} with the smallest height",
         "the {noun} that is flattest",
         "the least tall {noun}", "the {noun} which measures least from bottom to top"),
        ("the {noun} of smallest height", "the {noun} shortest from top to bottom"),
    ),
    "widest": Wordings(
        ("the widest {noun}", "the widest {noun}", "the {noun} with the greatest width", "the {noun} that is widest",
         "the {noun} that is broadest from left to right", "the broadest {noun}"),
        ("the {noun} of greatest width", "the {noun} taking most room from side to side"),
    ),
    "narrowest": Wordings(
        ("the narrowest {noun}", "the narrowest {noun}", "the {noun} with the smallest width",
         "the {noun} that is narrowest",
         "the {noun} that is slimmest from left to right", "the thinnest {noun} from side to side"),
        ("the {noun} of smallest width", "the {noun} taking least room from side to side"),
    ),
    "largest": Wordings(
        ("the largest {noun}", "the largest {noun}", "the biggest {noun}", "the {noun} with the largest box",
         "the {noun} that takes most space", "the {noun} of the greatest size", "the most voluminous {noun}"),
        ("the {noun} with the greatest volume", "the {noun} that is bigger than the others"),
    ),
    "smallest": Wordings(
        ("the smallest {noun}", "the smallest {noun}", "the tiniest {noun}", "the {noun} with the smallest box",
         "the {noun} that takes least space", "the {noun} of the least size", "the littlest {noun}"),
        ("the {noun} with the least volume", "the {noun} that is smaller than the others"),
    ),
}  # fmt: skip

# Only where there are two of them.
PAIR = {
    "left": Wordings(
        ("the {noun} on the left", "the left {noun}", "the {noun} to the left"), ("the left-hand {noun}",)
    ),
    "right": Wordings(
        ("the {noun} on the right", "the right {noun}", "the {noun} to the right"), ("the right-hand {noun}",)
    ),
    "near": Wordings(("the {noun} in front", "the nearer {noun}", "the {noun} closer to me"), ("the front {noun}",)),
    "far": Wordings(("the {noun} behind", "the {noun} at the back", "the {noun} further away"), ("the rear {noun}",)),
    "highest": Wordings(("the higher {noun}", "the {noun} that reaches higher"), ("the {noun} that comes up higher",)),
    "lowest": Wordings(("the lower {noun}", "the {noun} that reaches less high"), ("the {noun} that stays lower",)),
    "tallest": Wordings(("the taller {noun}", "the {noun} that is taller"), ("the {noun} of more height",)),
    "shortest": Wordings(("the shorter {noun}", "the flatter {noun}"), ("the {noun} of less height",)),
    "widest": Wordings(("the wider {noun}", "the broader {noun}"), ("the {noun} of more width",)),
    "narrowest": Wordings(("the narrower {noun}", "the {noun} that is less wide"), ("the {noun} of less width",)),
    "largest": Wordings(("the larger {noun}", "the bigger {noun}", "the big {noun}"), ("the {noun} of more volume",)),
    "smallest": Wordings(
        ("the smaller {noun}", "the small {noun}", "the little {noun}"), ("the {noun} of less volume",)
    ),
}

ORDINALS = {
    "left": Wordings(
        ("the {nth} {noun} from the left", "the {noun} that is {nth} from the left", "number {n} from the left",
         "the {nth} {noun} counted from the left"),
        ("the {noun} that comes {nth} when going from left to right",),
    ),
    "right": Wordings(
        ("the {nth} {noun} from the right", "the {noun} that is {nth} from the right", "number {n} from the right",
         "the {nth} {noun} counted from the right"),
        ("the {noun} that comes {nth} when going from right to left",),
    ),
    "near": Wordings(
        ("the {nth} nearest {noun}", "the {nth} {noun} from the front",
         "the {noun} that is {nth} nearest to the viewer"),
        ("the {noun} that comes {nth} when going from front to back",),
    ),
    "far": Wordings(
        ("the {nth} furthest {noun}", "the {nth} {noun} from the back",
         "the {noun} that is {nth} furthest from the viewer"),
        ("the {noun} that comes {nth} when going from back to front",),
    ),
    "tallest": Wordings(
        ("the {nth} tallest {noun}", "the {noun} that is {nth} in height", "the {nth} {noun} by height"),
        ("the {noun} that comes {nth} when ordered by height",),
    ),
    "largest": Wordings(
        ("the {nth} largest {noun}", "the {nth} biggest {noun}", "the {nth} {noun} by size"),
        ("the {noun} that comes {nth} when ordered by size",),
    ),
}  # fmt: skip

RELATIONS = {
    "left": Wordings(
        ("the {noun} to the left of {anchor}", "the {noun} left of {anchor}", "the {noun} on the left side of {anchor}",
         "the {noun} that stands left of {anchor}", "the {noun} {anchor} has on its left"),
        ("the {noun} at the left-hand side of {anchor}",),
    ),
    "right": Wordings(
        ("the {noun} to the right of {anchor}", "the {noun} right of {anchor}",
         "the {noun} on the right side of {anchor}",
         "the {noun} that stands right of {anchor}", "the {noun} {anchor} has on its right"),
        ("the {noun} at the right-hand side of {anchor}",),
    ),
    "near": Wordings(
        ("the {noun} in front of {anchor}", "the {noun} before {anchor}",
         "the {noun} closer to the viewer than {anchor}",
         "the {noun} that stands in front of {anchor}", "the {noun} nearer than {anchor}"),
        ("the {noun} on the viewer's side of {anchor}",),
    ),
    "far": Wordings(
        ("the {noun} behind {anchor}", "the {noun} at the back of {anchor}",
         "the {noun} further from the viewer than {anchor}",
         "the {noun} that stands behind {anchor}", "the {noun} further away than {anchor}"),
        ("the {noun} on the far side of {anchor}",),
    ),
    "top": Wordings(
        ("the {noun} on top of {anchor}", "the {noun} on {anchor}", "the {noun} standing on {anchor}",
         "the {noun} that {anchor} carries", "the {noun} resting on {anchor}", "the {noun} stacked on {anchor}"),
        ("the {noun} which is piled upon {anchor}",),
    ),
    "under": Wordings(
        ("the {noun} under {anchor}", "the {noun} below {anchor}", "the {noun} beneath {anchor}",
         "the {noun} that carries {anchor}", "the {noun} underneath {anchor}", "the {noun} {anchor} stands on"),
        ("the {noun} which supports {anchor}",),
    ),
    "nearest": Wordings(
        ("the {noun} nearest to {anchor}", "the {noun} closest to {anchor}", "the {noun} next to {anchor}",
         "the nearest {noun} to {anchor}", "the {noun} that is nearest to {anchor}", "the neighbour of {anchor}"),
        ("the {noun} with the least distance from {anchor}",),
    ),
    "furthest": Wordings(
        ("the {noun} furthest from {anchor}", "the {noun} farthest from {anchor}",
         "the {noun} most distant from {anchor}",
         "the {noun} that is furthest from {anchor}"),
        ("the {noun} with the greatest distance from {anchor}",),
    ),
}  # fmt: skip

BETWEEN = Wordings(
    ("the {noun} between {anchor} and {other}", "the {noun} in between {anchor} and {other}",
     "the {noun} that stands between {anchor} and {other}", "the {noun} in the middle of {anchor} and {other}"),
    ("the {noun} with {anchor} on one side and {other} on the other",),
)  # fmt: skip
