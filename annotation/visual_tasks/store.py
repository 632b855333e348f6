"""Pairs on disk: one media folder and one pairs.json in the record form of LAMM.

Does not know how pictures are made or what is asked about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.pairs_file import PairsFile, turns
from annotation.visual_tasks.picture import Exchange, Picture

__all__ = ["PairsFolder", "record"]


def record(picture: Picture, conversation: Sequence[Exchange], *, number: int, image: str) -> dict[str, Any]:
    """One LAMM record; ``target`` carries the annotation that the answers were composed from."""
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
        "conversations": turns(conversation),
        "task_type": conversation[0].kind,
        "src_image": picture.source,
        "target": target,
        "width": picture.width,
        "height": picture.height,
    }


class PairsFolder(PairsFile):
    """Pairs about pictures, whose files are named by the picture's id: a second run writes over the first."""

    def save(self, picture: Picture) -> str:
        """Store the picture file; its path relative to the folder."""
        name = f"media/{picture.id}{picture.suffix}"
        path = self.folder / name
        if not path.exists() or path.read_bytes() != picture.content:
            path.write_bytes(picture.content)
        return name

    def add(self, picture: Picture, conversation: Sequence[Exchange], *, number: int, image: str) -> None:
        """Append one record."""
        self.write(record(picture, conversation, number=number, image=image))
