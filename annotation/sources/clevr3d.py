"""CLEVR3D: composed questions about 3RScan's rooms, with one-word answers.

Does not know what is made of them. The questions of one scan become one source.
"""

from __future__ import annotations

from collections.abc import Iterator

from annotation.sources.coco import BROKEN_VALUES, problem
from annotation.sources.json_items import Gathered, items
from annotation.sources.reader import Expected, Files, Reader
from annotation.sources.scene_graphs import TERMS, cloud_of, things_of
from annotation.sources.source import Broken, Question, Source
from lamm_core.conversation import Media

__all__ = ["READER"]

MOST_QUESTIONS = 40  # of a scan: the set asks hundreds, and a query must stay short


def read(files: Files) -> Iterator[Source | Broken]:
    """A source for each scan, in the order of its first question."""
    path = files["questions"]
    with path.open("rb") as file:
        prefix = "item" if file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"[" else "questions.item"
    names: dict[str, None] = {}
    with Gathered() as asked, Gathered() as objects:
        if "objects" in files:
            for scan in items(files["objects"], "scans.item"):
                if isinstance(scan, Broken):
                    yield scan
                elif isinstance(scan, dict):
                    objects.add(scan.get("scan"), scan.get("objects", []))
        for index, entry in enumerate(items(path, prefix)):
            if isinstance(entry, Broken):
                yield entry
                continue
            try:
                row = (str(entry["question"]).strip(), _answer(entry["answer"]))
                names.setdefault(str(entry["scan"]))  # 1,129 rooms: their names fit into memory, the questions need not
                asked.add(entry["scan"], row)
            except BROKEN_VALUES as error:
                yield Broken(f"{path.name}, question {index}", problem(error))
        for name in names:
            try:
                known = objects.take(name)
                yield Source(
                    f"clevr3d-{name}", "clevr3d", (Media("pointcloud", cloud_of(files["scans"], name)),), TERMS,
                    questions=tuple(Question(*row) for row in asked.take(name)[:MOST_QUESTIONS]),
                    things=things_of(known[0], files["scans"] / name) if known else (),
                )  # fmt: skip
            except (OSError, *BROKEN_VALUES) as error:
                yield Broken(f"{path.name}, scan {name}", problem(error))


def _answer(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value).strip()
    return {"True": "yes", "False": "no"}.get(text, text)


READER = Reader(
    "clevr3d",
    "CLEVR3D's questions about 3RScan's rooms",
    TERMS,
    "pointcloud",
    ("C1", "C4"),
    (
        Expected("questions", "CLEVR3D.json", "the questions' JSON"),
        Expected("scans", "3RScan", "the folder of scans"),
        Expected("objects", "3DSSG/objects.json", "3DSSG's objects", required=False),
    ),
    read,
)
