"""Records on disk: the turns of a conversation, and a pairs.json that appears once all records are in it.

Does not know what the records are about.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.visual_tasks.picture import Exchange

__all__ = ["PairsFile", "turns"]


def turns(conversation: Sequence[Exchange]) -> list[dict[str, str]]:
    """Questions and answers as LAMM's records hold them."""
    said = []
    for exchange in conversation:
        said += [{"from": "human", "value": exchange.question}, {"from": "gpt", "value": exchange.answer}]
    return said


class PairsFile:
    """Writes records one by one and puts pairs.json in place when all are there; media belong into ``media``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = 0
        (folder / "media").mkdir(parents=True, exist_ok=True)
        self._partial = folder / "pairs.json.partial"
        self._file = self._partial.open("w", encoding="utf-8")
        self._file.write("[\n")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""
        self._file.write((",\n" if self.records else "") + json.dumps(record, ensure_ascii=False))
        self.records += 1

    def close(self) -> Path:
        """Finish pairs.json; until here an older one stays as it was."""
        self._file.write("\n]\n")
        self._file.close()
        final = self.folder / "pairs.json"
        os.replace(self._partial, final)
        return final
