"""The pictures shipped to try the chat with, each with a question.

Does not know the page. Where each comes from stands in assets/LICENSES.md.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example"]


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
