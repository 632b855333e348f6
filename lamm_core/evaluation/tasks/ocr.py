"""Which words a picture shows: crops of IIIT-5K, street views of SVT.

Does not know letter case; letters and digits are compared in capitals.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation import compat
from lamm_core.evaluation.metrics.reading import edits, words_right
from lamm_core.evaluation.parsing import words
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.parquet import Row, parquet, picture_bytes
from lamm_core.evaluation.sets.published import Record, published, text
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["QUESTIONS", "TASKS", "Ocr"]

QUESTIONS = Questions(
    seen=("What does it say?", "Read the word.", "What is written here?", "Transcribe the word.", "What is the text?"),
    unseen=(
        "What word is written in this picture?",
        "Read the writing in the photo.",
        "What are the words in the image?",
        "You are an assistant that recognises text in pictures. The answer should be the words. "
        "Which words does the image contain?",
    ),
)


class Ocr(SetTask):
    """``word_accuracy``: words read rightly, over the true words or those that were read, whichever are more.

    So a single word must be read and nothing beside it. ``exact``: the whole reading is right, order included. ``cer``:
    edits over true characters, lower is better; silence is as many edits as there are characters.
    ``lamm_word_accuracy``: the share of true words that stand anywhere in the answer.
    """

    kind = "ocr"
    version = 2
    metrics: tuple[str, ...] = ("word_accuracy", "cer", "exact", "lamm_word_accuracy")
    lower_is_better = frozenset({"cer"})
    max_new_tokens = 32
    questions = QUESTIONS

    def hint(self, entry: Entry) -> str:
        """Asked for the words alone."""
        return "Answer with the words."

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        read, true = words(answer), words(" ".join(sample.target)) or [""]
        said, wanted = " ".join(read), " ".join(true)
        right, many = words_right(read, true), max(len(read), len(true))
        parts = {
            "word_accuracy": Part(right / many, 1),
            "cer": Part(edits(said[:2000], wanted), len(wanted)),
            "exact": Part(float(read == true), 1),
            "lamm_word_accuracy": Part(compat.word_share(answer, sample.target), 1),
        }
        detail = {"truth": wanted, "edits": int(parts["cer"].gained)}
        if not read:
            return Score(None, None, "no letters or digits", parts, "none", detail)
        reason = "right" if read == true else f"{right} of {len(true)} words, {len(read)} read"
        how = "whole answer" if len(said) >= len(words_plain(answer)) else "quoted or after a lead-in"
        return Score(right / many, said, reason, parts, how, detail)

    def right_answer(self, sample: Sample) -> str:
        """The words."""
        return " ".join(sample.target)


def words_plain(answer: str) -> str:
    """All letters and digits of an answer in capitals, words parted by one space."""
    return " ".join(
        "".join(c for c in token if c.isascii() and c.isalnum()) for token in answer.upper().split()
    ).strip()


def listed(record: Record) -> tuple[list[str], Mapping[str, Any]]:
    """The truth of a published record of SVT."""
    found = [text(word) for word in record["word_list"]]
    if not found:
        raise ValueError("word_list is empty")
    return found, {}


def crops(rows: list[Row], file: Path) -> list[Entry]:
    """Rows with ``image`` and ``text``."""
    return [
        Entry(f"iiit5k-{i:05d}", picture_bytes(row["image"], file=file, index=i), [str(row["text"]).upper()], "iiit5k",
              f"iiit5k-{i:05d}")
        for i, row in enumerate(rows)
    ]  # fmt: skip


def street_views(files: list[Path]) -> list[Entry]:
    """SVT as it is distributed: ``test.xml`` with the tagged words of each picture."""
    try:
        root = ElementTree.parse(files[0]).getroot()  # nosec B314
    except ElementTree.ParseError as error:
        raise TaskError(f"{files[0]} is not XML ({error}).") from error
    found = []
    for image in root.iter("image"):
        name = image.findtext("imageName", "")
        tags = [tag.text.strip() for tag in image.iter("tag") if tag.text and tag.text.strip()]
        if name and tags:
            found.append(Entry(f"svt-{Path(name).stem}", files[0].parent / name, tags, "svt", f"svt-{Path(name).stem}"))
    return found


TASKS = (
    Ocr(
        "svt",
        "SVT: read the words in a street",
        forms=(published("OCR_SVT", listed, source="svt"), Form(("svt1/test.xml", "svt/test.xml"), street_views)),
        paper=PAPER["svt"],
    ),
    Ocr("iiit5k", "IIIT-5K: read a word", forms=(parquet("iiit5k", ("image", "text"), crops),)),
)
