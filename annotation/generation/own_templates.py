"""Templates of our own for every task of C4, for clients that cannot write any: our small model and the fake writer.

Does not know sources. ``MEDIUM`` stands for picture or scan.
"""

from __future__ import annotations

__all__ = ["own_templates"]

ASKS: dict[str, list[str]] = {
    "none": ["Find every object in the MEDIUM and give its box.", "Detect all objects.",
             "Where are the things in this MEDIUM?", "List all objects with their positions.",
             "Please box everything you can see.", "Which objects are there, and where?"],
    "text": ["What does it say?", "Read the text in the MEDIUM.", "Which words can you read?"],
    "class": ["What is this?", "Name the class of what the MEDIUM shows.", "Which kind of thing is shown?",
              "What does the MEDIUM show?"],
    "number": ["Count every {category} in this MEDIUM.", "What is the number of {category}?",
               "How often do you see {category}?", "Give the count of {category}."],
    "{category}": ["Where is the {category}?", "Find the {category} in this MEDIUM.",
                   "Please look for the {category}.", "Give the position of the {category}."],
    "{question}": ["{question}", "Please answer: {question}", "Look at the MEDIUM. {question}"],
}  # fmt: skip
SAYS: dict[str, list[str]] = {
    "{category}": ["This is a {category}.", "It is a {category}.", "What is shown is a {category}."],
    "{category}, {position}": ["The {category} is at {position}.", "There is a {category} at {position}.",
                               "You will find a {category} at {position}.", "At {position} there is a {category}."],
    "{category}, {number}": ["The number of {category} is {number}.", "Counting {category} gives {number}.",
                             "I count {number} for {category}."],
    "{answer}": ["{answer}", "The answer is {answer}.", "It is {answer}."],
}  # fmt: skip


def own_templates(query: str) -> dict[str, list[str]]:
    """The pools for a task, read from the text that a chat model would be asked; exactly its slots are in them."""
    task = dict(line.split(": ", 1) for line in query.splitlines() if ": " in line)
    asks, says = task.get("Slots of an instruction", "none"), task.get("Slots of a response", "{answer}")
    about = task.get("Task", "")
    if asks == "none":
        asks = "text" if "text" in about else "class" if "class" in about else "none"
    elif "{number}" in says:
        asks = "number"
    medium = "picture" if "picture" in task.get("Medium", "picture") else "scan"
    return {"instructions": [text.replace("MEDIUM", medium) for text in ASKS[asks]], "responses": list(SAYS[says])}
