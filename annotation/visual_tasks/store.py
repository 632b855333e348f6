"""Pairs on disk: one media folder and one pairs.json in the record form of LAMM.

Does not know how pictures are made or what is asked about them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.visual_tasks.picture import Exchange, Picture

__all__ = ["PairsFolder", "record"]


def record(picture: Picture, conversation: Sequence[Exchange], *, number: int, image: str) -> dict[str, Any]:
    """One LAMM record; ``target`` carries the annotation that the answers were composed from."""
    turns = []
    for exchange in conversation:
        turns += [{"from": "human", "value": exchange.question}, {"from": "gpt", "value": exchange.answer}]
    target: dict[str, Any] = {}
    if picture.label:
        target["label"] = picture.label
    if picture.word:
        target["word"] = picture.word
    if picture.joints:
        target["joints"] = {name: [round(x, 4), round(y, 4)] for name, (x, y) in picture.joints.items()}
    elif picture.things:
        target["objects"] = [
            {"label": thing.label, "bbox": [round(value, 4) for value in thing.box]} for thing in picture.things
        ]
    return {
        "id": f"{picture.id}-{number}",
        "image": image,
        "conversations": turns,
        "task_type": conversation[0].kind,
        "src_image": picture.source,
        "target": target,
        "width": picture.width,
        "height": picture.height,
    }


class PairsFolder:
    """Writes records one by one and puts pairs.json in place when all are there.

    Picture files are named by the picture's id, so a second run writes over the first and nothing doubles.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = 0
        (folder / "media").mkdir(parents=True, exist_ok=True)
        self._partial = folder / "pairs.json.partial"
        self._file = self._partial.open("w", encoding="utf-8")
        self._file.write("[\n")

    def save(self, picture: Picture) -> str:
        """Store the picture file; its path relative to the folder."""
        name = f"media/{picture.id}{picture.suffix}"
        path = self.folder / name
        if not path.exists() or path.read_bytes() != picture.content:
            path.write_bytes(picture.content)
        return name

    def add(self, picture: Picture, conversation: Sequence[Exchange], *, number: int, image: str) -> None:
        """Append one record."""
        line = json.dumps(record(picture, conversation, number=number, image=image), ensure_ascii=False)
        self._file.write((",\n" if self.records else "") + line)
        self.records += 1

    def close(self) -> Path:
        """Finish pairs.json; until here an older one stays as it was."""
        self._file.write("\n]\n")
        self._file.close()
        final = self.folder / "pairs.json"
        os.replace(self._partial, final)
        return final
