"""TextVQA: questions about the text in pictures, with the words that an OCR system found.

Does not know what is asked of them. Questions about one picture become one source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import Gathered, items
from annotation.sources.reader import Expected, Files, Reader, number
from annotation.sources.source import Broken, Question, Source, Word
from lamm_core.conversation import Media

__all__ = ["READER"]

TERMS = "annotations CC BY 4.0, photos from Open Images"


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each picture, in the order of its first question."""
    path = files["questions"]
    with Gathered() as asked, Gathered() as read_words, Gathered() as seen:
        for index, entry in enumerate(items(path, "data.item")):
            if isinstance(entry, Broken):
                yield entry
                continue
            try:
                asked.add(entry["image_id"], (entry["question"], _agreed(entry["answers"])))
            except BROKEN_VALUES as error:
                yield Broken(f"{path.name}, question {index}", problem(error))
        if "ocr" in files:
            for entry in items(files["ocr"], "data.item"):
                if isinstance(entry, Broken):
                    yield entry
                else:
                    read_words.add(entry.get("image_id"), entry.get("ocr_info", entry.get("ocr_tokens", [])))
        for index, entry in enumerate(items(path, "data.item")):
            if isinstance(entry, Broken) or not isinstance(entry, dict) or seen.take(key := entry.get("image_id")):
                continue
            seen.add(key, 1)
            try:
                questions = tuple(Question(*row) for row in asked.take(key))
                if questions:
                    yield _source(entry, files, questions, read_words.take(key))
            except BROKEN_VALUES as error:
                yield Broken(f"{path.name}, question {index}", problem(error))


def _agreed(answers: list[str]) -> str:
    """The answer most of the ten people gave."""
    ((answer, _),) = Counter(answer.strip().lower() for answer in answers).most_common(1)
    return answer


def _source(entry: Mapping[str, Any], files: Files, questions: tuple[Question, ...], found: list[Any]) -> Source:
    file = files["images"] / f"{entry['image_id']}.jpg"
    if not file.is_file():
        raise ValueError(f"its picture {file} does not exist")
    return Source(
        f"textvqa-{entry['image_id']}", "textvqa", (Media("image", file),), TERMS,
        int(number(entry["image_width"], "image_width")), int(number(entry["image_height"], "image_height")),
        words=tuple(_word(one) for one in (found[0] if found else [])), questions=questions,
    )  # fmt: skip


def _word(found: Any) -> Word:
    if isinstance(found, str):
        return Word(found)
    box = found.get("bounding_box") or {}
    if not {"top_left_x", "top_left_y", "width", "height"} <= set(box):
        return Word(str(found["word"]))
    x, y = box["top_left_x"], box["top_left_y"]  # TextVQA gives shares of the picture here, not pixels
    corners = (x, y, x + box["width"], y + box["height"])
    left, top, right, bottom = (min(1.0, max(0.0, number(value, "a side of a word"))) for value in corners)
    return Word(str(found["word"]), (left, top, right, bottom))


READER = Reader(
    "textvqa",
    "TextVQA's questions and words",
    TERMS,
    "image",
    ("C4",),
    (
        Expected("questions", "TextVQA_0.5.1_train.json", "the questions' JSON"),
        Expected("images", "train_images", "the folder of pictures"),
        Expected("ocr", "TextVQA_Rosetta_OCR_v0.2_train.json", "the words' JSON", required=False),
    ),
    read,
)
