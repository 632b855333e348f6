"""The pictures and scans shipped to try the page with, each with a question.

Does not know the page. Where each comes from stands in assets/LICENSES.md.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXAMPLES", "SCENES", "Example"]


@dataclass(frozen=True)
class Example:
    """A file of assets/demo and what one may ask about it."""

    file: str
    title: str
    question: str


EXAMPLES = (
    Example("cat.jpg", "A cat", "Where is the cat?"),
    Example("word.png", "A word", "What word is written in the picture?"),
    Example("shapes.png", "Shapes", "How many circles are there?"),
    Example("astronaut.jpg", "A portrait", "Where is the person?"),
    Example("scene.png", "A street", "Describe the picture."),
    Example("coffee.jpg", "A cup", "What is in the picture?"),
)

SCENES = (
    Example("table.ply", "A table-top", "Which object is furthest to the left?"),
    Example("room.ply", "A room", "What is the tallest object?"),
    Example("sideways.ply", "In millimetres, on its side", "How many objects are there?"),
)
