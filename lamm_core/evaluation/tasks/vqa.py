"""Questions with options about pictures: ScienceQA's with an image, and AI2D's about diagrams.

Does not know how long a model thinks; the runner asks once or twice.
"""

from __future__ import annotations

from pathlib import Path

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry
from lamm_core.evaluation.sets.parquet import Row, parquet, picture_bytes
from lamm_core.evaluation.sets.published import choices, published
from lamm_core.evaluation.tasks.choosing import Choosing
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["TASKS"]


def science(rows: list[Row], file: Path) -> list[Entry]:
    """ScienceQA on the Hub: those questions of the test split that have a picture."""
    return [
        option_row(row, file, index, source="sqaimage", options="choices", hint=str(row.get("hint") or ""))
        for index, row in enumerate(rows)
        if row["image"] is not None
    ]


def diagrams(rows: list[Row], file: Path) -> list[Entry]:
    """AI2D on the Hub."""
    return [option_row(row, file, index, source="ai2d", options="options") for index, row in enumerate(rows)]


def option_row(row: Row, file: Path, index: int, *, source: str, options: str, hint: str = "") -> Entry:
    """A row with ``image``, ``question``, options and ``answer``, the place of the right one. Raises TaskError."""
    found = [str(option) for option in row[options] or ()]
    try:
        right = int(row["answer"])
    except (TypeError, ValueError) as error:
        raise TaskError(f"{file}, row {index}: answer {row['answer']!r} is no place of an option.") from error
    if not 0 <= right < len(found):
        raise TaskError(f"{file}, row {index}: answer {right} of {len(found)} options.")
    name = f"{source}-{index:05d}"
    asked = f"{hint}\n{row['question']}".strip()
    content = picture_bytes(row["image"], file=file, index=index)
    return Entry(name, content, right, source, name, more={"question": asked, "choices": found})


TASKS = (
    Choosing(
        "sqaimage",
        "ScienceQA: questions with a picture",
        forms=(
            published("VQA_SQAimage", choices, source="sqaimage"),
            parquet("ScienceQA", ("image", "question", "choices", "answer", "hint"), science),
        ),
        paper=PAPER["sqaimage"],
    ),
    Choosing(
        "ai2d",
        "AI2D: questions about diagrams",
        forms=(
            published("VQA_AI2D", choices, source="ai2d"),
            parquet("ai2d", ("image", "question", "options", "answer"), diagrams),
        ),
        paper=PAPER["ai2d"],
    ),
)
